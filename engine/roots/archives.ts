// The engine's archives: storage layers and images brought together.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { Archives, Change } from "../archive-interface.ts";
import type { ContainerStorage } from "../containers/storage.ts";
import type { Containers } from "../engine.ts";
import type { ImageService } from "../images/images.ts";
import type { StatePaths } from "../images/paths.ts";
import { archiveOf, type RootPlaces } from "./archive.ts";
import { changesOf } from "./changes.ts";
import { rootMembers } from "./members.ts";
import { type StorageTree, storageTree } from "./storage-tree.ts";

export class ArchiveService implements Archives {
  readonly #files: Files;
  readonly #images: ImageService;
  readonly #containers: Containers;
  readonly #storage: ContainerStorage;
  readonly #paths: StatePaths;

  constructor(
    files: Files,
    images: ImageService,
    containers: Containers,
    storage: ContainerStorage,
    paths: StatePaths,
  ) {
    this.#files = files;
    this.#images = images;
    this.#containers = containers;
    this.#storage = storage;
    this.#paths = paths;
  }

  async changes(container: string): Promise<Change[]> {
    const record = this.#containers.get(container);
    return changesOf(this.#places(record).tree, this.#storageTree(record));
  }

  async *export(container: string): AsyncIterable<Uint8Array> {
    const record = this.#containers.get(container);
    const places = this.#places(record);
    yield* archiveOf(this.#files, places, rootMembers(places.tree, this.#storageTree(record)));
  }

  #places(record: ContainerRecord): RootPlaces {
    if (record.imageId === undefined) throw noImage(record);
    const { image } = this.#images.get(record.imageId);
    return { upper: this.#paths.container(record.id).upper, ...this.#images.root(image) };
  }

  #storageTree({ id }: ContainerRecord): StorageTree {
    // A creation that was killed may not have made it yet.
    return storageTree(
      this.#storage.has(id) ? this.#files.walk(this.#paths.container(id).upper) : [],
    );
  }
}

function noImage({ name }: ContainerRecord): NacreError {
  return new NacreError(
    "unsupported",
    `container ${name} has no image: its root is this machine's`,
    {
      advice: "Only what comes from an image can be told apart from it.",
    },
  );
}
