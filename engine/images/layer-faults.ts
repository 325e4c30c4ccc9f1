// What stands in the way of a layer that is to be stored.

import { NacreError } from "@nacre/core/error.ts";
import type { FileWriter } from "@nacre/core/ports/files.ts";
import type { LayerTask } from "./layer-store.ts";

export const isDamage = (error: unknown): boolean =>
  error instanceof NacreError && ["corrupt", "invalid", "unsupported"].includes(error.kind);

export const isCorrupt = (error: unknown): boolean =>
  error instanceof NacreError && error.kind === "corrupt";

export function bomb({ descriptor }: LayerTask, tar: FileWriter): NacreError {
  return new NacreError(
    "no-space",
    `the layer ${descriptor.digest} of ${descriptor.size} bytes decompresses to more than the disk can hold (${tar.sizeBytes} bytes so far)`,
    { advice: "Make room, or do not trust this image: it may be made to fill disks." },
  );
}

export function wrongDiffId({ descriptor, diffId }: LayerTask, found: string): NacreError {
  return new NacreError(
    "corrupt",
    `the layer ${descriptor.digest} decompresses to ${found}, but the image's config says ${diffId}`,
    { advice: "Whoever made the image must correct it." },
  );
}

export function removedMeanwhile(diffId: string): NacreError {
  return new NacreError("conflict", `the layer ${diffId} was removed while it was being stored`, {
    advice: "Pull the image again.",
  });
}
