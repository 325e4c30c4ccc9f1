// What a build is given without a name: a tar as its context, or a Dockerfile alone.

import { archiveCompressionOf, hasTarMagic, sniff, TAR_HEAD_BYTES } from "../images/compression.ts";

/**
 * What is compressed is taken for a tar. `whole` is the source with the bytes that were looked at.
 */
export async function beginsLikeTar(
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly isTar: boolean; readonly whole: AsyncIterable<Uint8Array> }> {
  const { head, whole } = await sniff(source, TAR_HEAD_BYTES);
  return { isTar: archiveCompressionOf(head) !== "none" || hasTarMagic(head), whole };
}
