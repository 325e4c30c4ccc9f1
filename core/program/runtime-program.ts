// The program of an OCI container: everything is made by `create`, and its process waits for
// `start` with nothing left to do but its hooks and execve(2). And the program of `exec`.
// Source: opencontainers/runtime-spec, runtime.md, "Lifecycle"; config.md; config-linux.md, 1.2.

import type {
  HookStage,
  RuntimeSpec,
  SpecHook,
  SpecNamespaceType,
  SpecProcess,
} from "../oci/runtime-spec.ts";
import { hostId } from "../user-namespace/id-map.ts";
import { becomeProcess, lastLimits, listenerOperations, terminalOperations } from "./become.ts";
import type { NamespaceKind, Operation } from "./operation.ts";
import type { RunHook } from "./operation-of-runtime.ts";
import { bindsOutside } from "./outside.ts";
import type { Clone, KernelProgram, Supervision } from "./program.ts";
import type { RuntimeCgroups } from "./runtime-cgroups.ts";
import {
  hasMountNamespace,
  hasUserNamespace,
  operationsAfterEntering,
  operationsInRoot,
  type RuntimeMountContext,
} from "./runtime-mounts.ts";
import { natureOf } from "./runtime-nature.ts";
import type { SystemCallFilter } from "./system-call-filter.ts";

/** The state of a container without its pid, as JSON around the place where that stands. */
export type StateText = (status: string) => readonly [before: string, after: string];

interface Becoming {
  /** Of `linux.seccomp`. */
  readonly filter: SystemCallFilter | undefined;
  /** What its session keyring is called; absent: it keeps the one that it is born with. */
  readonly keyring?: string;
}

export interface RuntimeProgramInput extends Becoming {
  readonly id: string;
  readonly mounts: RuntimeMountContext;
  readonly rootfs: string;
  readonly cgroups: RuntimeCgroups;
  /** Directory of the container's own state, made by the program. */
  readonly directory: string;
  /** Mounts that new ones in the root would be seen from: made private where the rest stays shared. */
  readonly around: readonly string[];
  readonly state: StateText;
  readonly supervision: Supervision;
}

const KINDS: Record<SpecNamespaceType, NamespaceKind> = {
  ...{ pid: "pid", network: "net", mount: "mnt", ipc: "ipc" },
  ...{ uts: "uts", user: "user", cgroup: "cgroup", time: "time" },
};

/** A cgroup namespace follows the joining of cgroups; a time namespace is entered by execve(2). */
const LATE: readonly SpecNamespaceType[] = ["cgroup", "time"];
/** Who is privileged outside may join all others from there, but from inside only those that belong to it. */
const ORDER: readonly SpecNamespaceType[] = [
  ...(["pid", "cgroup", "ipc", "uts", "network", "time", "mount", "user"] as const),
];

function cloneOf(spec: RuntimeSpec, nodes: readonly string[]): Clone {
  const { namespaces } = spec.linux;
  const joined = namespaces
    .filter(({ path }) => path !== undefined)
    .toSorted((a, b) => ORDER.indexOf(a.type) - ORDER.indexOf(b.type));
  return {
    create: namespaces
      .filter(({ type, path }) => path === undefined && !LATE.includes(type))
      .map(({ type }) => KINDS[type]),
    cgroups: nodes,
    joinPaths: joined.map(({ type, path }) => ({ kind: KINDS[type], path: path as string })),
  };
}

/** A hook as an operation. `pid`: of the container, where it is not the child that runs it. */
export function hookOperation(
  hook: SpecHook,
  stage: HookStage,
  index: number,
  state: readonly [string, string],
  more: Pick<RunHook, "by"> & { readonly pid?: number },
): RunHook {
  const [before, after] = state;
  return {
    op: "runHook",
    path: hook.path,
    arguments: hook.args,
    environment: hook.env,
    before,
    after,
    timeoutMs: (hook.timeout ?? 0) * 1000,
    ...more,
    field: `hooks.${stage}[${index}]`,
  };
}

const hooksOf = (
  input: RuntimeProgramInput,
  stage: HookStage,
  status: string,
  by: RunHook["by"],
): Operation[] =>
  input.mounts.spec.hooks[stage].map((hook, i) =>
    hookOperation(hook, stage, i, input.state(status), { by }),
  );

function parentSection({ linux, process }: RuntimeSpec): Operation[] {
  const map = (name: string, all: RuntimeSpec["linux"]["uidMappings"], field: string) =>
    all.length === 0
      ? []
      : [
          {
            op: "writeProcessFile",
            name,
            data: all.map((m) => `${m.containerID} ${m.hostID} ${m.size}\n`).join(""),
            field,
          } as const,
        ];
  const score = process?.oomScoreAdj;
  return [
    ...map("uid_map", linux.uidMappings, "linux.uidMappings"),
    ...map("gid_map", linux.gidMappings, "linux.gidMappings"),
    ...(score === undefined
      ? []
      : [
          {
            op: "writeProcessFile",
            name: "oom_score_adj",
            data: String(score),
            field: "process.oomScoreAdj",
          } as const,
        ]),
  ];
}

/** New time namespaces have their offsets before anybody is in them. */
function timeNamespace({ linux }: RuntimeSpec): Operation[] {
  const own = linux.namespaces.some(({ type, path }) => type === "time" && path === undefined);
  if (!own) return [];
  const data = Object.entries(linux.timeOffsets)
    .map(([clock, { secs, nanosecs }]) => `${clock} ${secs} ${nanosecs}\n`)
    .join("");
  const offsets: Operation[] =
    data === ""
      ? []
      : [{ op: "writeOwnFile", name: "timens_offsets", data, field: "linux.timeOffsets" }];
  return [{ op: "unshare", namespaces: ["time"] }, ...offsets, { op: "enterTimeNamespace" }];
}

/** Root of a user namespace, so that what it makes has owners there. */
function rootInside(spec: RuntimeSpec): Operation[] {
  const joined = spec.linux.namespaces.some(
    ({ type, path }) => type === "user" && path !== undefined,
  );
  const has = (all: RuntimeSpec["linux"]["uidMappings"]) =>
    all.some(({ containerID }) => containerID === 0);
  const { uidMappings, gidMappings } = spec.linux;
  if (!hasUserNamespace(spec) || !(joined || (has(uidMappings) && has(gidMappings)))) return [];
  return [
    {
      op: "setUser",
      uid: 0,
      gid: 0,
      groups: [],
      why: "root of its user namespace, and not of ours",
    },
  ];
}

function names(spec: RuntimeSpec): Operation[] {
  return [
    ...(spec.hostname === undefined
      ? []
      : [{ op: "setHostname", name: spec.hostname, field: "hostname" } as const]),
    ...(spec.domainname === undefined
      ? []
      : [{ op: "setDomainname", name: spec.domainname, field: "domainname" } as const]),
    ...Object.entries(spec.linux.sysctl ?? {}).map(
      ([name, value]): Operation => ({
        ...{ op: "setSysctl", name, value },
        field: `linux.sysctl[${JSON.stringify(name)}]`,
      }),
    ),
  ];
}

const FIELDS: Readonly<Partial<Record<Operation["op"], string>>> = {
  ...{ setLimit: "process.rlimits", changeDirectory: "process.cwd", setUser: "process.user" },
  ...{ boundCapabilities: "process.capabilities.bounding", execute: "process.args" },
  ...{ setCapabilities: "process.capabilities", setUmask: "process.user.umask" },
  ...{ noNewPrivileges: "process.noNewPrivileges", openTerminal: "process.terminal" },
  ...{ findProgram: "process.args", connectListener: "linux.seccomp.listenerPath" },
  ...{ filterSystemCalls: "linux.seccomp" },
};

function fieldOf(operation: Operation): string | undefined {
  if (operation.field !== undefined || operation.op !== "writeOwnFile") {
    return operation.field ?? FIELDS[operation.op];
  }
  return operation.name === "attr/exec" ? "process.selinuxLabel" : "process.apparmorProfile";
}

const withFields = (operations: readonly Operation[]): Operation[] =>
  operations.map((operation) => {
    const field = fieldOf(operation);
    return field === undefined ? operation : { ...operation, field };
  });

/** The last steps; `before` stands right before execve(2), and before the filter of its calls. */
function lastSteps(
  process: SpecProcess,
  nature: readonly Operation[],
  before: readonly Operation[],
  { filter, keyring }: Becoming,
): Operation[] {
  const becoming = {
    ...(filter && { filter }),
    ...(keyring !== undefined && { keyring }),
    lastLimitsFollow: true,
  };
  const steps = [...nature, ...becomeProcess(process, becoming)];
  const execute = steps.pop() as Operation;
  return withFields([...steps, ...before, ...lastLimits(process), execute]);
}

/** A container can be created without a process; what begins then has nothing to execute. */
const NOTHING: SpecProcess = {
  ...{ terminal: false, user: { uid: 0, gid: 0, additionalGids: [] }, args: [], env: [], cwd: "/" },
  capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
  noNewPrivileges: true,
};

/** What the mounts of a new namespace have to do with those that they are copies of. */
function spreadOf({ mounts: { spec }, around }: RuntimeProgramInput): Operation[] {
  if (!hasMountNamespace(spec)) return [];
  const { mode } = spec.linux.rootfsPropagation ?? {};
  if (mode === "shared") {
    return around.map((path) => ({
      ...{ op: "setPropagation", path, mode: "private", recursive: false },
    }));
  }
  const spread = mode === "private" ? "private" : "slave";
  return [{ op: "setPropagation", path: "/", mode: spread, recursive: true }];
}

/** One mount of the machine for all that is mounted in the root: it is let go as one. */
function rootOnMachine({ mounts: { spec }, rootfs }: RuntimeProgramInput): Operation[] {
  if (hasMountNamespace(spec)) return [];
  return [
    { op: "bind", source: rootfs, target: rootfs, field: "root.path" },
    { op: "setPropagation", path: rootfs, mode: "private", recursive: false },
  ];
}

/** What is mounted; with a user namespace of its own what is bound is bound from outside. */
function madeInRoot({ mounts, rootfs }: RuntimeProgramInput): Operation[] {
  const operations = operationsInRoot(mounts);
  const { uidMappings: uids, gidMappings: gids } = mounts.spec.linux;
  const hasRoot = [uids, gids].every((map) => hostId(map, 0) !== undefined);
  return hasRoot ? bindsOutside(operations, rootfs, { uids, gids }) : operations;
}

function childSection(input: RuntimeProgramInput): Operation[] {
  const { spec } = input.mounts;
  const { process = NOTHING } = spec;
  const ownCgroup = spec.linux.namespaces.some((n) => n.type === "cgroup" && !n.path);
  const command = { arguments: process.args, environment: process.env };
  return [
    ...timeNamespace(spec),
    { op: "newSession" },
    ...(ownCgroup ? [{ op: "unshare", namespaces: ["cgroup"] } as const] : []),
    ...spreadOf(input),
    // As who we are outside: what leads to the root may be closed to all others.
    { op: "openRoot", path: input.rootfs, field: "root.path" },
    ...rootInside(spec),
    ...names(spec),
    ...madeInRoot(input),
    ...withFields(terminalOperations(process)),
    ...hooksOf(input, "prestart", "created", "parent"),
    ...hooksOf(input, "createRuntime", "creating", "parent"),
    ...hooksOf(input, "createContainer", "creating", "self"),
    { op: "enterRoot", ...(!hasMountNamespace(spec) && { chroot: true }) },
    ...operationsAfterEntering(input.mounts),
    ...lastSteps(
      process,
      natureOf(process, spec.linux),
      [
        ...(spec.process ? [{ op: "findProgram", ...command } as const] : []),
        { op: "awaitStart" },
        ...hooksOf(input, "startContainer", "created", "self"),
      ],
      input,
    ),
  ];
}

/** The program that `create` carries out; what cannot be had was refused when the spec was read. */
export function runtimeProgram(input: RuntimeProgramInput): KernelProgram {
  const { spec } = input.mounts;
  return {
    title: `create ${input.id}`,
    host: [
      { op: "makeDirectory", path: input.directory, mode: 0o700, existing: "fail" },
      ...input.cgroups.host,
      ...rootOnMachine(input),
      ...withFields(listenerOperations(input.filter)),
    ],
    process: {
      clone: cloneOf(spec, input.cgroups.nodes),
      parent: parentSection(spec),
      child: childSection(input),
      supervision: input.supervision,
    },
  };
}

export interface RuntimeExecInput extends Becoming {
  readonly id: string;
  readonly spec: RuntimeSpec;
  readonly process: SpecProcess;
  /** The container's first process, and in which of its namespaces we are not ourselves. */
  readonly join: NonNullable<Clone["join"]>;
  readonly cgroups: readonly string[];
  readonly supervision: Supervision;
}

/** Who joins its mount namespace is in its root; elsewhere that is the machine's. */
function rootOfOther({ spec, join }: RuntimeExecInput): Operation[] {
  if (hasMountNamespace(spec)) return [{ op: "openRoot", path: "/" }];
  return [
    { op: "openRoot", path: `/proc/${join.pid}/root` },
    { op: "enterRoot", chroot: true },
  ];
}

/** One more process in a container that runs: `exec`. */
export function runtimeExecProgram(input: RuntimeExecInput): KernelProgram {
  const { process, spec, join } = input;
  const inUser = join.namespaces.includes("user");
  const score = process.oomScoreAdj;
  return {
    title: `exec in ${input.id}`,
    host: withFields(listenerOperations(input.filter)),
    process: {
      clone: { create: [], join, cgroups: input.cgroups, joinPaths: [] },
      parent:
        score === undefined
          ? []
          : [{ op: "writeProcessFile", name: "oom_score_adj", data: String(score) }],
      child: [
        { op: "newSession" },
        ...(inUser ? rootInside(spec) : []),
        ...rootOfOther(input),
        ...withFields(terminalOperations(process, true)),
        ...lastSteps(process, natureOf(process, spec.linux), [], input),
      ],
      supervision: input.supervision,
    },
  };
}
