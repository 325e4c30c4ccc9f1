// The last steps of a process before it is the program that it was started for: limits, user, powers.

import { NacreError } from "../error.ts";
import type { SpecProcess } from "../oci/runtime-spec.ts";
import { capabilityMask } from "./capabilities.ts";
import type { Operation } from "./operation.ts";
import type { SystemCallFilter } from "./system-call-filter.ts";

/** RLIMIT_* by name (setrlimit(2), asm-generic/resource.h). */
export const RLIMITS: readonly string[] = [
  "CPU",
  "FSIZE",
  "DATA",
  "STACK",
  "CORE",
  "RSS",
  "NPROC",
  "NOFILE",
  "MEMLOCK",
  "AS",
  "LOCKS",
  "SIGPENDING",
  "MSGQUEUE",
  "NICE",
  "RTPRIO",
  "RTTIME",
];

/**
 * A filter is taken from who gives up gaining privileges, or may administrate. So that it can be
 * the last thing before execve(2), this power is kept until then; with that it goes, as all do
 * that are not in the bounding set (of root) or ambient (of others).
 */
const ADMINISTRATE = capabilityMask(["CAP_SYS_ADMIN"]);

function keptCapabilities(
  { capabilities, noNewPrivileges }: SpecProcess,
  filtered: boolean,
): Operation {
  const until = filtered && !noNewPrivileges ? ADMINISTRATE : 0n;
  const effective = capabilityMask(capabilities.effective);
  return {
    op: "setCapabilities",
    effective: effective | until,
    permitted: capabilityMask(capabilities.permitted) | until,
    inheritable: capabilityMask(capabilities.inheritable),
    ambient: capabilityMask(capabilities.ambient),
    why:
      (until & ~effective) === 0n
        ? "the powers it keeps"
        : "the powers it keeps; sys_admin only until it executes, to filter its system calls",
  };
}

/** Labels that the next execve(2) gives (proc_pid_attr(5)). */
function labelOperations({ apparmorProfile, selinuxLabel }: SpecProcess): Operation[] {
  const label = (name: string, data: string, module: string): Operation => ({
    ...{ op: "writeOwnFile", name, data },
    why: `what ${module} allows it from then on`,
  });
  return [
    ...(apparmorProfile
      ? [label("attr/apparmor/exec", `exec ${apparmorProfile}`, "AppArmor")]
      : []),
    ...(selinuxLabel ? [label("attr/exec", selinuxLabel, "SELinux")] : []),
  ];
}

function filterOperations(filter: SystemCallFilter | undefined): Operation[] {
  if (!filter) return [];
  return [
    {
      op: "filterSystemCalls",
      filter: filter.instructions,
      flags: [...filter.flags, ...(filter.listener ? (["listener"] as const) : [])],
      why: "calls that containers have no need of are refused",
    },
  ];
}

/** In the host section: who decides on calls that the filter leaves open. */
export function listenerOperations(filter: SystemCallFilter | undefined): Operation[] {
  if (!filter?.listener) return [];
  const { path, state } = filter.listener;
  return [{ op: "connectListener", path, state, why: "it decides on calls of the container" }];
}

type Limit = Extract<Operation, { op: "setLimit" }>;

function limitsOf({ rlimits = [] }: Pick<SpecProcess, "rlimits">): Limit[] {
  return rlimits.map((limit) => {
    const resource = RLIMITS.indexOf(limit.type.replace(/^RLIMIT_/, ""));
    if (resource < 0)
      throw new NacreError("invalid", `process.rlimits: unknown type ${limit.type}`);
    return { op: "setLimit", resource, soft: BigInt(limit.soft), hard: BigInt(limit.hard) };
  });
}

const NOFILE = RLIMITS.indexOf("NOFILE");
/** So many descriptors are at hand until the program is executed: who makes a container needs some. */
const DESCRIPTORS = 1024n;

const isLow = ({ resource, soft }: Limit): boolean => resource === NOFILE && soft < DESCRIPTORS;

/** In the parent's section they are the child's. A hard limit may have to be raised, by who has the right. */
function limitOperations(process: Pick<SpecProcess, "rlimits">): Operation[] {
  return limitsOf(process).flatMap((limit) => {
    if (!isLow(limit)) return [limit];
    return limit.hard < DESCRIPTORS ? [] : [{ ...limit, soft: limit.hard }];
  });
}

/** What of its limits would be in the way before the program is executed: anybody may lower one. */
export function lastLimits(process: Pick<SpecProcess, "rlimits">): Operation[] {
  return limitsOf(process)
    .filter(isLow)
    .map((limit) => ({ ...limit, why: "so few descriptors, now that no more are needed" }));
}

/**
 * What the parent does for a process that becomes somebody in another user namespace (`users`): there
 * it has no right to raise a limit, nor, later, to its own score.
 */
export function parentOperations(process: SpecProcess, users: boolean): Operation[] {
  const { oomScoreAdj } = process;
  const score: Operation[] =
    oomScoreAdj === undefined
      ? []
      : [
          {
            op: "writeProcessFile",
            name: "oom_score_adj",
            data: String(oomScoreAdj),
            why: "how soon the OOM killer takes it",
          },
        ];
  return [...(users ? limitOperations(process) : []), ...score];
}

/**
 * Possessor: all; owner: view, read, search, link (keyctl(2), KEYCTL_SETPERM). By the right to search
 * who joins the container later finds it under its name.
 */
const KEYRING_PERMISSIONS = 0x3f1b0000;

/** What the session keyring of a container is called, as runc has it. */
export const keyringOf = (containerId: string): string => `_ses.${containerId}`;

function keyringOperations(name: string | undefined): Operation[] {
  if (name === undefined) return [];
  return [
    {
      ...{ op: "joinSessionKeyring", name, permissions: KEYRING_PERMISSIONS },
      why: "keys of the container's own, and none of who starts it",
    },
  ];
}

/** As runc and crun have it where a configuration names none. */
const USUAL_UMASK = 0o022;

export interface BecomeOptions {
  readonly filter?: SystemCallFilter;
  /** Its session keyring's name; absent: it keeps the one that it is born with. */
  readonly keyring?: string;
  /** The process stays as an init, and the command is its child. */
  readonly init?: boolean;
  /** It joins a container: its directory must be there, while a first process gets it made. */
  readonly joins?: boolean;
  /** Its limits are its parent's to set. */
  readonly limited?: boolean;
  /** `lastLimits` are its caller's to add, before `execute`. */
  readonly lastLimitsFollow?: boolean;
}

/** The last steps, the same for a container's first process and for one that joins it. */
export function becomeProcess(
  process: SpecProcess,
  {
    filter,
    keyring,
    init = false,
    joins = false,
    limited = false,
    lastLimitsFollow = false,
  }: BecomeOptions = {},
): Operation[] {
  const { user, capabilities } = process;
  const operations: Operation[] = [
    ...(limited ? [] : limitOperations(process)),
    ...keyringOperations(keyring),
    {
      ...{ op: "changeDirectory", path: process.cwd, why: "where the process begins" },
      ...(joins && { mustExist: true }),
    },
    {
      op: "boundCapabilities",
      bounding: capabilityMask(capabilities.bounding),
      why: "powers that nothing in the container can ever regain",
    },
    {
      op: "setUser",
      uid: user.uid,
      gid: user.gid,
      groups: user.additionalGids,
      ...(user.keepsGroups && { keepsGroups: true }),
      why: "who the process is",
    },
    keptCapabilities(process, filter !== undefined),
  ];
  // Whoever starts it may have another one, which would show in every file that it makes.
  operations.push({ op: "setUmask", mask: user.umask ?? USUAL_UMASK });
  operations.push(...labelOperations(process));
  if (process.noNewPrivileges) {
    operations.push({ op: "noNewPrivileges", why: "setuid programs give it nothing" });
  }
  // The filter first: who stays can be traced by the program, and shall do no more than that may.
  operations.push(...filterOperations(filter));
  if (init) {
    operations.push({
      op: "stayAsInit",
      why: "process 1 hands signals on and reaps; the program is its child",
    });
  }
  if (!lastLimitsFollow) operations.push(...lastLimits(process));
  operations.push({
    op: "execute",
    arguments: process.args,
    environment: process.env,
    why: "the program takes the place of nacre-init in the child",
  });
  return operations;
}

/** None where the process has no terminal of its own. `joins`: others have theirs already. */
export function terminalOperations(process: SpecProcess, joins = false): Operation[] {
  if (!process.terminal) return [];
  return [
    {
      op: "openTerminal",
      rows: process.consoleSize?.height ?? 0,
      columns: process.consoleSize?.width ?? 0,
      ...(joins && { joins }),
      why: "a terminal of the container's own devpts becomes its standard streams",
    },
  ];
}
