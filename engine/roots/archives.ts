// What containers changed and what their roots hold: looks, which make nothing.

import type { Files } from "@nacre/core/ports/files.ts";
import type { Change } from "../archive-interface.ts";
import type { Containers } from "../engine.ts";
import { archiveOf } from "./archive.ts";
import { changesOf } from "./changes.ts";
import type { ContainerRoots } from "./container-roots.ts";
import { rootMembers } from "./members.ts";

export class RootArchives {
  readonly #files: Files;
  readonly #containers: Pick<Containers, "get">;
  readonly #roots: ContainerRoots;

  constructor(files: Files, containers: Pick<Containers, "get">, roots: ContainerRoots) {
    this.#files = files;
    this.#containers = containers;
    this.#roots = roots;
  }

  changes(container: string): Change[] {
    const { places, storage } = this.#roots.of(this.#containers.get(container));
    return changesOf(places.tree, storage);
  }

  export(container: string): AsyncIterable<Uint8Array> {
    const { places, storage } = this.#roots.of(this.#containers.get(container));
    return archiveOf(this.#files, places, rootMembers(places.tree, storage));
  }
}
