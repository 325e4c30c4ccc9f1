// The options that say what is mounted in a container.

import type {
  BindRequest,
  ContainerRequest,
  RequestedMount,
  TmpfsRequest,
} from "@nacre/core/program/request.ts";
import { FlagError } from "./flag-error.ts";
import type { Host } from "./host.ts";
import { flag, list, text, type Values } from "./options.ts";
import { absolute, checkTargets, mountOf, parseTmpfs, parseVolume } from "./parse/mount.ts";
import { parseMount } from "./parse/mount-option.ts";

export const MOUNT_OPTIONS = {
  mount: list(
    ["mount"],
    "type=…,src=…,dst=…",
    "Mount a bind, volume, tmpfs or image, by key=value fields",
    parseMount,
  ),
  readOnlyTmpfs: flag(
    ["read-only-tmpfs"],
    "With --read-only: memory to write in at /run, /tmp and /var/tmp",
  ),
  storageOpt: list(["storage-opt"], "size=bytes", "Limit of the storage layer (refused)", String),
  tmpfs: list(["tmpfs"], "dir[:opts]", "Mount an empty file system in memory", parseTmpfs),
  volume: list(
    ["volume", "v"],
    "[src:]dst[:opts]",
    "Mount a directory of this machine, or a volume; ro makes it read-only",
    String,
    "files",
  ),
  volumeDriver: text(["volume-driver"], "name", "What makes new volumes (default local)", [
    "local",
  ]),
  volumesFrom: list(
    ["volumes-from"],
    "container[:ro]",
    "Also the binds, volumes and images of another container",
    parseVolumesFrom,
    "containers",
  ),
};

/** @throws FlagError */
function parseVolumesFrom(word: string): string {
  const [name = "", mode, ...more] = word.split(":");
  if (name === "") throw new FlagError("invalid empty volumes-from: name a container");
  const isMode = mode === undefined || ["ro", "rw", "z", "Z"].includes(mode);
  if (!isMode || more.length > 0) throw new FlagError(`invalid mode in volumes-from: ${word}`);
  return word;
}

/** Docker's rule of relative sources: `.` begins one that is taken from where the caller is. */
function located(mount: RequestedMount, host: Host): RequestedMount {
  if (mount.type !== "bind") return mount;
  if (/^\.{1,2}(\/|$)/.test(mount.source)) {
    return { ...mount, source: absolute(mount.source, host) };
  }
  return checked(mount);
}

function checked(mount: BindRequest): BindRequest {
  if (mount.source.startsWith("/")) return mount;
  throw new FlagError(
    `invalid mount config for type "bind": invalid mount path: '${mount.source}' mount path must be absolute`,
  );
}

/** The part of a request that was asked for. @throws FlagError */
export function mountsOf(
  values: Values<typeof MOUNT_OPTIONS> & { readonly readOnly: boolean },
  host: Host,
): Pick<ContainerRequest, "mounts" | "volumesFrom"> {
  refuseStorageOptions(values.storageOpt);
  const { volumeDriver, volumesFrom } = values;
  const mounts = [
    ...values.volume.map((word) => mountOf(parseVolume(word), host)),
    ...values.mount.map((mount) => ({
      ...located(mount, host),
      byMount: true as const,
    })),
    ...lastOfEach(values.tmpfs),
  ].map((mount) =>
    mount.type === "volume" && volumeDriver !== undefined
      ? { driver: volumeDriver, ...mount }
      : mount,
  );
  checkTargets(mounts);
  if (values.readOnly && values.readOnlyTmpfs) mounts.push(...writableIn(mounts));
  return { mounts, ...(volumesFrom.length > 0 && { volumesFrom }) };
}

/** Docker's rule for these alone: the last word for a place counts. */
const lastOfEach = (mounts: readonly TmpfsRequest[]): TmpfsRequest[] => [
  ...new Map(mounts.map((mount) => [mount.target, mount])).values(),
];

/** What podman mounts in a root that is read-only, where nobody mounts anything else. */
function writableIn(mounts: readonly RequestedMount[]): RequestedMount[] {
  const taken = new Set(mounts.map(({ target }) => target.replace(/(?<=.)\/+$/, "")));
  const modes = { "/run": "mode=755", "/tmp": "mode=1777", "/var/tmp": "mode=1777" };
  return Object.entries(modes)
    .filter(([target]) => !taken.has(target))
    .map(([target, mode]) => ({ type: "tmpfs", target, options: ["exec", mode] }));
}

/** Why: docs/decisions/0024-volumes.md. */
function refuseStorageOptions(options: readonly string[]): void {
  for (const option of options) {
    if (!/^size=./.test(option)) throw new FlagError(`unknown storage option: ${option}`);
    throw new FlagError(
      `--storage-opt ${option} is not supported: a storage layer is a directory, and file systems limit directories by project quotas, which few have turned on. A volume can be limited: --mount type=tmpfs,tmpfs-size=…, or nacre volume create -o type=tmpfs -o device=tmpfs -o o=size=…`,
    );
  }
}
