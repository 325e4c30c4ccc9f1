// `nacre images --tree`: names, and below each the images for its platforms that are here.

import { shortId } from "@nacre/core/short-id.ts";
import type { ImageListing } from "@nacre/engine/engine.ts";
import { platformText } from "@nacre/engine/registry/platform.ts";
import { familiarName } from "./image-name.ts";
import { neutralise } from "./text/escape.ts";
import { humanSize } from "./text/size.ts";
import { formatTable } from "./text/table.ts";

const NONE = "<untagged>";

/** A table; an image without a name stands by itself. */
export function imageTree(listings: readonly ImageListing[]): string {
  const named = new Map<string, { digest: string; images: ImageListing["image"][] }>();
  for (const { image, references } of listings) {
    const names =
      references.length > 0 ? references : [{ reference: `${NONE} ${image.id}`, digest: image.id }];
    for (const { reference, digest } of names) {
      const one = named.get(reference) ?? { digest, images: [] };
      one.images.push(image);
      named.set(reference, one);
    }
  }
  const rows = [...named].flatMap(([reference, { digest, images }]) => {
    const name = reference.startsWith(NONE) ? NONE : neutralise(familiarName(reference));
    const total = images.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const children = images.map(({ id, config, sizeBytes }, at) => {
      const branch = at === images.length - 1 ? "└─" : "├─";
      return [
        `${branch} ${neutralise(platformText(config))}`,
        shortId(id),
        humanSize(sizeBytes, 3),
      ];
    });
    return [[name, shortId(digest), humanSize(total, 3)], ...children];
  });
  return formatTable([["IMAGE", "ID", "DISK USAGE"], ...rows]);
}
