// `process` of a config.json, which is also what `exec` is given (config.md, "Process").

import { RLIMITS } from "../program/become.ts";
import { CAPABILITIES } from "../program/capabilities.ts";
import { type Field, shown } from "./config-field.ts";
import type {
  SpecCapabilities,
  SpecIoPriority,
  SpecProcess,
  SpecRlimit,
  SpecScheduler,
} from "./runtime-spec.ts";

const SETS = ["bounding", "effective", "permitted", "inheritable", "ambient"] as const;

/** What is found odd and gone on with. */
export type Warn = (message: string) => void;

/** Names that no kernel knew are an error until 1.0, a warning from 1.1 on (config.md, "Capabilities"). */
function capabilitySet(field: Field, strict: boolean, warn: Warn): string[] {
  const known = field.list((one) => {
    const name = one.text();
    if ((CAPABILITIES as readonly string[]).includes(name)) return name;
    const problem = one.error(`is no capability: ${shown(name)}`, "See capabilities(7).");
    if (strict) throw problem;
    warn(`${problem.message}: left out`);
    return undefined;
  });
  return known.filter((name) => name !== undefined);
}

function capabilities(field: Field, strict: boolean, warn: Warn): SpecCapabilities {
  const sets = SETS.map((name) => [name, capabilitySet(field.at(name), strict, warn)] as const);
  return Object.fromEntries(sets) as unknown as SpecCapabilities;
}

function rlimits(field: Field): SpecRlimit[] {
  const seen = new Set<string>();
  return field.list((one) => {
    const type = one.at("type").text();
    if (!type.startsWith("RLIMIT_") || !RLIMITS.includes(type.slice("RLIMIT_".length))) {
      throw one.at("type").error(`is no limit: ${shown(type)}`, "See getrlimit(2).");
    }
    if (seen.has(type)) throw one.at("type").error(`stands there twice: ${type}`);
    seen.add(type);
    const [soft, hard] = [one.at("soft").unsigned(), one.at("hard").unsigned()];
    if (soft > hard) throw one.at("soft").error(`is more than its hard limit: ${soft} > ${hard}`);
    return { type, soft, hard };
  });
}

const IO_CLASSES = ["IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"] as const;

const ioPriority = (field: Field): SpecIoPriority => ({
  class: field.at("class").word(IO_CLASSES),
  priority: field.at("priority").optional((p) => p.integer(0, 7)) ?? 0,
});

const POLICIES = [
  "SCHED_OTHER",
  "SCHED_FIFO",
  "SCHED_RR",
  "SCHED_BATCH",
  "SCHED_ISO",
  "SCHED_IDLE",
  "SCHED_DEADLINE",
] as const;
const SCHEDULER_FLAGS = [
  "SCHED_FLAG_RESET_ON_FORK",
  "SCHED_FLAG_RECLAIM",
  "SCHED_FLAG_DL_OVERRUN",
  "SCHED_FLAG_KEEP_POLICY",
  "SCHED_FLAG_KEEP_PARAMS",
  "SCHED_FLAG_UTIL_CLAMP_MIN",
  "SCHED_FLAG_UTIL_CLAMP_MAX",
] as const;

function scheduler(field: Field): SpecScheduler {
  const policy = field.at("policy").word(POLICIES);
  if (policy === "SCHED_ISO") throw field.at("policy").unsupported("Linux has no SCHED_ISO");
  const time = (name: string) => field.at(name).optional((f) => f.unsigned()) ?? 0n;
  const nice = field.at("nice").optional((f) => f.integer(-20, 19)) ?? 0;
  const priority = field.at("priority").optional((f) => f.integer(0, 99)) ?? 0;
  const realtime = policy === "SCHED_FIFO" || policy === "SCHED_RR";
  if (priority !== 0 && !realtime) {
    throw field.at("priority").error(`is for SCHED_FIFO and SCHED_RR, and not for ${policy}`);
  }
  const deadline = policy === "SCHED_DEADLINE";
  for (const name of ["runtime", "deadline", "period"]) {
    if (time(name) !== 0n && !deadline) {
      throw field.at(name).error(`is for SCHED_DEADLINE, and not for ${policy}`);
    }
  }
  return {
    policy: POLICIES.indexOf(policy),
    flags: field
      .at("flags")
      .list((f) => f.word(SCHEDULER_FLAGS))
      .reduce((sum, name) => sum | (1n << BigInt(SCHEDULER_FLAGS.indexOf(name))), 0n),
    nice,
    priority,
    runtime: time("runtime"),
    deadline: time("deadline"),
    period: time("period"),
  };
}

function user(field: Field): SpecProcess["user"] {
  const umask = field.at("umask").optional((f) => f.integer(0, 0o777));
  return {
    uid: field.at("uid").optional((f) => f.id()) ?? 0,
    gid: field.at("gid").optional((f) => f.id()) ?? 0,
    additionalGids: field.at("additionalGids").list((one) => one.id()),
    ...(umask !== undefined && { umask }),
  };
}

function consoleSize(field: Field): SpecProcess["consoleSize"] {
  return field.optional((size) => ({
    height: size.at("height").integer(0, 0xffff),
    width: size.at("width").integer(0, 0xffff),
  }));
}

function environmentEntry(field: Field): string {
  const entry = field.text();
  if (entry.indexOf("=") > 0) return entry;
  throw field.error(`must be NAME=VALUE, not ${shown(entry)}`);
}

/** For `exec` alone, as config.md has it: a container's first process has none. */
export function refuseExecAffinity(process: Field): void {
  const field = process.at("execCPUAffinity");
  for (const name of ["initial", "final"]) {
    const processors = field.at(name);
    if (processors.optional((f) => f.text())) {
      throw processors.unsupported("processes are not bound to processors here");
    }
  }
}

/** @param strict whether a capability that no kernel knows is an error */
export function readProcess(field: Field, strict: boolean, warn: Warn): SpecProcess {
  const args = field.at("args").texts();
  if (args.length === 0) throw field.at("args").error("must have at least one element");
  const given = <T>(name: string, read: (f: Field) => T): { [key: string]: T } => {
    const value = field.at(name).optional(read);
    return value === undefined ? {} : { [name]: value };
  };
  const size = consoleSize(field.at("consoleSize"));
  return {
    terminal: field.at("terminal").optional((f) => f.flag()) ?? false,
    ...(size && { consoleSize: size }),
    user: user(field.at("user")),
    args,
    env: field.at("env").list(environmentEntry),
    cwd: field.at("cwd").absolutePath(),
    capabilities: capabilities(field.at("capabilities"), strict, warn),
    noNewPrivileges: field.at("noNewPrivileges").optional((f) => f.flag()) ?? false,
    rlimits: rlimits(field.at("rlimits")),
    ...given("oomScoreAdj", (f) => f.integer(-1000, 1000)),
    ...given("apparmorProfile", (f) => f.text()),
    ...given("selinuxLabel", (f) => f.text()),
    ...given("ioPriority", ioPriority),
    ...given("scheduler", scheduler),
  };
}
