// A config.json as a runtime is given it: read whole, and refused with the name of the field that is
// wrong before anything is done. What is not known is not looked at, as the specification asks.
// Source: opencontainers/runtime-spec, config.md, version 1.2.

import type { Field } from "./config-field.ts";
import { Field as FieldOf, parseJson, shown } from "./config-field.ts";
import { readLinux } from "./config-linux.ts";
import { readProcess, type Warn } from "./config-process.ts";
import { HOOK_STAGES, type RuntimeSpec, type SpecHook, type SpecHooks } from "./runtime-spec.ts";

/** Versions of the specification that this reads: 1.x. */
const VERSION = /^1\.(\d+)\.\d+(-[\w.-]+)?(\+[\w.-]+)?$/;

function minorVersion(field: Field): number {
  const version = field.text();
  const minor = VERSION.exec(version)?.[1];
  if (minor !== undefined) return Number(minor);
  throw field.error(`is ${shown(version)}`, "Versions 1.x of the specification are read.");
}

function hook(field: Field): SpecHook {
  const timeout = field.at("timeout").optional((f) => f.integer());
  if (timeout !== undefined && timeout <= 0) {
    throw field.at("timeout").error(`must be more than 0 seconds, not ${timeout}`);
  }
  return {
    path: field.at("path").absolutePath(),
    args: field.at("args").texts(),
    env: field.at("env").texts(),
    ...(timeout !== undefined && { timeout }),
  };
}

const hooks = (field: Field): SpecHooks =>
  Object.fromEntries(
    HOOK_STAGES.map((stage) => [stage, field.at(stage).list(hook)]),
  ) as unknown as SpecHooks;

function hostname(field: Field, has: (type: string) => boolean): string | undefined {
  const name = field.optional((f) => f.text());
  if (name === undefined || name === "") return undefined;
  if (new TextEncoder().encode(name).length > 64) throw field.error("has more than 64 bytes");
  if (!has("uts")) throw field.error("needs a uts namespace in linux.namespaces");
  return name;
}

/** @throws NacreError `invalid`, `unsupported`: which field, and why */
export function readConfig(text: string, warn: Warn, file = "config.json"): RuntimeSpec {
  const config = new FieldOf(parseJson(text, file), "", file);
  const version = config.at("ociVersion");
  const minor = minorVersion(version);
  const root = config.at("root");
  const path = root.at("path").text();
  if (path === "") throw root.at("path").error("is empty");
  for (const platform of ["windows", "solaris", "vm", "zos", "freebsd"]) {
    const field = config.at(platform);
    if (field.isGiven) warn(`${field.error("is for another platform").message}: left out`);
  }
  const { mounts, linux } = readLinux(config, warn);
  const has = (type: string) => linux.namespaces.some((one) => one.type === type);
  const process = config.at("process").optional((field) => readProcess(field, minor < 1, warn));
  const [host, domain] = ["hostname", "domainname"].map((name) => hostname(config.at(name), has));
  return {
    ociVersion: version.text(),
    ...(host !== undefined && { hostname: host }),
    ...(domain !== undefined && { domainname: domain }),
    ...(process && { process }),
    root: { path, readonly: root.at("readonly").optional((f) => f.flag()) ?? false },
    mounts,
    hooks: hooks(config.at("hooks")),
    linux,
    annotations: config.at("annotations").record(),
  };
}
