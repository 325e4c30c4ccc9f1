// What stands between a container and the machine, read from its program: what each protection
// prevents, and how to lift it. `nacre explain` prints it, so that every default can be seen.

import { capabilityMask, DEFAULT_CAPABILITIES } from "./capabilities.ts";
import type { NamespaceKind, Operation, OperationName } from "./operation.ts";
import type { KernelProgram } from "./program.ts";

export interface Protection {
  readonly name: string;
  /** How far it goes, such as `14 of 41`; empty where it is or is not. */
  readonly extent: string;
  readonly on: boolean;
  readonly prevents: string;
  /** What lifts it, or of one that is off, what brings it. */
  readonly change: string;
}

type Process = NonNullable<KernelProgram["process"]>;
type Of<N extends OperationName> = Extract<Operation, { op: N }>;

const NAMESPACES: readonly (readonly [NamespaceKind, prevents: string, lift: string])[] = [
  ["mnt", "seeing or changing the machine's tree and mounts", "-v shows single places of it"],
  ["pid", "seeing, tracing and killing processes of the machine", "--pid host"],
  ["net", "using the machine's addresses, and its abstract sockets", "--network host"],
  ["ipc", "shared memory and queues of other processes", "--ipc host"],
  ["uts", "changing the machine's name", "--uts host"],
  ["cgroup", "seeing where it stands among the machine's cgroups", "--cgroupns host"],
  [
    "user",
    "that its root is the machine's root",
    "--userns auto, --uidmap or --userns-remap brings one, --userns host lifts it",
  ],
];

function all<N extends OperationName>(process: Process, op: N): Of<N>[] {
  return process.child.filter((operation): operation is Of<N> => operation.op === op);
}

const protection = (
  name: string,
  extent: string,
  on: boolean,
  prevents: string,
  change: string,
): Protection => ({ name, extent, on, prevents, change });

const count = (mask: bigint): number => [...mask.toString(2)].filter((bit) => bit === "1").length;

function namespaces(process: Process): Protection[] {
  const own = new Set<NamespaceKind>([
    ...process.clone.create,
    ...process.clone.joinPaths.map(({ kind }) => kind),
    ...all(process, "unshare").flatMap((o) => o.namespaces),
  ]);
  return NAMESPACES.map(([kind, prevents, lift]) =>
    protection(`${kind} namespace`, "", own.has(kind), prevents, lift),
  );
}

function powers(process: Process): Protection[] {
  const bounding = all(process, "boundCapabilities")[0]?.bounding ?? ~0n & 0xffff_ffff_ffff_ffffn;
  const beyond = bounding & ~capabilityMask(DEFAULT_CAPABILITIES);
  return [
    protection(
      "capabilities",
      `${count(bounding)} are left${beyond === 0n ? "" : `, ${count(beyond)} more than usual`}`,
      (bounding & capabilityMask(["CAP_SYS_ADMIN"])) === 0n,
      "root of the container from administrating the machine: mounting, loading modules, tracing",
      "--cap-add NAME, --privileged; --cap-drop takes more",
    ),
    protection(
      "no new privileges",
      "",
      all(process, "noNewPrivileges").length > 0,
      "setuid programs and file capabilities from giving anything",
      "--security-opt no-new-privileges brings it",
    ),
  ];
}

function calls(process: Process): Protection {
  const filter = all(process, "filterSystemCalls")[0];
  return protection(
    "seccomp filter",
    filter ? `${filter.filter.length / 8} instructions` : "",
    filter !== undefined,
    "calls that containers do not need, and in which the kernel has had its holes",
    "--security-opt seccomp=unconfined, or seccomp=FILE for another profile",
  );
}

function labels(process: Process): Protection {
  const label = all(process, "writeOwnFile").find(({ name }) => name.startsWith("attr/"));
  return protection(
    "AppArmor or SELinux",
    label?.data ?? "",
    label !== undefined,
    "what the profile or the type of its label does not allow",
    "--security-opt apparmor=PROFILE or label=type:… brings it",
  );
}

function paths(process: Process): Protection[] {
  const masked = all(process, "maskInRoot");
  const readOnly = all(process, "readOnlyInRoot");
  const closed = all(process, "mountInRoot").filter(
    ({ target, mount }) => target.startsWith("/sys") && mount.attributes.includes("ro"),
  );
  return [
    protection(
      "masked paths",
      `${masked.length} paths`,
      masked.length > 0,
      "reading the machine's memory, keys and timers in /proc and /sys",
      "--security-opt systempaths=unconfined",
    ),
    protection(
      "read-only paths",
      `${readOnly.length} paths`,
      readOnly.length > 0,
      "changing the machine by /proc: kernel parameters, interrupts, sysrq",
      "--security-opt systempaths=unconfined",
    ),
    protection(
      "read-only /sys",
      `${closed.length} mounts`,
      closed.length > 0,
      "changing devices, and its own limits by /sys/fs/cgroup",
      "--privileged; --systemd opens the node that systemd needs",
    ),
  ];
}

function devices(program: KernelProgram): Protection {
  const on = program.host.some(
    (o) =>
      o.op === "attachDeviceFilter" ||
      (o.op === "writeFile" && o.path.endsWith("/devices.deny") && o.data.startsWith("a")),
  );
  return protection(
    "device rules",
    "",
    on,
    "opening disks and other devices, also by nodes that it makes itself",
    "--device PATH, --device-cgroup-rule, --privileged",
  );
}

/** The protections of a program with a process, those that it has not among them. */
export function protections(program: KernelProgram): Protection[] {
  const { process } = program;
  if (!process) return [];
  const entered = all(process, "enterRoot").length > 0;
  const slave = all(process, "setPropagation").some(({ mode }) => mode !== "shared");
  return [
    ...namespaces(process),
    protection(
      ...(["a root of its own", "", entered] as const),
      "names that lead out of the container: the machine's tree is not there any more",
      "nothing lifts it",
    ),
    protection(
      ...(["mounts that stay inside", "", slave] as const),
      "that what it mounts is mounted on the machine",
      "-v SOURCE:TARGET:rshared",
    ),
    ...powers(process),
    calls(process),
    labels(process),
    ...paths(process),
    devices(program),
  ];
}
