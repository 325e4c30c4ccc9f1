// What a registry without the referrers API has about a manifest: an index under a tag that stands
// for its digest, which whoever pushes keeps (distribution spec, "Referrers Tag Schema").

import type { Core } from "@nacre/core/core.ts";
import { whenFound } from "@nacre/core/error.ts";
import { type Descriptor, MEDIA } from "@nacre/core/oci/image.ts";
import type { Repository } from "../registry/registry.ts";
import type { Uploads } from "../registry/uploads.ts";
import { readManifest } from "./manifest-keeper.ts";

/** At most 128 characters, as the specification has it. */
export const referrersTag = (digest: string): string => {
  const [algorithm = "", encoded = ""] = digest.split(":");
  return `${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`;
};

/** Adds a manifest to the list of what is about `subject`. Others that do so at the same moment may be lost: the specification has no lock. */
export async function listReferrer(
  core: () => Core,
  repository: Repository,
  uploads: Uploads,
  subject: string,
  referrer: Descriptor,
): Promise<void> {
  const tag = referrersTag(subject);
  const known = await existing(core, repository, tag);
  if (known.some(({ digest }) => digest === referrer.digest)) return;
  const manifests = [...known, referrer];
  const document = { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests };
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  await uploads.manifest(tag, MEDIA.ociIndex, bytes);
}

async function existing(
  core: () => Core,
  repository: Repository,
  tag: string,
): Promise<readonly Descriptor[]> {
  const document = await whenFound(() => repository.document(tag));
  if (!document) return [];
  return readManifest(core(), document.bytes, "", document.mediaType).manifests;
}
