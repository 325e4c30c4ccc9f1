// An index's document out of its record: nothing is decided here but how it is written.

import { type Descriptor, MEDIA, type Platform } from "@nacre/core/oci/image.ts";
import type { IndexEntry, IndexRecord } from "@nacre/core/state/records.ts";
import type { IndexChange } from "../index-interface.ts";

/** An index before it is written. */
export type IndexDraft = Omit<IndexRecord, "digest" | "mediaType" | "updatedMs">;

const encoder = new TextEncoder();

/** Docker's list where all that it names is docker's, as docker does it; else OCI's index. */
export function indexType(draft: IndexDraft): string {
  const { entries, annotations, artifactType, subject } = draft;
  const ofDocker = (one: IndexEntry) =>
    one.mediaType === MEDIA.dockerManifest && !one.annotations && !one.artifactType;
  const plain = !annotations && artifactType === undefined && !subject;
  return plain && entries.length > 0 && entries.every(ofDocker) ? MEDIA.dockerList : MEDIA.ociIndex;
}

/** The bytes of an index (OCI image spec, image-index.md): what its digest is of. */
export function indexDocument(draft: IndexDraft): Uint8Array {
  const { entries, annotations, artifactType, subject } = draft;
  const document = {
    ...{ schemaVersion: 2, mediaType: indexType(draft) },
    ...(artifactType !== undefined && { artifactType }),
    manifests: entries.map(descriptorOf),
    ...(subject && { subject }),
    ...(annotations && { annotations }),
  };
  return encoder.encode(JSON.stringify(document));
}

function descriptorOf({ source: _, ...entry }: IndexEntry): Descriptor {
  return entry;
}

/** The same with another platform and more annotations. */
export function changedEntry(entry: IndexEntry, change: IndexChange): IndexEntry {
  const { platform: wanted = {}, annotations = {} } = change;
  const platform = { ...entry.platform, ...wanted } as Platform;
  const all = { ...entry.annotations, ...annotations };
  return {
    ...entry,
    ...(Object.keys(platform).length > 0 && {
      platform: {
        ...platform,
        os: platform.os ?? "linux",
        architecture: platform.architecture ?? "",
      },
    }),
    ...(Object.keys(all).length > 0 && { annotations: all }),
  };
}

/** With an entry besides; one of the same digest for the same platform is replaced. */
export function withEntry(entries: readonly IndexEntry[], entry: IndexEntry): IndexEntry[] {
  const same = entries.findIndex(({ digest }) => digest === entry.digest);
  return same < 0 ? [...entries, entry] : entries.with(same, entry);
}
