import type { Transaction } from "@nacre/core/ports/state-store.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";

/** What images occupy, by the records: blobs, tars and metadata images, but not what is unpacked (directory-usage.ts). */
export function storedBytes(t: Transaction): number {
  const blobs = t.list("blob").map((blob) => blob.sizeBytes);
  const tars = t.list("layer").map((layer) => layer.tarBytes);
  const snapshots = t
    .list("snapshot")
    .filter(({ snapshotter }) => snapshotter !== "directory")
    .map(({ sizeBytes }) => sizeBytes);
  return [...blobs, ...tars, ...snapshots].reduce((sum, bytes) => sum + bytes, 0);
}

/** The images that a container needs: its own, and those that are mounted in it. */
export function imagesOf({ imageId, mounts }: ContainerRecord): (string | undefined)[] {
  return [imageId, ...mounts.flatMap((mount) => (mount.type === "image" ? [mount.source] : []))];
}
