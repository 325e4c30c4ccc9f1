// The root of a container: its image's layers below, its own storage layer above.
//
// Where a container has users of its own and nothing can be mounted with other owners, because the
// engine's user is not root, its layers are unpacked once more, and both they and its storage layer
// belong to those users on the disk.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type {
  RootOptions,
  RootPlan,
  Snapshotter,
  StorageLayer,
} from "@nacre/core/ports/snapshotter.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { mappedId } from "@nacre/core/program/outside.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";
import { containerId, OVERFLOW_ID, type UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import type { Named } from "../extensions.ts";
import type { LayerStore } from "../images/layer-store.ts";
import type { StatePaths } from "../images/paths.ts";
import { hostRoot } from "../snapshotters/host.ts";

type Owned = Pick<ContainerRecord, "users">;

/** Whose the files of a container are on the disk; undefined where they have the IDs that they have in it. */
export const ownersOnDisk = ({ users }: Owned, kernel: Kernel): UserMaps | undefined =>
  users && kernel.facts().userNamespace && users;

/** An entry of a tree on the disk, as it is in the container. */
export function shownInside<T extends { readonly uid: number; readonly gid: number }>(
  entry: T,
  users: UserMaps | undefined,
): T {
  if (!users) return entry;
  const uid = containerId(users.uids, entry.uid) ?? OVERFLOW_ID;
  return { ...entry, uid, gid: containerId(users.gids, entry.gid) ?? OVERFLOW_ID };
}

/** Whether `--userns` has its caller keep an ID in the container. */
export const keepsId = (userns = ""): boolean => /^keep-id(:|$)/.test(userns);

/** Who runs a container that keeps the ID of its caller, unless it is said. */
export function keptUser({ request, users }: Pick<ContainerRecord, "request" | "users">) {
  if (!users || !keepsId(request.userns)) return undefined;
  return `${containerId(users.uids, 0)}:${containerId(users.gids, 0)}`;
}

export class ContainerRoot {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #layers: LayerStore;
  readonly #snapshotters: Named<"Snapshotter">;
  readonly #paths: StatePaths;
  #directories: typeof import("./root-directory.ts") | undefined;

  constructor(
    kernel: Kernel,
    files: Files,
    layers: LayerStore,
    snapshotters: Named<"Snapshotter">,
    paths: StatePaths,
  ) {
    this.#kernel = kernel;
    this.#files = files;
    this.#layers = layers;
    this.#snapshotters = snapshotters;
    this.#paths = paths;
  }

  /** Loads the snapshotter; layers that are to be the container's are unpacked. */
  async prepare(
    snapshotter: string,
    image: ImageRecord | undefined,
    users?: UserMaps,
    request?: Pick<ContainerRequest, "rootDirectory">,
  ) {
    await this.#snapshotters.load(snapshotter);
    if (request?.rootDirectory) this.#directories = await import("./root-directory.ts");
    const owners = ownersOnDisk(users ? { users } : {}, this.#kernel);
    const chainId = image?.chainIds.at(-1);
    if (!owners || !image || chainId === undefined) return;
    const own = this.#ownedBy(snapshotter, owners);
    if (!own.has(chainId)) await own.commit(chainId, this.#stored(image));
  }

  /** What is asked for as a root can be one. To be called once it is prepared for. NacreError `not-found`, `invalid`, `conflict`. */
  check({ rootDirectory }: Pick<ContainerRequest, "rootDirectory">): void {
    if (!rootDirectory) return;
    this.#directories!.foundRootDirectory(rootDirectory, this.#files, this.#paths.root);
  }

  #stored = (image: ImageRecord) => this.#layers.allStored(image.config.rootfs.diff_ids);

  /** NacreError `unsupported`. */
  #ownedBy(name: string, users: UserMaps): Snapshotter {
    const own = this.#snapshotters.get(name).ownedBy?.(users);
    if (own) return own;
    throw new NacreError(
      "unsupported",
      `the snapshotter ${name} has no layers that belong to other users than root`,
      { advice: "Leave --userns out, or take --snapshotter directory." },
    );
  }

  /** Whose layers are those of a container: those of its users where they are its own on the disk. */
  snapshotter(container: Pick<ContainerRecord, "snapshotter" | "users">): Snapshotter {
    const owners = ownersOnDisk(container, this.#kernel);
    const { snapshotter: name } = container;
    return owners ? this.#ownedBy(name, owners) : this.#snapshotters.get(name);
  }

  plan(
    container: ContainerRecord,
    image: ImageRecord | undefined,
    more: Pick<RootOptions, "ephemeral"> = {},
  ): RootPlan {
    const { upper, work } = this.#paths.container(container.id);
    const storage = { upper, work, rootfs: this.#paths.rootfs };
    const { readOnlyRoot, autoRemove, rootDirectory } = container.request;
    const options = { readOnly: readOnlyRoot, ephemeral: autoRemove, ...more };
    const owners = ownersOnDisk(container, this.#kernel);
    if (rootDirectory) {
      const facts = this.#kernel.facts();
      const { directoryRoot } = this.#directories!;
      const own = [storage, this.#paths.root, options] as const;
      return given(
        directoryRoot(facts, this.#files, rootDirectory, ...own),
        container,
        storage,
        owners,
      );
    }
    if (!image) return hostRoot(this.#kernel.facts(), storage, this.#paths.root, options);
    const chainId = image.chainIds.at(-1);
    if (chainId === undefined) throw new NacreError("invalid", `image ${image.id} has no layers`);
    const snapshotter = this.snapshotter(container);
    const root = snapshotter.root(chainId, this.#stored(image), storage, options);
    return given(root, container, storage, owners);
  }
}

/** With a storage layer that belongs to the container's users, where it is to be theirs on the disk. */
function given(
  root: RootPlan,
  { startedMs }: Pick<ContainerRecord, "startedMs">,
  storage: StorageLayer,
  owners: UserMaps | undefined,
): RootPlan {
  if (!owners || startedMs !== undefined) return root;
  return { ...root, host: [...root.host, ...givenTo(storage, owners)] };
}

/** A storage layer in which nothing was written yet. */
function givenTo({ upper }: StorageLayer, { uids, gids }: UserMaps): Operation[] {
  const root = { uid: mappedId(uids, 0, "root"), gid: mappedId(gids, 0, "root") };
  return [
    { op: "openRoot", path: upper },
    {
      ...{ op: "placeDirectory", path: "", mode: 0o755, ...root },
      why: "the container's root directory belongs to its root",
    },
  ];
}
