import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { ImageRecord } from "@nacre/core/state/records.ts";

/** Those that there are, by their full IDs: all that most commands want of images, who load no more for it. */
export function imagesById(
  state: StateStore,
  ids: Iterable<string>,
): ReadonlyMap<string, ImageRecord> {
  return state.read((t) => {
    const found = Array.from(ids, (id) => t.get("image", id)).filter(
      (image) => image !== undefined,
    );
    return new Map(found.map((image) => [image.id, image]));
  });
}
