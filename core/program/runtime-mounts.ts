// The mounts and devices of an OCI container, in its opened root and after it was entered.

import type { RuntimeSpec, SpecDevice, SpecIdMapping, SpecMount } from "../oci/runtime-spec.ts";
import type { MountedHierarchy } from "./cgroup-plan.ts";
import type { MountDescription } from "./mount-description.ts";
import type { BindInRoot, Operation } from "./operation.ts";
import { type RuntimeMountFlags, runtimeMountFlags } from "./runtime-mount-options.ts";

/** What the mounts of a container depend on beside its spec. */
export interface RuntimeMountContext {
  readonly spec: RuntimeSpec;
  readonly hierarchies: readonly MountedHierarchy[];
  readonly cgroupPath: string;
  /** For a relative source. */
  readonly bundle: string;
  /** Whether labels are of use here. */
  readonly hasSelinux: boolean;
}

const ownNamespace = (spec: RuntimeSpec, type: string): boolean =>
  spec.linux.namespaces.some((one) => one.type === type && one.path === undefined);
/** Without one its mounts are the machine's, below a bind mount of its root that goes with it. */
export const hasMountNamespace = (spec: RuntimeSpec): boolean =>
  spec.linux.namespaces.some(({ type }) => type === "mount");
export const hasUserNamespace = (spec: RuntimeSpec): boolean =>
  spec.linux.namespaces.some(({ type }) => type === "user");

const lines = (all: readonly SpecIdMapping[]): string =>
  all.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");

function idmapOf(mount: SpecMount, flags: RuntimeMountFlags, spec: RuntimeSpec) {
  const own = mount.uidMappings && mount.gidMappings;
  const uids = own ? mount.uidMappings : flags.idmap ? spec.linux.uidMappings : [];
  const gids = own ? mount.gidMappings : flags.idmap ? spec.linux.gidMappings : [];
  if (uids.length === 0 && gids.length === 0) return {};
  return { idmap: { uids: lines(uids), gids: lines(gids) } } satisfies Pick<BindInRoot, "idmap">;
}

/** Files that carry labels of their own have none from their mount. */
const LABELLED: readonly string[] = ["tmpfs", "devpts", "mqueue", "ramfs"];

function described(mount: SpecMount, flags: RuntimeMountFlags, context: RuntimeMountContext) {
  const type = mount.type as string;
  const label = context.spec.linux.mountLabel;
  const labelled = label !== undefined && context.hasSelinux && LABELLED.includes(type);
  return {
    type,
    source: mount.source ?? type,
    options: [...flags.options, ...(labelled ? [`context="${label}"`] : [])],
    attributes: flags.set.filter((a) => !(flags.copyUp && a === "ro")),
  } satisfies MountDescription;
}

/** `mounts[3]`, for whoever reads an error. */
const named = (index: number) => ({ field: `mounts[${index}]` });

/** Its own nodes, whatever is above them: in a cgroup namespace that is what a mount shows anyway. */
function cgroupMounts(mount: SpecMount, index: number, context: RuntimeMountContext): Operation[] {
  const { hierarchies, spec, cgroupPath } = context;
  const { set } = runtimeMountFlags(mount);
  const own = ownNamespace(spec, "cgroup");
  const show = (h: MountedHierarchy, target: string): Operation => {
    const controllers = h.controllers;
    const why = "its own limits, to read";
    if (!own) {
      const source = h.mountpoint + cgroupPath;
      const bound = { recursive: false, attributes: set, propagation: "private" } as const;
      return { op: "bindInRoot", source, target, ...bound, why, ...named(index) };
    }
    const mounted: MountDescription =
      h.version === 2
        ? { type: "cgroup2", source: "cgroup", options: [], attributes: set }
        : { type: "cgroup", source: "cgroup", options: controllers, attributes: set };
    return { op: "mountInRoot", mount: mounted, target, why, ...named(index) };
  };
  const [first] = hierarchies;
  if (!first) return [];
  if (first.version === 2) return [show(first, mount.destination)];
  const directory: Operation = {
    op: "mountInRoot",
    mount: {
      ...{ type: "tmpfs", source: "tmpfs", options: ["mode=755"] },
      attributes: set.filter((a) => a !== "ro"),
    },
    target: mount.destination,
    why: "a place for its cgroup hierarchies",
    ...named(index),
  };
  const each = hierarchies.flatMap((h) =>
    placeOf(h, mount.destination, (target) => show(h, target)),
  );
  return [directory, ...each];
}

/** `cpu,cpuacct`, and a link by each name; `systemd` for `name=systemd`. */
function placeOf(
  h: MountedHierarchy,
  destination: string,
  show: (target: string) => Operation,
): Operation[] {
  const names = h.controllers.map((name) => name.replace(/^name=/, ""));
  const all = names.join(",");
  const links = names.length > 1 ? names : [];
  return [
    show(`${destination}/${all}`),
    ...links.map(
      (name): Operation => ({
        ...{ op: "placeSymlink", path: `${destination}/${name}`, text: all },
        ...{ mode: 0o777, uid: 0, gid: 0 },
      }),
    ),
  ];
}

/** One entry of `mounts`, in the opened root. */
function inRoot(mount: SpecMount, index: number, context: RuntimeMountContext): Operation[] {
  const flags = runtimeMountFlags(mount);
  if (flags.remount) return [];
  if (!flags.bind && (mount.type === "cgroup" || mount.type === "cgroup2")) {
    return cgroupMounts(mount, index, context);
  }
  const target = mount.destination;
  if (!flags.bind) {
    const made = described(mount, flags, context);
    const copied = flags.copyUp ? { copyUp: true } : {};
    return [{ op: "mountInRoot", mount: made, target, ...copied, ...named(index) }];
  }
  const source = mount.source as string;
  const { propagation } = flags;
  return [
    {
      op: "bindInRoot",
      source: source.startsWith("/") ? source : `${context.bundle}/${source}`,
      target,
      recursive: flags.recursive,
      attributes: flags.recursive ? [] : flags.set,
      propagation: propagation?.mode ?? "private",
      ...idmapOf(mount, flags, context.spec),
      ...named(index),
    },
  ];
}

/** What is changed of a mount once it has its place below the root. */
function afterwards(mount: SpecMount, index: number, context: RuntimeMountContext): Operation[] {
  const flags = runtimeMountFlags(mount);
  const path = mount.destination;
  const change = (
    attributes: RuntimeMountFlags["set"],
    cleared: RuntimeMountFlags["set"],
    recursive: boolean,
  ) =>
    attributes.length === 0 && cleared.length === 0
      ? []
      : [
          {
            op: "setMountAttributes",
            path,
            attributes,
            cleared,
            recursive,
            ...named(index),
          } as const,
        ];
  const cgroups = !flags.bind && mount.type === "cgroup" && context.hierarchies[0]?.version === 1;
  const late =
    flags.remount || (flags.bind && flags.recursive)
      ? flags.set
      : (cgroups || flags.copyUp) && flags.set.includes("ro")
        ? (["ro"] as const)
        : [];
  const cleared = flags.bind || flags.remount ? flags.cleared : [];
  const { propagation } = flags;
  const spread: Operation[] =
    propagation && !flags.bind && !flags.remount
      ? [{ op: "setPropagation", path, ...propagation, ...named(index) }]
      : [];
  return [
    ...change(late, cleared, false),
    ...change(flags.setBelow, flags.clearedBelow, true),
    ...spread,
  ];
}

/** Devices that there are without being asked for (config-linux.md, "Default Devices"). */
const DEFAULT_DEVICES: readonly (readonly [name: string, major: number, minor: number])[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
];
const LINKS: readonly (readonly [name: string, text: string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
];

const TYPES = { c: "character", b: "block", p: "fifo" } as const;

/** In a user namespace nobody makes devices: those of the machine are shown. */
function node(device: SpecDevice, shown: boolean, field: { readonly field?: string }): Operation {
  const { path, type, major, minor, fileMode: mode, uid, gid } = device;
  if (shown && type !== "p") {
    const how = { recursive: false, attributes: [], propagation: "private" } as const;
    return { op: "bindInRoot", source: path, target: path, ...how, ...field };
  }
  return { op: "placeNode", path, type: TYPES[type], major, minor, mode, uid, gid, ...field };
}

function devices(spec: RuntimeSpec): Operation[] {
  const shown = hasUserNamespace(spec);
  const asked = spec.linux.devices;
  const standard = DEFAULT_DEVICES.map(([name, major, minor]): SpecDevice => {
    return { type: "c", path: `/dev/${name}`, major, minor, fileMode: 0o666, uid: 0, gid: 0 };
  }).filter(({ path }) => !asked.some((one) => one.path === path));
  return [
    ...standard.map((device) => node(device, shown, { field: "linux.devices" })),
    ...asked.map((device, i) => node(device, shown, { field: `linux.devices[${i}]` })),
    ...LINKS.filter(([name]) => !asked.some(({ path }) => path === `/dev/${name}`)).map(
      ([name, text]): Operation => ({
        ...{ op: "placeSymlink", path: `/dev/${name}`, text, mode: 0o777, uid: 0, gid: 0 },
      }),
    ),
  ];
}

const isDev = ({ destination }: SpecMount): boolean => /^\/dev\/*$/.test(destination);

/** All that is mounted and made in the opened root, in order. */
export function operationsInRoot(context: RuntimeMountContext): Operation[] {
  const { spec } = context;
  const { mounts } = spec;
  const at = mounts.findIndex(isDev);
  const dev = mounts[at];
  // Somebody else's /dev is left as it is: nodes made there would be made for him, too.
  const lent = dev !== undefined && runtimeMountFlags(dev).bind;
  const each = mounts.map((mount, i) => inRoot(mount, i, context));
  return [
    ...each.slice(0, at + 1).flat(),
    ...(lent ? [] : devices(spec)),
    ...each.slice(at + 1).flat(),
    ...spec.linux.maskedPaths.map(
      (path, i): Operation => ({ op: "maskInRoot", path, field: `linux.maskedPaths[${i}]` }),
    ),
    ...spec.linux.readonlyPaths.map(
      (path, i): Operation => ({ op: "readOnlyInRoot", path, field: `linux.readonlyPaths[${i}]` }),
    ),
  ];
}

/** What is changed of the mounts once the root is entered. */
export function operationsAfterEntering(context: RuntimeMountContext): Operation[] {
  const { spec } = context;
  const { readonly } = spec.root;
  const { rootfsPropagation: spread } = spec.linux;
  const change = spec.mounts.flatMap((mount, i) => afterwards(mount, i, context));
  const own: Operation[] =
    spread?.mode === "shared" || spread?.mode === "unbindable"
      ? [{ op: "setPropagation", path: "/", ...spread, field: "linux.rootfsPropagation" }]
      : [];
  const closed: Operation[] = readonly
    ? [{ op: "setMountAttributes", path: "/", attributes: ["ro"], field: "root.readonly" }]
    : [];
  return [...change, ...own, ...closed];
}
