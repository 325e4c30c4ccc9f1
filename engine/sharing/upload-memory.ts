// Where large blobs on their way to a registry have stopped, kept in the state: a push that was
// broken off is gone on with by the next one, which asks the registry what it has.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { Reference } from "@nacre/core/reference.ts";
import type { UploadMemory } from "../registry/uploads.ts";

/** Registries forget sooner or later what nobody goes on with; so do we. */
const KEPT_MS = 24 * 3_600_000;

/** `intent`: of the push that asks. What another one that still runs has begun is its own. */
export function uploadMemory(
  state: StateStore,
  clock: Clock,
  { name }: Reference,
  intent: string,
): UploadMemory {
  const keyOf = (digest: string): string => `${name}@${digest}`;
  return {
    find: (digest) =>
      state.read((t) => {
        const known = t.get("upload", keyOf(digest));
        if (!known || clock.nowMs() - known.updatedMs > KEPT_MS) return undefined;
        return t.get("intent", known.intent) ? undefined : known.location;
      }),
    keep(digest, location) {
      const [key, updatedMs] = [keyOf(digest), clock.nowMs()];
      state.write((t) => {
        for (const old of t.list("upload")) {
          if (updatedMs - old.updatedMs > KEPT_MS) t.delete("upload", old.key);
        }
        t.put("upload", key, { key, location, intent, updatedMs });
      });
    },
    forget: (digest) => state.write((t) => t.delete("upload", keyOf(digest))),
  };
}
