// A name may stand for several images at once: those for several platforms that one index names.
// The first of them is meant where nobody says which.

import { NacreError } from "@nacre/core/error.ts";
import type { Platform } from "@nacre/core/oci/image.ts";
import type { Transaction } from "@nacre/core/ports/state-store.ts";
import type { ImageRecord, TagRecord } from "@nacre/core/state/records.ts";
import { choosePlatform, parsePlatform, platformText } from "../registry/platform.ts";

/** Their IDs, that of the image that is meant first. */
export const imagesOfTag = ({ imageId, others = [] }: TagRecord): string[] => [imageId, ...others];

/** What its config says of itself; without a variant that is empty. */
export const platformOf = ({ config }: Pick<ImageRecord, "config">): Platform => ({
  os: config.os,
  architecture: config.architecture,
  ...(config.variant ? { variant: config.variant } : {}),
});

/** The image that runs best on a platform, but never by another architecture's means. */
export function imageFor(
  images: readonly ImageRecord[],
  platform: Platform,
): ImageRecord | undefined {
  const same = images.filter(({ config }) => sameArchitecture(config, platform));
  const offers = same.map((image) => ({
    ...{ mediaType: "", digest: image.id, size: 0, platform: platformOf(image) },
  }));
  const chosen = choosePlatform(offers, platform);
  return same.find(({ id }) => id === chosen?.digest);
}

const sameArchitecture = (a: { readonly architecture: string }, b: Platform): boolean =>
  parsePlatform(`linux/${a.architecture}`).architecture === b.architecture;

/** NacreError `not-found` for a name that has nothing for the platform here. */
export function ofPlatform(
  images: readonly ImageRecord[],
  wanted: string,
  reference: string,
): ImageRecord {
  const found = imageFor(images, parsePlatform(wanted));
  if (found) return found;
  const here = images.map((image) => platformText(platformOf(image))).join(", ");
  throw new NacreError(
    "not-found",
    `image with reference ${reference} was found but does not provide the specified platform (${wanted})`,
    {
      advice: `It is here for ${here}; nacre pull --platform ${wanted} ${reference} brings another.`,
    },
  );
}

/**
 * Gives an image a name, beside images for other platforms that have it by the same index. `first`:
 * it is meant from now on where nobody says which.
 */
export function putTag(t: Transaction, tag: Omit<TagRecord, "others">, first = true): void {
  const before = t.get("tag", tag.reference);
  const kept = before?.digest === tag.digest ? imagesOfTag(before) : [];
  const rest = kept.filter((id) => id !== tag.imageId && t.get("image", id) !== undefined);
  const known = kept.includes(tag.imageId);
  const order =
    first || rest.length === 0 ? [tag.imageId, ...rest] : known ? kept : [...rest, tag.imageId];
  writeTag(t, tag, order);
}

/** Takes an image away from a name; whether the name is gone with it. */
export function takeFromTag(t: Transaction, tag: TagRecord, imageId: string): boolean {
  const left = imagesOfTag(tag).filter((id) => id !== imageId);
  if (left.length > 0) writeTag(t, tag, left);
  else t.delete("tag", tag.reference);
  return left.length === 0;
}

function writeTag(t: Transaction, tag: Omit<TagRecord, "others">, ids: readonly string[]): void {
  const { reference, digest, updatedMs } = tag;
  const [imageId, ...others] = ids as [string, ...string[]];
  const more = others.length > 0 ? { others } : {};
  t.put("tag", reference, { reference, imageId, digest, updatedMs, ...more });
}
