// Images that nobody needs any more, chosen as docker chooses them.

import type { ImageListing } from "../engine.ts";
import { allHold, checkFilterKeys, type Filters, hasLabel } from "../filters.ts";
import { createdMs, truth } from "../images/image-list.ts";
import type { ImageService } from "../images/images.ts";
import { imagesOf, storedBytes } from "../images/stored-bytes.ts";
import { type EventPorts, tellOfPrune } from "../past-event.ts";
import type { ImagePruneOptions, ImagePruneReport } from "../sharing-interface.ts";

/** `unpacked`: bytes of layers in directories. Removes them, with what no record names. NacreError `invalid` for a filter that there is not. */
export async function pruneImages(
  images: ImageService,
  ports: EventPorts,
  unpacked: () => number,
  options: ImagePruneOptions,
): Promise<ImagePruneReport> {
  const { state } = ports;
  const occupied = () => state.read(storedBytes) + unpacked();
  const before = occupied();
  const used = new Set(state.read((t) => t.list("container")).flatMap(imagesOf));
  const wanted = chosen(options);
  const going = images.list().filter((one) => wanted(one) && !used.has(one.image.id));
  const { untagged, deleted } = await images.removeAll(going.map(({ image }) => image.id));
  const { strayBytes } = await images.sweep();
  const reclaimedBytes = before - occupied() + strayBytes;
  tellOfPrune(ports, "image", reclaimedBytes);
  return { untagged, deleted, reclaimedBytes };
}

function chosen({ all = false, untilMs, filters = {} }: ImagePruneOptions) {
  const { dangling = [], ...others } = filters;
  const named = all || dangling.map(truth).includes(false);
  // Known before anything goes.
  checkFilterKeys(others, Object.keys(tests({})), ["dangling", "until"]);
  return ({ image, references }: ImageListing): boolean => {
    if (references.length > 0 && !named) return false;
    if (untilMs !== undefined && createdMs({ image }) >= untilMs) return false;
    return allHold(tests(image.config.config?.Labels ?? {}), others as Filters);
  };
}

const tests = (labels: Readonly<Record<string, string>>) => ({
  label: (wanted: string) => hasLabel(labels, wanted),
  "label!": (wanted: string) => !hasLabel(labels, wanted),
});
