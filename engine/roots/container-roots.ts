// The root of a container, from its image's layers and its own storage layer.

import { NacreError } from "@nacre/core/error.ts";
import type { Files, TreeEntry } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";
import type { UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import { ownersOnDisk, shownInside } from "../containers/container-root.ts";
import type { ContainerStorage } from "../containers/storage.ts";
import type { ImageService } from "../images/images.ts";
import type { StatePaths } from "../images/paths.ts";
import type { RootPlaces } from "./archive.ts";
import { markedBy, type StorageTree, storageTree } from "./storage-tree.ts";

/** As it is now; of a container that runs it may change meanwhile. */
export interface ContainerRoot {
  readonly image: ImageRecord;
  readonly places: RootPlaces;
  readonly storage: StorageTree;
}

export class ContainerRoots {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #images: ImageService;
  readonly #storage: ContainerStorage;
  readonly #paths: StatePaths;

  constructor(
    kernel: Kernel,
    files: Files,
    images: ImageService,
    storage: ContainerStorage,
    paths: StatePaths,
  ) {
    this.#kernel = kernel;
    this.#files = files;
    this.#images = images;
    this.#storage = storage;
    this.#paths = paths;
  }

  /** NacreError `unsupported` for one whose root is this machine's, `conflict` where its storage layer is gone. */
  of(record: ContainerRecord): ContainerRoot {
    if (record.imageId === undefined) throw noImage(record);
    const { image } = this.#images.get(record.imageId);
    const { upper } = this.#paths.container(record.id);
    const has = this.#storage.has(record.id);
    const users = ownersOnDisk(record, this.#kernel);
    // A creation that was killed may not have made it yet.
    if (!has && record.startedMs !== undefined) throw isGone(record);
    const entries = has ? this.#files.walk(upper) : [];
    return {
      image,
      places: { upper, ...this.#images.root(image) },
      storage: storageTree(inside(entries, users), markedBy(this.#kernel.facts())),
    };
  }
}

function isGone({ name }: ContainerRecord): NacreError {
  return new NacreError("conflict", `what the container ${name} had written is gone`, {
    advice: `Its storage layer was deleted, or in the memory of a simulated kernel: nacre rm ${name}`,
  });
}

function* inside(entries: Iterable<TreeEntry>, users: UserMaps | undefined) {
  for (const entry of entries) yield shownInside(entry, users);
}

function noImage({ name, request }: ContainerRecord): NacreError {
  const { rootDirectory } = request;
  const root = rootDirectory ? `the directory ${rootDirectory.path}` : "this machine's";
  return new NacreError("unsupported", `container ${name} has no image: its root is ${root}`, {
    advice: "Only what comes from an image can be told apart from it.",
  });
}
