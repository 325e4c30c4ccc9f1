// What a person may call an image: by reference, by digest, by ID or by the beginning of an ID.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Transaction } from "@nacre/core/ports/state-store.ts";
import { parseReference, Reference, tryParseAnyReference } from "@nacre/core/reference.ts";
import type { ImageRecord, TagRecord } from "@nacre/core/state/records.ts";

export interface FoundImage {
  readonly image: ImageRecord;
  /** The tag that was named; absent if the image was named itself. */
  readonly tag?: TagRecord;
}

/**
 * Finds an image. An ID or a normalised reference is found without the core, which takes time to
 * load: containers know their images by ID.
 * @throws NacreError `not-found`, or `invalid` for the beginning of several IDs
 */
export function findImage(core: () => Core, transaction: Transaction, text: string): FoundImage {
  const whole = transaction.get("image", text);
  if (whole) return { image: whole };
  const named = imageOf(transaction, transaction.get("tag", text));
  if (named) return named;
  const parsed = tryParseAnyReference(core(), text);
  if (typeof parsed !== "string") {
    const found =
      parsed instanceof Reference
        ? byReference(transaction, parsed)
        : byDigest(transaction, parsed.digest);
    if (found) return found;
  }
  const beginning = /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(text)?.[1];
  const found = beginning === undefined ? undefined : byBeginning(transaction, beginning);
  if (found) return found;
  throw new NacreError("not-found", `there is no image ${JSON.stringify(text)} on this machine`, {
    advice: `Fetch it: nacre pull ${/^[\w./:@+-]+$/.test(text) ? text : "NAME"}`,
  });
}

/**
 * The name that an image is to get, normalised; with `latest` where it has no tag.
 * @throws NacreError `invalid`
 */
export function newTag(core: Core, text: string): string {
  const parsed = parseReference(core, text, "docker");
  if (parsed.digest === undefined) return parsed.withDefaultTag().toString();
  throw new NacreError("invalid", `${text} names an image by its digest`, {
    advice: "A digest cannot be given to an image: use a name and a tag.",
  });
}

function imageOf(transaction: Transaction, tag: TagRecord | undefined): FoundImage | undefined {
  const image = tag && transaction.get("image", tag.imageId);
  return image && { image, tag };
}

function byReference(transaction: Transaction, reference: Reference): FoundImage | undefined {
  const { name, digest } = reference;
  if (digest === undefined) {
    return imageOf(transaction, transaction.get("tag", reference.withDefaultTag().toString()));
  }
  const own = imageOf(transaction, transaction.get("tag", `${name}@${digest}`));
  if (own) return own;
  for (const tag of transaction.list("tag", `${name}:`)) {
    const found = imageOf(transaction, tag);
    const digests = [tag.digest, found?.image.manifestDigest];
    if (found && digests.includes(digest)) return { image: found.image };
  }
  return undefined;
}

function byDigest(transaction: Transaction, digest: string): FoundImage | undefined {
  const image = transaction.get("image", digest);
  if (image) return { image };
  const tagged = transaction.list("tag").find((tag) => tag.digest === digest);
  const found = imageOf(transaction, tagged)?.image;
  const other = found ?? transaction.list("image").find((one) => one.manifestDigest === digest);
  return other && { image: other };
}

function byBeginning(transaction: Transaction, beginning: string): FoundImage | undefined {
  const [image, second] = transaction.list("image", `sha256:${beginning}`);
  if (second) {
    throw new NacreError("invalid", `several images have IDs that begin with ${beginning}`, {
      advice: "Give more digits.",
    });
  }
  return image && { image };
}
