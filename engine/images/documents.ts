// Small blobs, read and written whole: indexes, manifests, configs.

import { NacreError } from "@nacre/core/error.ts";
import { MANIFEST_LIMIT_BYTES } from "@nacre/core/oci/image.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";

export interface Document {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** Idempotent. */
export async function storeDocument(
  content: ContentStore,
  { digest, bytes }: Document,
): Promise<void> {
  if (await holds(content, digest)) return;
  let blob = await content.writer(digest, bytes.length);
  if (blob.offset > 0) {
    await blob.discard();
    blob = await content.writer(digest, bytes.length);
  }
  try {
    await blob.write(bytes);
    await blob.commit();
  } catch (error) {
    await blob.discard();
    throw error;
  }
}

/** Small as it is, it is read: a machine that went down may have torn it. */
async function holds(content: ContentStore, digest: string): Promise<boolean> {
  if (!content.has(digest)) return false;
  try {
    await content.read(digest, MANIFEST_LIMIT_BYTES);
    return true;
  } catch (error) {
    if (!(error instanceof NacreError && ["corrupt", "invalid"].includes(error.kind))) throw error;
    await content.remove(digest);
    return false;
  }
}
