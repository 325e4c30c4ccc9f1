// Manifests of which no image is made here, or not of all of them: indexes with platforms that are
// not this machine's, artifacts, signatures, lists. Their records say what each names, so that a
// transaction can tell what is needed without reading a blob.
//
//   a tag, an artifact's or an index's name ─▶ manifest ─▶ blobs, manifests below it
//                                      ▲
//        what names it as its subject ─┘   stays as long as that does

import type { Transaction } from "@nacre/core/ports/state-store.ts";
import type { ManifestRecord } from "@nacre/core/state/records.ts";

/** Adds what manifests that are needed name, and what is about something that is needed. */
export function addReachable(transaction: Transaction, needed: Set<string>): void {
  for (const kind of ["artifact", "index"] as const) {
    for (const { digest } of transaction.list(kind)) needed.add(digest);
  }
  let open = transaction.list("manifest");
  for (let grown = true; grown; ) {
    const left = open.filter((one) => {
      const wanted = needed.has(one.digest) || (one.subject && needed.has(one.subject));
      if (wanted) {
        for (const digest of [one.digest, ...one.blobs, ...one.manifests]) needed.add(digest);
      }
      return !wanted;
    });
    grown = left.length < open.length;
    open = left;
  }
}

/** A manifest and all that it leads to, blobs and manifests. */
export function closureOf(transaction: Transaction, digest: string): Set<string> {
  const found = new Set<string>();
  const visit = (one: string): void => {
    if (found.has(one)) return;
    found.add(one);
    const record: ManifestRecord | undefined = transaction.get("manifest", one);
    for (const blob of record?.blobs ?? []) found.add(blob);
    for (const below of record?.manifests ?? []) visit(below);
  };
  visit(digest);
  return found;
}
