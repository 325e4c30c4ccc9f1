// The files of /etc that belong to a container and not to its image. They live on a tmpfs of the
// container's own mount namespace, so they cost no disk and go with it.

import type { Files } from "@nacre/core/ports/files.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { ContainerRequest, PlainMount } from "@nacre/core/program/request.ts";
import { placeZone, zoneFile } from "./time-zone.ts";

export interface HostFiles {
  readonly hostname: string;
  readonly domainname?: string | undefined;
  readonly resolvConf: string;
  /** Lines of /etc/hosts after those of localhost. */
  readonly hosts: readonly string[];
}

const LOCALHOST = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::0\tip6-localnet",
  "ff00::0\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

type Wanted = Pick<ContainerRequest, "imageHosts" | "timeZone">;

/** Names of the files that a container has of its own. With `kept` its root keeps its own names and resolver. */
export function ownFileNames({ imageHosts, timeZone }: Wanted, kept: boolean): string[] {
  return [
    ...(kept || imageHosts ? [] : ["hosts"]),
    ...(kept ? [] : ["hostname", "resolv.conf"]),
    ...(timeZone === undefined ? [] : ["localtime"]),
  ];
}

/** Of these names those that have a place: a /etc that is read-only may have none for them. */
export function placedNames(
  names: readonly string[],
  mounts: readonly PlainMount[],
  files: Pick<Files, "status">,
): string[] {
  const etc = mounts.find(({ target }) => target === "/etc");
  if (!etc) return [...names];
  if (etc.type === "tmpfs") return etc.options.includes("ro") ? [] : [...names];
  if (!etc.readOnly) return [...names];
  const source = etc.subpath === undefined ? etc.source : `${etc.source}/${etc.subpath}`;
  return names.filter((name) => files.status(`${source}/${name}`));
}

/**
 * Operations of the child section that put files into `directory`, which exists on the host: those
 * of `contents` that are wanted, absent where the root keeps its own, and `more`.
 */
export function ownFileOperations(
  directory: string,
  wanted: Wanted,
  contents: HostFiles | undefined,
  more: readonly Operation[],
  files: Pick<Files, "readBytes">,
): Operation[] {
  const names = ownFileNames(wanted, contents === undefined);
  const { timeZone } = wanted;
  const all = [
    ...(contents ? textOperations(contents).filter(({ path }) => names.includes(path)) : []),
    ...(timeZone === undefined ? [] : [placeZone(zoneFile(timeZone, files))]),
    ...more,
  ];
  if (all.length === 0) return [];
  return [
    ...ownMemory(directory, sizeOf(all), "a place in memory for files that are its own"),
    ...all,
  ];
}

/** Mebibytes for files that are copied and half of one for the rest. */
function sizeOf(operations: readonly Operation[]): number {
  const copied = operations
    .flatMap((operation) => (operation.op === "placeFile" ? operation.segments : []))
    .reduce((sum, [, length]) => sum + length, 0);
  return Math.ceil(copied / (1 << 20) + 0.5);
}

/** With its domain first, and by its short name too: what `hostname -f` looks for. */
function namesOf({ hostname, domainname }: HostFiles): string {
  const full = domainname ? `${hostname}.${domainname}` : hostname;
  const [short] = full.split(".", 1);
  return short === full ? full : `${full} ${short}`;
}

function textOperations(own: HostFiles) {
  const { hostname, resolvConf, hosts } = own;
  const contents: Readonly<Record<string, string>> = {
    hosts: `${[...LOCALHOST, ...hosts, `127.0.0.1\t${namesOf(own)}`].join("\n")}\n`,
    hostname: `${hostname}\n`,
    "resolv.conf": resolvConf,
  };
  return Object.entries(contents).map(([path, data]) => ({
    ...{ op: "placeText" as const, path, data, mode: 0o644, uid: 0, gid: 0 },
    why: `becomes the container's /etc/${path}`,
  }));
}

/** A tmpfs at `directory`, with what is placed next in it. */
function ownMemory(directory: string, sizeMib: number, why: string): Operation[] {
  return [
    {
      op: "mount",
      mount: {
        type: "tmpfs",
        source: "nacre",
        options: ["mode=755", `size=${sizeMib}m`],
        attributes: ["nosuid", "nodev", "noexec"],
      },
      target: directory,
      why,
    },
    { op: "openRoot", path: directory, why: "to write them" },
  ];
}
