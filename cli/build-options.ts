// The options of `nacre build`, as docker build and buildx have them, and what they come to.

import { isAbsolute, join, relative, resolve } from "node:path";
import { NacreError } from "@nacre/core/error.ts";
import type { BuildContext, BuildOptions, BuildSecret, CachePlace } from "@nacre/engine/engine.ts";
import { LIMIT_OPTIONS, limitsOf } from "./build-limits.ts";
import {
  noAttestation,
  parseAnnotation,
  parseAttestation,
  parseEntitlement,
} from "./build-words.ts";
import { createdAt } from "./created-at.ts";
import { FlagError } from "./flag-error.ts";
import type { Host } from "./host.ts";
import { choice, flag, list, text, type Values, value } from "./options.ts";
import { parseMemoryBytes } from "./parse/bytes.ts";
import { labelsOf, parseLabel, parseVariable, resolveVariables } from "./parse/environment.ts";
import { fieldsOf } from "./parse/fields.ts";
import { parseExtraHost } from "./parse/host-names.ts";
import { parseBoolean } from "./parse/number.ts";
import { configuredProxies } from "./proxy-variables.ts";
import { contentTrust } from "./registry-options.ts";

const word = (one: string): string => one;

export const BUILD_OPTIONS = {
  ...LIMIT_OPTIONS,
  addHost: list(["add-host"], "list", "Add a host to /etc/hosts of RUN (host:ip)", (given) =>
    parseExtraHost(given),
  ),
  allow: list(
    ["allow"],
    "list",
    "Allow RUN --security=insecure: security.insecure (network.host is what RUN has)",
    parseEntitlement,
  ),
  annotation: list(["annotation"], "KEY=VALUE", "An annotation of the manifest", parseAnnotation),
  attest: list(
    ["attest"],
    "list",
    "Refused unless disabled=true: there are none",
    parseAttestation,
  ),
  disableContentTrust: contentTrust,
  buildArg: list(
    ["build-arg"],
    "list",
    "Value of an ARG; a bare name takes it from here",
    parseVariable,
  ),
  buildContext: list(
    ["build-context"],
    "NAME=VALUE",
    "One more context for --from and FROM: a directory, a git address, docker-image://IMAGE",
    word,
  ),
  cacheFrom: list(
    ["cache-from"],
    "list",
    "Steps that others have cached: type=local,src=DIR, or type=registry,ref=IMAGE",
    word,
  ),
  cacheTo: list(
    ["cache-to"],
    "list",
    "Give cached steps to others: type=local,dest=DIR, type=registry,ref=IMAGE or type=inline; mode=max for those of all stages",
    word,
  ),
  call: choice(
    ["call"],
    ["build", "check", "outline", "targets"],
    "What to do: build, or tell of the Dockerfile what is probably a mistake, what it takes, its stages",
  ),
  check: flag(["check"], "The same as --call check"),
  debugShell: flag(["debug-shell"], "If a RUN fails, open a shell where it failed"),
  file: text(
    ["file", "f"],
    "string",
    "Name of the Dockerfile (PATH/Dockerfile); - is standard input",
    "files",
  ),
  forceRm: flag(["force-rm"], "Does nothing: no container of a step stays"),
  iidfile: text(["iidfile"], "string", "Write the image's ID to a file", "files"),
  label: list(["label"], "list", "Set metadata of the image", parseLabel),
  load: flag(["load"], "Does nothing: images are kept here unless --output says otherwise"),
  metadataFile: text(
    ["metadata-file"],
    "string",
    "Write what was built to a file, as JSON",
    "files",
  ),
  network: text(
    ["network"],
    "string",
    "Network of RUN: host, the default until there are others, or none",
  ),
  noCache: flag(["no-cache"], "Take nothing from the cache"),
  noCacheFilter: list(
    ["no-cache-filter"],
    "list",
    "Take nothing of these stages from the cache",
    word,
  ),
  output: list(
    ["output", "o"],
    "list",
    "Where to: type=docker|oci|tar|local,dest=PATH; a path alone is a directory",
    word,
  ),
  provenance: list(["provenance"], "string", "Refused unless false: there is none", noAttestation),
  platform: text(["platform"], "os/arch", "Platform of the image, if it is not this machine's"),
  progress: choice(
    ["progress"],
    ["auto", "plain", "tty", "rawjson", "quiet"],
    "How progress is shown",
  ),
  pull: flag(["pull"], "Ask the registry for base images even if they are here"),
  push: flag(["push"], "Push the image by its names"),
  quiet: flag(["quiet", "q"], "Print the image's ID and nothing else"),
  rm: { ...flag(["rm"], "Does nothing: no container of a step stays"), initial: true },
  sbom: list(["sbom"], "string", "Refused unless false: there is none", noAttestation),
  secret: list(
    ["secret"],
    "list",
    "A secret for RUN: id=NAME,src=FILE or id=NAME,env=VARIABLE",
    word,
  ),
  shmSize: value(["shm-size"], "bytes", "Size of /dev/shm of RUN", (given) =>
    parseMemoryBytes(given),
  ),
  ssh: list(["ssh"], "list", "An ssh agent for RUN: default, or ID=SOCKET", word),
  tag: list(["tag", "t"], "list", "Name of the image: NAME[:TAG]", word),
  target: text(["target"], "string", "The stage to build; the last one if absent"),
} as const;

export type BuildValues = Values<typeof BUILD_OPTIONS>;

/** Where the result goes beside this machine's images. */
export interface BuildOutput {
  readonly type: "image" | "docker" | "oci" | "tar" | "local";
  /** `-` is standard output. */
  readonly dest?: string;
}

/** `type=oci,dest=image.tar`, a directory, or `-`. @throws FlagError */
export function parseOutput(given: string): BuildOutput {
  if (!given.includes("=")) {
    return given === "-" ? { type: "tar", dest: "-" } : { type: "local", dest: given };
  }
  const { type = "", dest, ...others } = fieldsOf(given, "output");
  const types = ["image", "docker", "oci", "tar", "local"] as const;
  const known = types.find((one) => one === type);
  if (!known) throw new FlagError(`--output: type must be one of ${types.join(", ")}`);
  const extra = Object.keys(others).filter((key) => !["name", "push", "tar"].includes(key));
  if (extra.length > 0) throw new FlagError(`--output: unknown field ${extra.join(", ")}`);
  if (dest === undefined && known === "local")
    throw new FlagError("--output: type=local needs a dest");
  return { type: known, ...(dest !== undefined && { dest }) };
}

/** Without the context and the Dockerfile. @throws FlagError, NacreError */
export function buildOptions(values: BuildValues, host: Host): BuildOptions {
  const { environment } = host;
  const { createdMs } = createdAt(host);
  const epoch = values.buildArg.find((one) => one.startsWith("SOURCE_DATE_EPOCH="))?.split("=")[1];
  const seconds = epoch === undefined ? createdMs && createdMs / 1000 : Number(epoch);
  const optional = <K extends keyof BuildOptions>(key: K, given: BuildOptions[K] | undefined) =>
    given === undefined ? {} : { [key]: given };
  return {
    tags: values.tag,
    buildArgs: labelsOf(
      resolveVariables(
        [...configuredProxies(values.buildArg, host), ...values.buildArg],
        environment,
      ),
    ),
    labels: labelsOf(values.label),
    noCache: values.noCache,
    noCacheStages: values.noCacheFilter.flatMap((one) => one.split(",")),
    pull: values.pull,
    extraHosts: values.addHost,
    secrets: values.secret.map((one) => secretOf(one, host)),
    ssh: Object.fromEntries(values.ssh.map((one) => agentOf(one, host))),
    contexts: Object.fromEntries(values.buildContext.map((one) => contextOf(one, host))),
    cacheFrom: values.cacheFrom.map((one) => cachePlace(one, "src", host)),
    cacheTo: values.cacheTo.map((one) => cachePlace(one, "dest", host)),
    limits: limitsOf(values, host),
    ...(values.allow.includes("security.insecure") && { allow: ["security.insecure"] as const }),
    ...(values.annotation.length > 0 && { annotations: Object.fromEntries(values.annotation) }),
    ...optional("target", values.target),
    ...optional("platform", values.platform),
    ...optional("network", values.network),
    ...optional("shmBytes", values.shmSize),
    ...optional("sourceDateEpoch", seconds === undefined ? undefined : seconds),
  };
}

function secretOf(given: string, host: Host): BuildSecret {
  const { environment, workingDirectory } = host;
  const { id, src, source = src, env, type } = fieldsOf(given, "secret");
  if (id === undefined) throw new FlagError("--secret needs an id");
  const variable = env ?? (type === "env" ? (source ?? id) : undefined);
  const named =
    variable ?? (source === undefined && environment[id] !== undefined ? id : undefined);
  if (named === undefined) {
    const file = resolve(workingDirectory, source ?? id);
    if (!host.exists(file)) throw new FlagError(`--secret ${id}: there is no file ${file}`);
    return { id, file };
  }
  const secret = environment[named];
  if (secret === undefined) throw new FlagError(`--secret ${id}: there is no variable ${named}`);
  return { id, value: secret };
}

function agentOf(given: string, { environment, workingDirectory }: Host): [string, string] {
  const equals = given.indexOf("=");
  const [id, path] =
    equals < 0 ? [given, undefined] : [given.slice(0, equals), given.slice(equals + 1)];
  const socket = path ?? environment.SSH_AUTH_SOCK;
  if (socket === undefined) {
    throw new FlagError(
      `--ssh ${id}: no agent runs, for SSH_AUTH_SOCK is not set: name its socket`,
    );
  }
  return [id, resolve(workingDirectory, socket)];
}

function contextOf(given: string, host: Host): [string, BuildContext | { image: string }] {
  const equals = given.indexOf("=");
  if (equals < 1)
    throw new FlagError(`--build-context: ${JSON.stringify(given)} is not NAME=VALUE`);
  const [name, where] = [given.slice(0, equals), given.slice(equals + 1)];
  const image = /^docker-image:\/\/(.+)$/.exec(where)?.[1];
  if (image !== undefined) return [name, { image }];
  if (isGit(where)) return [name, { git: where }];
  if (isAddress(where)) return [name, { address: where }];
  return [name, { directory: resolve(host.workingDirectory, where) }];
}

/** Fields of buildx that decide how a cache is written, which nacre does in one way. */
const CACHE_FORM = [
  "compression",
  "compression-level",
  "force-compression",
  "image-manifest",
  "oci-mediatypes",
  "tag",
  "digest",
];

function cachePlace(given: string, key: "src" | "dest", { workingDirectory }: Host): CachePlace {
  if (!given.includes("=")) return { type: "registry", reference: given };
  const name = `cache-${key === "src" ? "from" : "to"}`;
  const {
    type,
    ref,
    mode = "min",
    "ignore-error": ignored = "false",
    ...rest
  } = fieldsOf(given, name);
  const { [key]: place, ...more } = rest;
  const unknown = Object.keys(more).filter((field) => !CACHE_FORM.includes(field));
  if (unknown.length > 0) throw new FlagError(`--${name}: unknown field ${unknown.join(", ")}`);
  if (mode !== "min" && mode !== "max") throw new FlagError(`--${name}: mode is min or max`);
  const how = key === "src" ? {} : { all: mode === "max", ignoreError: parseBoolean(ignored) };
  if (type === "inline") return { type };
  if (type === "registry" && ref !== undefined) return { type, reference: ref, ...how };
  if (type === "local" && place !== undefined) {
    return { type, directory: resolve(workingDirectory, place), ...how };
  }
  throw new FlagError(`a cache is type=local,${key}=DIR, type=registry,ref=IMAGE or type=inline`);
}

/** As docker tells git addresses from directories. */
export const isGit = (where: string): boolean =>
  /^(git@[\w.-]+:|git:\/\/|ssh:\/\/|github\.com\/)|^(https?|file):\/\/[^#]+\.git(#|$)/.test(where);

/** Of a tar, or a Dockerfile. */
export const isAddress = (where: string): boolean => /^https?:\/\//.test(where);

/** The Dockerfile that -f names: its text, and its path in the context if it is in there. */
export function dockerfileOf(
  file: string | undefined,
  context: string | undefined,
  host: Host,
): Partial<BuildOptions> {
  if (file === undefined || file === "-") return {};
  const here = resolve(host.workingDirectory, file);
  const inContext = context === undefined || isAbsolute(file) ? undefined : join(context, file);
  const path = host.exists(here) || inContext === undefined ? here : inContext;
  if (!host.exists(path)) {
    throw new NacreError("not-found", `no Dockerfile at ${path}`, {
      advice: "-f FILE names it, from here or from the context.",
    });
  }
  const within = context === undefined ? ".." : relative(context, path);
  const isWithin = !within.startsWith("..") && !isAbsolute(within);
  return {
    ...(isWithin && { dockerfile: within }),
    dockerfileText: { name: file, text: host.readText(path) },
  };
}
