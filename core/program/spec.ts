// From what the user asked and what the image says to the OCI runtime spec's config.json. Pure:
// the same request over the same image is the same spec.

import { NacreError } from "../error.ts";
import type { ImageProcess } from "../oci/image.ts";
import type {
  Spec,
  SpecDevice,
  SpecDeviceRule,
  SpecMount,
  SpecNamespaceType,
} from "../oci/runtime-spec.ts";
import { DEFAULT_CAPABILITIES } from "./capabilities.ts";
import type { ContainerRequest, RequestedMount } from "./request.ts";
import { type MachineFacts, parseDeviceRule, specResources } from "./resource-spec.ts";
import type { ProcessUser } from "./user.ts";

const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What surrounds a container: facts that neither the request nor the image has. */
export interface SpecContext {
  readonly id: string;
  readonly user: ProcessUser;
  /** Whether the network gives the container a namespace of its own. */
  readonly ownNetwork: boolean;
  /** Directory whose `hosts`, `hostname` and `resolv.conf` are bound over those of the image; absent: the root's own stay. */
  readonly filesDirectory?: string;
  readonly rootfs: string;
  readonly cgroupsPath: string;
  readonly terminalSize?: { readonly rows: number; readonly columns: number };
  readonly machine: MachineFacts;
}

/** Docker's rule: the user's entrypoint clears the image's command; the user's command replaces it. */
export function commandLine(request: ContainerRequest, image: ImageProcess): string[] {
  const entrypoint = request.entrypoint ?? image.Entrypoint ?? [];
  const fallback = request.entrypoint === undefined ? (image.Cmd ?? []) : [];
  const command = request.command.length > 0 ? request.command : fallback;
  const line = [...entrypoint, ...command];
  if (line.length === 0) {
    throw new NacreError("invalid", "no command specified", {
      advice: `The image has neither entrypoint nor command: name one, as in nacre run ${request.image} sh.`,
    });
  }
  return line;
}

/** PATH, HOSTNAME, TERM, the image's, the user's, HOME; a later one of a name replaces the earlier. */
export function environment(
  request: ContainerRequest,
  image: ImageProcess,
  hostname: string,
  home: string,
): string[] {
  const variables = new Map<string, string>();
  const add = (entry: string) => variables.set(entry.split("=", 1)[0]!, entry);
  add(DEFAULT_PATH);
  add(`HOSTNAME=${hostname}`);
  if (request.terminal) add("TERM=xterm");
  for (const entry of image.Env ?? []) add(entry);
  for (const entry of request.environment) add(entry);
  if (!variables.has("HOME")) add(`HOME=${home}`);
  return [...variables.values()];
}

/** `/` where nobody says otherwise; a relative one is taken from `/`, as docker refuses it. */
export function workingDirectory(request: ContainerRequest, image: ImageProcess): string {
  const directory = request.workingDirectory ?? (image.WorkingDir || "/");
  if (!directory.startsWith("/")) {
    throw new NacreError(
      "invalid",
      `the working directory '${directory}' is invalid, it needs to be an absolute path`,
    );
  }
  return directory;
}

const STANDARD_MOUNTS: readonly SpecMount[] = [
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
  {
    destination: "/dev",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
  },
  {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  },
  {
    destination: "/dev/shm",
    type: "tmpfs",
    source: "shm",
    options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
  },
  {
    destination: "/dev/mqueue",
    type: "mqueue",
    source: "mqueue",
    options: ["nosuid", "noexec", "nodev"],
  },
  {
    destination: "/sys",
    type: "sysfs",
    source: "sysfs",
    options: ["nosuid", "noexec", "nodev", "ro"],
  },
  {
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: ["nosuid", "noexec", "nodev", "ro"],
  },
];

const MASKED_PATHS = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const character = (path: string, major: number, minor: number, gid = 0): SpecDevice => ({
  type: "c",
  path,
  major,
  minor,
  fileMode: 0o666,
  uid: 0,
  gid,
});

export const STANDARD_DEVICES: readonly SpecDevice[] = [
  character("/dev/null", 1, 3),
  character("/dev/zero", 1, 5),
  character("/dev/full", 1, 7),
  character("/dev/random", 1, 8),
  character("/dev/urandom", 1, 9),
  character("/dev/tty", 5, 0, 5),
];

/** Nothing but the standard devices, ptys and the making of nodes (which then cannot be opened). */
const DEVICE_RULES: readonly SpecDeviceRule[] = [
  { allow: false, type: "a", access: "rwm" },
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  ...STANDARD_DEVICES.map(
    (d): SpecDeviceRule => ({
      allow: true,
      type: "c",
      major: d.major,
      minor: d.minor,
      access: "rwm",
    }),
  ),
  { allow: true, type: "c", major: 5, minor: 2, access: "rwm" },
  { allow: true, type: "c", major: 136, access: "rwm" },
];

/** docker's `--tmpfs` defaults, and the user's options after them. */
function requestedMount(mount: RequestedMount): SpecMount {
  if (mount.type === "tmpfs") {
    return {
      destination: mount.target,
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "nodev", "noexec", ...mount.options],
    };
  }
  return {
    destination: mount.target,
    type: "bind",
    source: mount.source,
    options: [
      mount.recursive ? "rbind" : "bind",
      mount.readOnly ? "ro" : "rw",
      mount.recursive ? `r${mount.propagation}` : mount.propagation,
    ],
  };
}

/** The user's mounts replace standard ones of the same place; parents come before children. */
function allMounts(request: ContainerRequest, context: SpecContext): SpecMount[] {
  const { filesDirectory } = context;
  const names = filesDirectory === undefined ? [] : ["hosts", "hostname", "resolv.conf"];
  const files = names.map(
    (name): SpecMount => ({
      destination: `/etc/${name}`,
      type: "bind",
      source: `${filesDirectory}/${name}`,
      options: ["bind", "rprivate"],
    }),
  );
  const requested = request.mounts.map(requestedMount);
  const taken = new Set(requested.map((m) => m.destination));
  const kept = [...STANDARD_MOUNTS, ...files].filter((m) => !taken.has(m.destination));
  const depth = (m: SpecMount) => m.destination.split("/").length;
  return [...kept, ...requested.sort((a, b) => depth(a) - depth(b))];
}

export function createSpec(
  request: ContainerRequest,
  image: ImageProcess,
  context: SpecContext,
): Spec {
  const hostname = request.hostname ?? context.id.slice(0, 12);
  const { user } = context;
  const namespaces: SpecNamespaceType[] = ["pid", "mount", "uts", "ipc", "cgroup"];
  if (context.ownNetwork) namespaces.push("network");
  const size = context.terminalSize;
  return {
    ociVersion: "1.2.0",
    hostname,
    process: {
      terminal: request.terminal,
      ...(size && { consoleSize: { height: size.rows, width: size.columns } }),
      user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
      args: commandLine(request, image),
      env: environment(request, image, hostname, user.home),
      cwd: workingDirectory(request, image),
      capabilities: processCapabilities(user.uid),
      noNewPrivileges: false,
    },
    root: { path: context.rootfs, readonly: request.readOnlyRoot },
    mounts: allMounts(request, context),
    linux: {
      namespaces: namespaces.map((type) => ({ type })),
      cgroupsPath: context.cgroupsPath,
      resources: {
        ...specResources(request.resources, context.machine),
        devices: [...DEVICE_RULES, ...(request.resources.deviceRules ?? []).map(parseDeviceRule)],
      },
      devices: STANDARD_DEVICES,
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
    },
  };
}

/** A user other than root keeps only the bounding set; inheritable stays empty (CVE-2022-24769). */
export function processCapabilities(uid: number): Spec["process"]["capabilities"] {
  const held = uid === 0 ? DEFAULT_CAPABILITIES : [];
  return {
    bounding: DEFAULT_CAPABILITIES,
    effective: held,
    permitted: held,
    inheritable: [],
    ambient: [],
  };
}
