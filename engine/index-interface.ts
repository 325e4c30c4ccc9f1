// Indexes that are made here: one name for images of several platforms.

import type { Platform } from "@nacre/core/oci/image.ts";
import type { IndexRecord } from "@nacre/core/state/records.ts";
import type { RegistryReach } from "./sharing-interface.ts";

export type { IndexEntry, IndexRecord } from "@nacre/core/state/records.ts";

export interface IndexChange {
  /** What it says of the platform; what is absent stays. */
  readonly platform?: Partial<Platform>;
  /** Are added to those that there are. */
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface AddToIndexOptions extends RegistryReach, IndexChange {
  /** Of an index that is added: everything that it names. Absent: what is for `platform`, or for this machine. */
  readonly all?: boolean;
}

export interface CreateIndexOptions extends RegistryReach {
  readonly all?: boolean;
  /** One of the name that there is gets them besides. */
  readonly amend?: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface PushIndexOptions extends RegistryReach {
  /** Another name than its own. */
  readonly target?: string;
  /** Also what it names; true if absent. */
  readonly all?: boolean;
  /** Whether it goes from here when it is there. */
  readonly purge?: boolean;
}

/** A manifest or an index as it is, from here or a registry. */
export interface InspectedManifest {
  /** Normalised, with its digest. */
  readonly reference: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  /** Of an index, in its order: what it names, as far as it is to be had. */
  readonly children: readonly InspectedManifest[];
  /** What the one that names it says of the platform, or its config. */
  readonly platform?: Platform;
}

/**
 * Indexes by name. Images are named as people name them: those that are here before those of
 * registries, `docker://NAME` for the latter alone, `containers-storage:NAME` for the former.
 * What an index names that is here stays as long as the index does.
 * NacreError `not-found`, `exists`, `invalid`, and as for pulls and pushes.
 */
export interface Indexes {
  create(
    name: string,
    images: readonly string[],
    options?: CreateIndexOptions,
  ): Promise<IndexRecord>;
  add(name: string, image: string, options?: AddToIndexOptions): Promise<IndexRecord>;
  /** `image`: one that it names, by name or digest; absent: the index itself. */
  annotate(name: string, image: string | undefined, change: IndexChange): Promise<IndexRecord>;
  /** Takes one out, by its digest. */
  takeOut(name: string, digest: string): Promise<IndexRecord>;
  list(): Promise<IndexRecord[]>;
  /** NacreError `not-found`. */
  get(name: string): Promise<IndexRecord>;
  /** The index of this name that is here, or what a registry has under it. `children`: whether they are fetched, too. */
  inspect(
    name: string,
    options?: RegistryReach & { readonly children?: boolean },
  ): Promise<InspectedManifest>;
  /** Sends what it names where that is missing, then the index itself. */
  push(
    name: string,
    options?: PushIndexOptions,
  ): Promise<{ readonly reference: string; readonly digest: string; readonly sizeBytes: number }>;
  /** Images that it names stay under their own names. */
  remove(name: string): Promise<void>;
}
