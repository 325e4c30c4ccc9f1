// What a person may call an image: by reference, by digest, by ID or by the beginning of an ID.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import { simpleFamiliarName } from "@nacre/core/familiar-name.ts";
import type { Transaction } from "@nacre/core/ports/state-store.ts";
import { parseReference, Reference, tryParseAnyReference } from "@nacre/core/reference.ts";
import { shortId } from "@nacre/core/short-id.ts";
import type {
  ArtifactRecord,
  ImageRecord,
  IndexRecord,
  TagRecord,
} from "@nacre/core/state/records.ts";
import { imagesOfTag, ofPlatform } from "./tag-platforms.ts";

export interface FoundImage {
  readonly image: ImageRecord;
  /** The tag that was named; absent if the image was named itself. */
  readonly tag?: TagRecord;
  /** The tag that has it, beside others for other platforms; also where a digest was named. */
  readonly among?: TagRecord;
}

export interface LookUpWishes {
  readonly platform?: string | undefined;
  /** What is wrong where there is no such image; by default that it could be fetched. */
  readonly absent?: (text: string) => NacreError;
}

/**
 * Finds an image, of a platform where one is given. An ID, a normalised reference or a simple name
 * is found without the core, which takes time to load: containers know their images by ID.
 * @throws NacreError `not-found`, or `invalid` for the beginning of several IDs
 */
export function findImage(
  core: () => Core,
  transaction: Transaction,
  text: string,
  { platform, absent = fetchable }: LookUpWishes = {},
): FoundImage {
  const found = lookUp(core, transaction, text);
  if (!found) throw absent(text);
  if (platform === undefined) return found;
  const { among = found.tag, image } = found;
  const ids = among ? imagesOfTag(among) : [image.id];
  const images = ids.flatMap((id) => transaction.get("image", id) ?? []);
  return { ...found, image: ofPlatform(images, platform, text) };
}

function fetchable(text: string): NacreError {
  return noSuchImage(text, `Fetch it: nacre pull ${/^[\w./:@+-]+$/.test(text) ? text : "NAME"}`);
}

/** Where an image must be here: fetching one would be no help. */
export const notHere = (text: string): NacreError => noSuchImage(text, LISTED);

/** What helps where an image must be here. */
export const LISTED = "nacre images shows those that are here.";

/** As docker says it. */
function noSuchImage(text: string, advice: string): NacreError {
  const tagged = /[:@][^/]*$/.test(text) || /^[0-9a-f]{64}$/.test(text) ? text : `${text}:latest`;
  const name = /^[\w./:@+-]+$/.test(text) ? tagged : JSON.stringify(text);
  return new NacreError("not-found", `No such image: ${name}`, { advice });
}

function lookUp(core: () => Core, transaction: Transaction, text: string): FoundImage | undefined {
  const whole = transaction.get("image", text);
  if (whole) return { image: whole };
  const named = imageOf(transaction, transaction.get("tag", text));
  if (named) return named;
  const simple = simpleFamiliarName(text);
  const familiar = simple && imageOf(transaction, transaction.get("tag", simple));
  if (familiar) return familiar;
  const parsed = tryParseAnyReference(core(), text);
  if (typeof parsed !== "string") {
    const found =
      parsed instanceof Reference
        ? byReference(transaction, parsed)
        : byDigest(transaction, parsed.digest);
    if (found) return found;
  }
  const beginning = /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(text)?.[1];
  return beginning === undefined ? undefined : byBeginning(transaction, beginning);
}

/** An artifact by its name. */
export function artifactNamed(
  core: () => Core,
  transaction: Transaction,
  text: string,
): ArtifactRecord | undefined {
  const parsed = tryParseAnyReference(core(), text);
  if (!(parsed instanceof Reference)) return undefined;
  return transaction.get("artifact", parsed.withDefaultTag().toString());
}

/** An index that was made here, by its name. */
export function indexNamed(
  core: () => Core,
  transaction: Transaction,
  text: string,
): IndexRecord | undefined {
  const parsed = tryParseAnyReference(core(), text);
  if (!(parsed instanceof Reference) || parsed.digest !== undefined) return undefined;
  return transaction.get("index", parsed.withDefaultTag().toString());
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
    const found = ofTag(transaction, tag, digest);
    if (found) return found;
  }
  return undefined;
}

/** What a tag has under a digest: its index, or the manifest of one of its images. */
function ofTag(transaction: Transaction, tag: TagRecord, digest: string): FoundImage | undefined {
  const images = imagesOfTag(tag).flatMap((id) => transaction.get("image", id) ?? []);
  if (tag.digest === digest && images[0]) return { image: images[0], among: tag };
  const image = images.find((one) => one.manifestDigest === digest);
  return image && { image };
}

function byDigest(transaction: Transaction, digest: string): FoundImage | undefined {
  const image = transaction.get("image", digest);
  if (image) return { image };
  const tagged = transaction.list("tag").find((tag) => tag.digest === digest);
  const found = tagged && ofTag(transaction, tagged, digest);
  if (found) return found;
  const other = transaction.list("image").find((one) => one.manifestDigest === digest);
  return other && { image: other };
}

function byBeginning(transaction: Transaction, beginning: string): FoundImage | undefined {
  const [image, ...others] = transaction.list("image", `sha256:${beginning}`);
  if (image && others.length > 0) {
    const ids = [image, ...others].map(({ id }) => shortId(id));
    throw new NacreError("invalid", `several images have IDs that begin with ${beginning}`, {
      advice: `Give more digits: ${ids.slice(0, 8).join(", ")}${ids.length > 8 ? " …" : ""}.`,
    });
  }
  return image && { image };
}
