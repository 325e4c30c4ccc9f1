// The compiler: an OCI runtime spec, a plan for the root and the machine's cgroups become one
// KernelProgram. What it emits is what `nacre explain` prints, so each operation says why.

import { NacreError } from "../error.ts";
import type { Spec, SpecMount, SpecNamespaceType } from "../oci/runtime-spec.ts";
import type { RootPlan } from "../ports/snapshotter.ts";
import {
  becomeProcess,
  listenerOperations,
  parentOperations,
  terminalOperations,
} from "./become.ts";
import { bindOperation } from "./bind-operation.ts";
import { cgroupMounts, closedCgroups } from "./cgroup-mounts.ts";
import {
  type CgroupPlan,
  type CpusetRoot,
  type MountedHierarchy,
  planCgroups,
  SYSTEMD_HIERARCHY,
} from "./cgroup-plan.ts";
import { mountFlags } from "./mount-options.ts";
import type { NamespaceKind, Operation } from "./operation.ts";
import {
  BECOME_ROOT,
  mapOperations,
  mappedLayers,
  ofMappedGroup,
  outside,
  ownedByRoot,
  type UserPlan,
} from "./outside.ts";
import type { KernelProgram, Supervision } from "./program.ts";
import { checkSysctls } from "./sysctls.ts";
import type { SystemCallFilter } from "./system-call-filter.ts";
import { DEVICE_WHY, whyMounted } from "./why-mounted.ts";

/** What the compiler is given beside the spec. */
export interface CompileInput {
  readonly title: string;
  readonly spec: Spec;
  readonly root: RootPlan;
  /** Of the user namespace, where the spec names one. */
  readonly user?: UserPlan;
  readonly network: { readonly host: readonly Operation[]; readonly child: readonly Operation[] };
  readonly hierarchies: readonly MountedHierarchy[];
  readonly cpusetRoot?: CpusetRoot;
  /** Whether the machine's kernel has /proc/kcore. */
  readonly showsMemory?: boolean;
  /** Operations that make files which the spec's bind mounts name, before the root is opened. */
  readonly files: readonly Operation[];
  readonly supervision: Omit<Supervision, "collect">;
  /** How long it may run; absent: for ever. */
  readonly timeoutMs?: number;
  /** Whether it is systemd's: it has a node in the hierarchy of that name, or on v2 its own, to write. */
  readonly systemd?: boolean;
  /** Whether the first process is an init, and what is executed its child. */
  readonly init?: boolean;
  /** What is written to the container's own layer, in the opened root before anything is mounted in it. */
  readonly accounts?: readonly Operation[];
  /** What the process's runtime needs, in the opened root after its mounts. */
  readonly runtime?: readonly Operation[];
  /** What its session keyring is called. */
  readonly keyring?: string;
  /** Absent: it may make all calls that there are. */
  readonly filter?: SystemCallFilter;
}

const KINDS: Record<SpecNamespaceType, NamespaceKind> = {
  pid: "pid",
  network: "net",
  mount: "mnt",
  ipc: "ipc",
  uts: "uts",
  user: "user",
  cgroup: "cgroup",
  time: "time",
};

/** Mounts that are read-only themselves and leave those below them as they are. */
function readOnlyTops(spec: Spec): Operation[] {
  return spec.mounts
    .filter((mount) => mountFlags(mount).readOnlyTop)
    .map((mount) => ({
      op: "setMountAttributes",
      path: mount.destination,
      attributes: ["ro", ...mountFlags(mount).attributes],
      why: "read-only, but for what is mounted below it",
    }));
}

function specMount(
  mount: SpecMount,
  hierarchies: readonly MountedHierarchy[],
  systemd: boolean,
): Operation[] {
  if (mount.type === "cgroup" || mount.type === "cgroup2") {
    return cgroupMounts(mount, hierarchies, systemd);
  }
  const { attributes, options, bind } = mountFlags(mount);
  const why = whyMounted(mount.destination);
  if (bind) return [bindOperation(mount, why)];
  const type = mount.type;
  const plain = options.filter((option) => option !== COPY_UP);
  if (!type) throw new NacreError("invalid", `mounts: ${mount.destination} has no type`);
  return [
    {
      op: "mountInRoot",
      mount: { type, source: mount.source ?? type, options: plain, attributes },
      target: mount.destination,
      ...(plain.length < options.length && { copyUp: true as const }),
      why,
    },
  ];
}

/** Of memory: it begins with what it covers. */
const COPY_UP = "tmpcopyup";

const DEVICE_LINKS: readonly (readonly [path: string, text: string])[] = [
  ["/dev/fd", "/proc/self/fd"],
  ["/dev/stdin", "/proc/self/fd/0"],
  ["/dev/stdout", "/proc/self/fd/1"],
  ["/dev/stderr", "/proc/self/fd/2"],
  ["/dev/ptmx", "pts/ptmx"],
];
/** Where the machine's memory is to be read, as runc has it: some kernels are built without. */
const CORE_LINK = ["/dev/core", "/proc/kcore"] as const;

function devices(spec: Spec, showsMemory: boolean): Operation[] {
  const nodes = spec.linux.devices.map(
    (d): Operation => ({
      op: "placeNode",
      path: d.path,
      type: d.type === "c" ? "character" : d.type === "b" ? "block" : "fifo",
      major: d.major,
      minor: d.minor,
      mode: d.fileMode,
      uid: d.uid,
      gid: d.gid,
      why: DEVICE_WHY,
    }),
  );
  const links = [...DEVICE_LINKS, ...(showsMemory ? [CORE_LINK] : [])].map(
    ([path, text]): Operation => ({
      op: "placeSymlink",
      path,
      text,
      mode: 0o777,
      uid: 0,
      gid: 0,
      why: "a name that every program expects",
    }),
  );
  return [...nodes, ...links];
}

function insideTheRoot(
  {
    spec,
    showsMemory = false,
    systemd = false,
  }: Pick<CompileInput, "spec" | "showsMemory" | "systemd">,
  hierarchies: readonly MountedHierarchy[],
): Operation[] {
  // Nodes of /dev must follow its mount and precede what the user binds below it.
  const standing = spec.mounts.findIndex((m) => m.destination === "/dev/pts");
  const before = spec.mounts.slice(0, Math.max(standing, 0));
  const after = spec.mounts.slice(Math.max(standing, 0));
  return [
    ...before.flatMap((m) => specMount(m, hierarchies, systemd)),
    ...devices(spec, showsMemory),
    ...after.flatMap((m) => specMount(m, hierarchies, systemd)),
    ...spec.linux.maskedPaths.map(
      (path): Operation => ({
        op: "maskInRoot",
        path,
        why: "it tells of the machine, or changes it: hidden",
      }),
    ),
    ...spec.linux.readonlyPaths.map(
      (path): Operation => ({
        op: "readOnlyInRoot",
        path,
        why: "writing here would change the machine",
      }),
    ),
  ];
}

/** The root as it will be, before it is entered. */
function rooting(input: CompileInput, cgroups: CgroupPlan) {
  const { spec, root, files, accounts = [], runtime = [] } = input;
  const operations: Operation[] = [
    {
      op: "setPropagation",
      path: "/",
      mode: spec.linux.rootfsPropagation ?? "slave",
      recursive: true,
      why: "so that no mount made here is seen outside",
    },
    ...files,
    ...root.child,
    {
      op: "openRoot",
      path: spec.root.path,
      why: "from here on names are resolved inside this root only",
    },
    ...accounts,
    ...insideTheRoot(input, cgroups.hierarchies),
    ...runtime,
  ];
  return operations;
}

function entering(spec: Spec, cgroups: CgroupPlan): Operation[] {
  const closed: Operation = {
    op: "setMountAttributes",
    path: "/",
    attributes: ["ro"],
    why: "the root is read-only, as asked",
  };
  return [
    { op: "enterRoot", why: "the machine's own tree is gone from the child's sight" },
    ...closedCgroups(spec, cgroups.hierarchies),
    ...readOnlyTops(spec),
    ...(spec.root.readonly ? [closed] : []),
  ];
}

function names(spec: Spec, own: ReadonlySet<SpecNamespaceType>): Operation[] {
  const { hostname, domainname } = spec;
  const all: Operation[] = [];
  if (hostname && own.has("uts")) {
    all.push({ op: "setHostname", name: hostname, why: "a name of its own" });
  }
  if (domainname && own.has("uts")) all.push({ op: "setDomainname", name: domainname });
  return all;
}

function sysctls({ linux }: Spec): Operation[] {
  const all = linux.sysctl ?? {};
  checkSysctls(all, new Set(linux.namespaces.map(({ type }) => type)));
  return Object.entries(all).map(([name, value]): Operation => ({ op: "setSysctl", name, value }));
}

const isTerminals = (operation: Operation): boolean =>
  operation.op === "mountInRoot" && operation.mount.type === "devpts";

/** With a user namespace: what is mounted is mounted by who is outside, but for its terminals. */
function withUsers(input: CompileInput, cgroups: CgroupPlan, user: UserPlan): Operation[] {
  const { spec, root } = input;
  const child = user.ownLayers ? root.child : mappedLayers(root.child, user);
  const all = rooting({ ...input, root: { ...root, child } }, cgroups);
  const mounted = all.filter((operation) => !isTerminals(operation));
  return [
    ...outside([ownedByRoot(user)], user),
    ...outside([...mounted, ...entering(spec, cgroups), ...sysctls(spec)], user),
    { op: "openRoot", path: "/", why: "the root that was made for it" },
    BECOME_ROOT,
    ...all.filter(isTerminals).map((operation) => ofMappedGroup(operation, user)),
    ...terminalOperations(spec.process),
  ];
}

function childSection(input: CompileInput, cgroups: CgroupPlan): Operation[] {
  const { spec, network, user } = input;
  const own = new Set(spec.linux.namespaces.filter((n) => !n.path).map((n) => n.type));
  const begins: Operation[] = [];
  if (own.has("cgroup")) {
    begins.push({
      op: "unshare",
      namespaces: ["cgroup"],
      why: "so that its own node is the root of what it sees, once it has joined it",
    });
  }
  begins.push({
    op: "newSession",
    why: "so that signals of the caller's terminal do not reach it by accident",
  });
  const named = names(spec, own);
  if (user) {
    const made = [...withUsers(input, cgroups, user), ...named, ...network.child];
    return [...begins, ...made, ...becomeProcess(spec.process, { ...input, limited: true })];
  }
  return [
    ...begins,
    ...rooting(input, cgroups),
    ...terminalOperations(spec.process),
    ...entering(spec, cgroups),
    ...named,
    ...sysctls(spec),
    ...network.child,
    ...becomeProcess(spec.process, input),
  ];
}

function parentSection({ spec, user, timeoutMs }: CompileInput): Operation[] {
  const killed: Operation[] =
    timeoutMs === undefined ? [] : [{ op: "killAfter", timeoutMs, why: "so long it may run" }];
  return [
    ...(user ? mapOperations(user) : []),
    ...parentOperations(spec.process, user !== undefined),
    ...killed,
  ];
}

/** Joined are others' first: from inside a user namespace nobody joins what is not its own. */
function joined(namespaces: Spec["linux"]["namespaces"]) {
  return namespaces
    .filter((n) => n.path !== undefined)
    .toSorted((a, b) => Number(a.type === "user") - Number(b.type === "user"))
    .map((n) => ({ kind: KINDS[n.type], path: n.path as string }));
}

/** The program of a container's first process. */
export function compile(input: CompileInput): KernelProgram {
  const { spec } = input;
  const cgroups = planCgroups(
    input.hierarchies,
    spec.linux.cgroupsPath,
    spec.linux.resources,
    input.cpusetRoot,
    input.systemd ? [SYSTEMD_HIERARCHY] : [],
  );
  const namespaces = spec.linux.namespaces;
  return {
    title: input.title,
    host: [
      ...cgroups.host,
      ...input.root.host,
      ...input.network.host,
      ...listenerOperations(input.filter),
    ],
    process: {
      clone: {
        create: namespaces.filter((n) => !n.path && n.type !== "cgroup").map((n) => KINDS[n.type]),
        cgroups: cgroups.nodes,
        joinPaths: joined(namespaces),
      },
      parent: parentSection(input),
      child: childSection(input, cgroups),
      supervision: {
        ...input.supervision,
        collect: cgroups.oomFile ? [cgroups.oomFile] : [],
      },
    },
  };
}
