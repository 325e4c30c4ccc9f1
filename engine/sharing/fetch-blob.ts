import type { Descriptor } from "@nacre/core/oci/image.ts";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import type { Repository } from "../registry/registry.ts";

/** Brings a blob here as it is, from where an attempt before stopped, verified against its digest. */
export async function fetchBlob(
  content: ContentStore,
  repository: Repository,
  blob: Descriptor,
): Promise<void> {
  if (content.has(blob.digest)) return;
  const writer = await content.writer(blob.digest, blob.size);
  try {
    for await (const part of repository.blob(blob, writer.offset)) await writer.write(part);
  } catch (error) {
    await writer.suspend();
    throw error;
  }
  await writer.commit();
}
