// What goes when a name or an image is removed: records alone, in one transaction. Files follow, in
// image-removal.ts.

import { NacreError } from "@nacre/core/error.ts";
import { typedName } from "@nacre/core/familiar-name.ts";
import type { Transaction } from "@nacre/core/ports/state-store.ts";
import { shortId } from "@nacre/core/short-id.ts";
import type { ContainerRecord, ImageRecord, TagRecord } from "@nacre/core/state/records.ts";
import type { FoundImage } from "./image-lookup.ts";
import { type Candidates, imageBlobs } from "./image-removal.ts";
import { closureOf } from "./manifest-graph.ts";
import { imagesOfTag, takeFromTag } from "./tag-platforms.ts";

export interface Forgetting {
  readonly force: boolean;
  /** Of what a name stands for only the image of the platform that was found. */
  readonly onePlatform: boolean;
  readonly say: (action: string, subject: string, id: string) => void;
}

export interface ForgottenImages {
  readonly untagged: string[];
  /** IDs of images. Which of their layers go is known when it is known who else has them. */
  readonly deleted: string[];
  readonly candidates?: Candidates;
}

/**
 * Takes a name away, or an image with all of its names, and each image that has none left and no
 * container.
 * @throws NacreError `conflict` for an ID of an image with several names, `in-use`; neither if forced
 */
export function forgetImage(
  t: Transaction,
  { image, tag }: FoundImage,
  { force, onePlatform, say }: Forgetting,
): ForgottenImages {
  const having = t.list("tag").filter((one) => imagesOfTag(one).includes(image.id));
  if (tag === undefined && !isOneName(having) && !force) throw manyNames(image, having);
  const whole = tag !== undefined && !onePlatform;
  const going = tag === undefined ? having : [tag];
  const ids = whole ? imagesOfTag(tag) : [image.id];
  const images = ids.flatMap((id) => t.get("image", id) ?? []);
  // With an image itself all of its names go.
  const last = tag === undefined ? images : images.filter(({ id }) => isLast(t, id, going));
  const needed = new Map(last.map((one) => [one.id, usersOf(t, one)]));
  for (const one of last) refuseInUse(one, needed.get(one.id) ?? [], force);
  const untagged: string[] = [];
  for (const one of going) {
    if (whole) t.delete("tag", one.reference);
    else if (!takeFromTag(t, one, image.id)) continue;
    // An index whose name has gone over to another image stays.
    const index = tag && t.get("index", one.reference);
    if (index?.digest === one.digest) t.delete("index", one.reference);
    untagged.push(one.reference);
    say("untag", one.reference, image.id);
  }
  const gone = last.filter(({ id }) => needed.get(id)?.length === 0);
  for (const { id } of gone) {
    t.delete("image", id);
    say("delete", id, id);
  }
  if (gone.length === 0 && untagged.length === 0) return { untagged, deleted: [] };
  if (!whole) for (const one of gone) takeFromIndexes(t, one, going);
  const deleted = gone.map(({ id }) => id);
  return { untagged, deleted, candidates: candidatesOf(t, gone, going) };
}

function candidatesOf(
  t: Transaction,
  gone: readonly ImageRecord[],
  going: readonly TagRecord[],
): Candidates {
  const named = going.flatMap(({ digest }) => [...closureOf(t, digest)]);
  const own = gone.flatMap((one) => [...imageBlobs(one), ...closureOf(t, one.manifestDigest)]);
  return {
    blobs: [...own, ...named],
    diffIds: gone.flatMap(({ config }) => config.rootfs.diff_ids),
    chainIds: gone.flatMap(({ chainIds }) => chainIds.slice(-1)),
  };
}

/** What a registry or a pull recorded of an index must not keep what somebody wants gone. */
function takeFromIndexes(t: Transaction, image: ImageRecord, tags: readonly TagRecord[]): void {
  for (const { digest, reference } of tags) {
    const record = t.get("manifest", digest);
    if (!record?.manifests.includes(image.manifestDigest) || t.get("index", reference)) continue;
    const manifests = record.manifests.filter((one) => one !== image.manifestDigest);
    t.put("manifest", digest, { ...record, manifests });
  }
}

function isLast(t: Transaction, imageId: string, going: readonly TagRecord[]): boolean {
  const names = new Set(going.map(({ reference }) => reference));
  return t
    .list("tag")
    .every((tag) => names.has(tag.reference) || !imagesOfTag(tag).includes(imageId));
}

function usersOf(t: Transaction, image: ImageRecord): ContainerRecord[] {
  return t.list("container").filter((one) => needs(one, image));
}

/** Its root is the image's, or the image is mounted in it. */
function needs({ imageId, mounts }: ContainerRecord, { id }: ImageRecord): boolean {
  return imageId === id || mounts.some((mount) => mount.type === "image" && mount.source === id);
}

/** As docker has it: one tag at most, and digests in the same repository. */
function isOneName(tags: readonly TagRecord[]): boolean {
  const names = tags.map(({ reference }) => reference);
  const repositories = new Set(names.map((name) => name.replace(/(@|:(?=[^/]*$)).*$/, "")));
  return repositories.size < 2 && names.filter((name) => !name.includes("@")).length < 2;
}

function manyNames(image: ImageRecord, tags: readonly TagRecord[]): NacreError {
  const names = tags.map(({ reference }) => typedName(reference)).join(", ");
  return new NacreError("conflict", `the image ${shortId(image.id)} has several names: ${names}`, {
    advice: "Remove it by its names, or force it.",
  });
}

function refuseInUse(image: ImageRecord, users: readonly ContainerRecord[], force: boolean): void {
  const [user] = users;
  if (!user || force) return;
  const status = users.some((one) => one.status === "running") ? "running" : "stopped";
  throw new NacreError(
    "in-use",
    `the image ${shortId(image.id)} is needed by the ${status} container ${user.name}`,
    { advice: `Remove the container first: nacre rm ${user.name}` },
  );
}
