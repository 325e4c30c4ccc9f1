// What is on the disk, and who needs it: by the records for images, whose files are written once,
// and by a look at the files for containers and volumes, which change.

import type { Files } from "@nacre/core/ports/files.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import type { ImageRecord, SnapshotRecord, TagRecord } from "@nacre/core/state/records.ts";
import { treeBytes } from "./containers/tree-size.ts";
import type { Containers, DiskUsage, ImageUsage, Volumes } from "./engine.ts";
import { imageBlobs } from "./images/image-removal.ts";
import { addReachable, closureOf } from "./images/manifest-graph.ts";
import type { StatePaths } from "./images/paths.ts";
import { imagesOfTag } from "./images/tag-platforms.ts";
import { type UnpackedLayers, unpackedLayers } from "./snapshotters/directory-usage.ts";

/** What is looked up for every image, read once: there may be thousands. */
interface Stored {
  readonly blobs: ReadonlyMap<string, number>;
  readonly tars: ReadonlyMap<string, number>;
  readonly roots: ReadonlyMap<string, readonly SnapshotRecord[]>;
  readonly unpacked: UnpackedLayers;
  readonly tags: ReadonlyMap<string, readonly TagRecord[]>;
}

function storedIn(t: Transaction, unpacked: UnpackedLayers): Stored {
  const tags = new Map<string, TagRecord[]>();
  for (const tag of t.list("tag")) {
    for (const id of imagesOfTag(tag)) tags.set(id, [...(tags.get(id) ?? []), tag]);
  }
  return {
    blobs: new Map(t.list("blob").map((blob) => [blob.digest, blob.sizeBytes])),
    tars: new Map(t.list("layer").map((layer) => [layer.diffId, layer.tarBytes])),
    roots: Map.groupBy(t.list("snapshot"), ({ chainId }) => chainId),
    ...{ tags, unpacked },
  };
}

/** Bytes of each thing that an image needs: blobs, tars of layers, merged roots. */
function partsOf(t: Transaction, image: ImageRecord, stored: Stored): Map<string, number> {
  const parts = new Map<string, number>();
  // A tag may name an index, which is kept, too.
  const tags = stored.tags.get(image.id) ?? [];
  const named = tags.flatMap((tag) => [...closureOf(t, tag.digest)]);
  for (const digest of [...imageBlobs(image), ...named]) {
    parts.set(`blob ${digest}`, stored.blobs.get(digest) ?? 0);
  }
  for (const diffId of image.config.rootfs.diff_ids) {
    parts.set(`tar ${diffId}`, stored.tars.get(diffId) ?? 0);
  }
  const chainId = image.chainIds.at(-1);
  for (const { key, snapshotter, sizeBytes } of (chainId && stored.roots.get(chainId)) || []) {
    if (snapshotter !== "directory") parts.set(`root ${key}`, sizeBytes);
  }
  for (const [name, bytes] of stored.unpacked.get(chainId ?? "") ?? []) {
    parts.set(`root ${name}`, bytes);
  }
  return parts;
}

/** Blobs of artifacts, and of what is about images. */
function carriedParts(
  t: Transaction,
  every: ReadonlyMap<string, number>,
): readonly (readonly [string, number])[] {
  const needed = new Set([...every.keys()].map((part) => part.slice(part.indexOf(" ") + 1)));
  addReachable(t, needed);
  return [...needed].flatMap((digest) => {
    const blob = t.get("blob", digest);
    return blob ? [[`blob ${digest}`, blob.sizeBytes] as const] : [];
  });
}

const sum = (bytes: Iterable<number>): number => [...bytes].reduce((total, one) => total + one, 0);

function imagesUsage(
  t: Transaction,
  unpacked: UnpackedLayers,
): Pick<DiskUsage, "images" | "imageBytes" | "unusedBytes"> {
  const users = new Map<string, number>();
  for (const { imageId } of t.list("container")) {
    if (imageId !== undefined) users.set(imageId, (users.get(imageId) ?? 0) + 1);
  }
  const stored = storedIn(t, unpacked);
  const all = t.list("image").map((image) => {
    const references = (stored.tags.get(image.id) ?? []).map((tag) => tag.reference);
    return { image, references, parts: partsOf(t, image, stored) };
  });
  const sharers = new Map<string, number>();
  for (const { parts } of all) {
    for (const part of parts.keys()) sharers.set(part, (sharers.get(part) ?? 0) + 1);
  }
  const images = all.map(({ image, references, parts }): ImageUsage => {
    const shared = [...parts].filter(([part]) => sharers.get(part) !== 1);
    const sharedBytes = sum(shared.map(([, bytes]) => bytes));
    return {
      ...{ image, references, sharedBytes, uniqueBytes: sum(parts.values()) - sharedBytes },
      containers: users.get(image.id) ?? 0,
    };
  });
  const every = new Map(all.flatMap(({ parts }) => [...parts]));
  for (const [part, bytes] of carriedParts(t, every)) every.set(part, bytes);
  const needed = new Map(
    all.filter(({ image }) => users.has(image.id)).flatMap(({ parts }) => [...parts]),
  );
  const imageBytes = sum(every.values());
  return { images, imageBytes, unusedBytes: imageBytes - sum(needed.values()) };
}

/** Bytes as they lie on the disk. What several images have is counted once. */
export async function diskUsage(
  files: Files,
  state: StateStore,
  containers: Pick<Containers, "list" | "size">,
  volumes: Pick<Volumes, "list">,
  paths: StatePaths,
): Promise<DiskUsage> {
  const listings = await volumes.list();
  const unpacked = unpackedLayers(files, paths);
  return {
    ...state.read((t) => imagesUsage(t, unpacked)),
    containers: containers.list({ all: true }).map((container) => {
      return { container, writtenBytes: containers.size(container.id).writtenBytes };
    }),
    volumes: listings.map(({ volume, users }) => {
      // What a volume with options has is not below the state root, and need not be its own.
      const own = volume.driver === "local" && Object.keys(volume.options).length === 0;
      const sizeBytes = own ? treeBytes(files, paths.volume(volume.name).data) : undefined;
      return { volume, users, ...(sizeBytes !== undefined && { sizeBytes }) };
    }),
  };
}
