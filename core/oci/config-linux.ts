// `linux` and `mounts` of a config.json (config-linux.md; config.md, "Mounts").

import { parseCpusetList } from "../cpuset-list.ts";
import { type Field, shown } from "./config-field.ts";
import type { Warn } from "./config-process.ts";
import { readResources } from "./config-resources.ts";
import type {
  RuntimeSpec,
  SpecDevice,
  SpecIdMapping,
  SpecMemoryPolicy,
  SpecMount,
  SpecNamespaceType,
} from "./runtime-spec.ts";

const NAMESPACES = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"] as const;
const MOST_MAPPINGS = 340;

type Namespaces = RuntimeSpec["linux"]["namespaces"];

function namespaces(field: Field): Namespaces {
  const seen = new Set<SpecNamespaceType>();
  return field.list((one) => {
    const type = one.at("type").word(NAMESPACES);
    if (seen.has(type)) throw one.at("type").error(`stands there twice: ${type}`);
    seen.add(type);
    const path = one.at("path").optional((f) => (f.value === "" ? "" : f.absolutePath())) ?? "";
    return path === "" ? { type } : { type, path };
  });
}

type Range = readonly [from: number, to: number];

function overlapOf(ranges: readonly Range[]): number {
  return ranges.findIndex(([from, to], i) =>
    ranges.slice(0, i).some(([otherFrom, otherTo]) => from < otherTo && otherFrom < to),
  );
}

/** Whatever the kernel would refuse with EINVAL, by the field that it is about. */
function mappings(field: Field): SpecIdMapping[] {
  const found = field.list((one) => ({
    containerID: one.at("containerID").id(),
    hostID: one.at("hostID").id(),
    size: one.at("size").integer(1, 0xffff_ffff),
  }));
  if (found.length > MOST_MAPPINGS) throw field.error(`has more than ${MOST_MAPPINGS} entries`);
  for (const side of ["containerID", "hostID"] as const) {
    const ranges = found.map((one): Range => [one[side], one[side] + one.size]);
    const past = ranges.findIndex(([, to]) => to > 2 ** 32);
    if (past >= 0) throw field.element(past).error("goes past the last ID");
    const twice = overlapOf(ranges);
    if (twice >= 0) {
      throw field.element(twice).error(`overlaps an earlier entry by its ${side}`);
    }
  }
  return found;
}

/** Owners can be shown as others by a map of the mount's own, or by the container's. */
function checkIdmap(field: Field, options: readonly string[], isMapped: boolean): void {
  const other = options.findIndex((option) => /^r?idmap=/.test(option));
  if (other >= 0) {
    const where = field.at("options").element(other);
    throw where.unsupported("a map is read of uidMappings and gidMappings alone");
  }
  const at = options.findIndex((option) => option === "idmap" || option === "ridmap");
  if (at < 0 || isMapped) return;
  throw field
    .at("options")
    .element(at)
    .error("needs uidMappings and gidMappings, here or in linux");
}

function mount(field: Field, mapsUsers: boolean, warn: Warn): SpecMount {
  const target = field.at("destination");
  const destination = target.text();
  if (destination === "") throw target.error("is empty");
  if (!destination.startsWith("/")) {
    warn(`${target.error(`is relative: ${destination}`).message}: taken from the root`);
  }
  const text = (name: string) => field.at(name).optional((f) => f.text());
  const [type, source] = [text("type"), text("source")];
  const options = field.at("options").texts();
  if (/^[./]+$/.test(destination) && !destination.includes("...") && !options.includes("remount")) {
    throw target.error("is the root itself, which the bundle gives");
  }
  const isBind = type === "bind" || options.includes("bind") || options.includes("rbind");
  if (isBind && !source) throw field.at("source").error("is missing: what is to be bound?");
  if (!isBind && !options.includes("remount") && !type) {
    throw field.at("type").error("is missing: only a bind mount has none");
  }
  const [uids, gids] = [mappings(field.at("uidMappings")), mappings(field.at("gidMappings"))];
  if (uids.length > 0 !== gids.length > 0) {
    const missing = uids.length > 0 ? "gidMappings" : "uidMappings";
    throw field.at(missing).error("is missing: a mount has mappings of both, or none");
  }
  if (uids.length > 0 && !isBind) {
    throw field.at("uidMappings").unsupported("what is not bound has no owners to show as others");
  }
  checkIdmap(field, options, mapsUsers || uids.length > 0);
  return {
    destination: destination.startsWith("/") ? destination : `/${destination}`,
    ...(type && { type }),
    ...(source && { source }),
    options,
    ...(uids.length > 0 && { uidMappings: uids, gidMappings: gids }),
  };
}

function device(field: Field): SpecDevice {
  const type = field.at("type").word(["c", "b", "u", "p"]);
  const number = (name: string) =>
    type === "p" ? 0 : field.at(name).integer(0, name === "major" ? 0xfff : 0xfffff);
  return {
    type: type === "u" ? "c" : type,
    path: field.at("path").absolutePath(),
    major: number("major"),
    minor: number("minor"),
    fileMode: (field.at("fileMode").optional((f) => f.integer(0, 0xffff)) ?? 0o666) & 0o7777,
    uid: field.at("uid").optional((f) => f.id()) ?? 0,
    gid: field.at("gid").optional((f) => f.id()) ?? 0,
  };
}

function devices(field: Field): SpecDevice[] {
  const found = field.list(device);
  for (const [i, one] of found.entries()) {
    const other = found.slice(0, i).find(({ path }) => path === one.path);
    if (!other) continue;
    const same = other.type === one.type && other.major === one.major && other.minor === one.minor;
    if (!same) throw field.element(i).error(`has the path of another device: ${one.path}`);
  }
  return found;
}

/** Kernel parameters that a namespace has for itself (namespaces(7), ipc_namespaces(7)). */
const SEPARATE: readonly (readonly [pattern: RegExp, type: SpecNamespaceType])[] = [
  [/^kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)$/, "ipc"],
  [/^fs\.mqueue\./, "ipc"],
  [/^net\./, "network"],
  [/^kernel\.domainname$/, "uts"],
  [/^user\./, "user"],
];

function sysctl(field: Field, given: Namespaces): Record<string, string> {
  for (const [name, value] of field.entries()) {
    const dotted = name.includes("/") ? name.replaceAll("/", ".") : name;
    if (dotted === "kernel.hostname") throw value.error("is set by hostname");
    const needed = SEPARATE.find(([pattern]) => pattern.test(dotted))?.[1];
    if (needed === undefined) {
      throw value.error("is a parameter of the whole machine, which no namespace has for itself");
    }
    if (!given.some(({ type }) => type === needed)) {
      throw value.error(`needs a ${needed} namespace in linux.namespaces`);
    }
  }
  return field.record();
}

function timeOffsets(field: Field, given: Namespaces): RuntimeSpec["linux"]["timeOffsets"] {
  const found = field.entries().map(([clock, one]) => {
    if (clock !== "monotonic" && clock !== "boottime") {
      throw one.error("is no clock with an offset", "There are monotonic and boottime.");
    }
    const secs = one.at("secs").optional((f) => f.integer()) ?? 0;
    const nanosecs = one.at("nanosecs").optional((f) => f.integer(0, 999_999_999)) ?? 0;
    return [clock, { secs, nanosecs }] as const;
  });
  if (found.length > 0 && !given.some(({ type, path }) => type === "time" && !path)) {
    throw field.error("needs a new time namespace in linux.namespaces");
  }
  return Object.fromEntries(found);
}

const PROPAGATIONS = ["private", "slave", "shared", "unbindable"] as const;
const BOTH = PROPAGATIONS.flatMap((mode) => [mode, `r${mode}`]);

function rootfsPropagation(field: Field): RuntimeSpec["linux"]["rootfsPropagation"] {
  const text = field.optional((f) => (f.value === "" ? undefined : f.word(BOTH)));
  if (text === undefined) return undefined;
  const mode = PROPAGATIONS.find((one) => text === one || text === `r${one}`)!;
  return { mode, recursive: text !== mode };
}

const PERSONAS = { LINUX: 0, LINUX32: 8 } as const;

function persona(field: Field): number {
  const flags = field.at("flags");
  if (flags.texts().length > 0) throw flags.unsupported("there are no flags of personalities yet");
  return PERSONAS[field.at("domain").word(["LINUX", "LINUX32"])];
}

const POLICIES = [
  ...(["MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL"] as const),
  ...(["MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"] as const),
];
const POLICY_FLAGS = {
  MPOL_F_NUMA_BALANCING: 1 << 13,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_STATIC_NODES: 1 << 15,
} as const;
const FLAG_NAMES = Object.keys(POLICY_FLAGS) as (keyof typeof POLICY_FLAGS)[];

function nodeList(field: Field): number[] {
  const list = field.text();
  try {
    return parseCpusetList(list);
  } catch {
    throw field.error(`is no list of nodes: ${shown(list)}`);
  }
}

function memoryPolicy(field: Field): SpecMemoryPolicy {
  const flags = field.at("flags").list((f) => POLICY_FLAGS[f.word(FLAG_NAMES)]);
  const mode = POLICIES.indexOf(field.at("mode").word(POLICIES));
  return {
    mode: flags.reduce((sum, flag) => sum | flag, mode),
    nodes: field.at("nodes").optional(nodeList) ?? [],
  };
}

function refuse(linux: Field): void {
  const rdt = linux.at("intelRdt");
  if (rdt.isGiven) throw rdt.unsupported("cache and memory bandwidth cannot be allocated here");
  const devices = linux.at("netDevices");
  if (devices.entries().length > 0) {
    throw devices.unsupported("network devices are not moved into containers here");
  }
}

function userMaps(linux: Field, given: Namespaces): [SpecIdMapping[], SpecIdMapping[]] {
  const maps = ["uidMappings", "gidMappings"].map((name) => mappings(linux.at(name)));
  const [uids = [], gids = []] = maps;
  const user = given.find(({ type }) => type === "user");
  for (const [i, name] of ["uidMappings", "gidMappings"].entries()) {
    const empty = maps[i]?.length === 0;
    if (!user && !empty) throw linux.at(name).error("needs a user namespace in linux.namespaces");
    if (user && user.path === undefined && empty) {
      throw linux.at(name).error("is missing: a new user namespace has no IDs without it");
    }
  }
  return user?.path === undefined ? [uids, gids] : [[], []];
}

/** `mounts` and `linux` of a config.json (config-linux.md). NacreError `invalid`, `unsupported`, with the field. */
export function readLinux(config: Field, warn: Warn): Pick<RuntimeSpec, "mounts" | "linux"> {
  const linux = config.at("linux");
  refuse(linux);
  const given = namespaces(linux.at("namespaces"));
  const [uidMappings, gidMappings] = userMaps(linux, given);
  const cgroupsPath = linux.at("cgroupsPath").optional((f) => f.text());
  const mountLabel = linux.at("mountLabel").optional((f) => f.text());
  const personality = linux.at("personality").optional(persona);
  const policy = linux.at("memoryPolicy").optional(memoryPolicy);
  const propagation = rootfsPropagation(linux.at("rootfsPropagation"));
  const seccomp = linux.at("seccomp");
  return {
    mounts: config.at("mounts").list((one) => mount(one, uidMappings.length > 0, warn)),
    linux: {
      namespaces: given,
      uidMappings,
      gidMappings,
      ...(cgroupsPath && { cgroupsPath }),
      resources: readResources(linux.at("resources")),
      devices: devices(linux.at("devices")),
      maskedPaths: linux.at("maskedPaths").list((f) => f.absolutePath()),
      readonlyPaths: linux.at("readonlyPaths").list((f) => f.absolutePath()),
      sysctl: sysctl(linux.at("sysctl"), given),
      timeOffsets: timeOffsets(linux.at("timeOffsets"), given),
      ...(propagation && { rootfsPropagation: propagation }),
      ...(mountLabel && { mountLabel }),
      ...(personality !== undefined && { persona: personality }),
      ...(policy && { memoryPolicy: policy }),
      ...(seccomp.isGiven && { seccomp: seccomp.value }),
    },
  };
}
