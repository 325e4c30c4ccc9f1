// Which images a list is to show: docker's filters, and `reference` patterns.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import { parseReference } from "@nacre/core/reference.ts";
import { familiarMatches } from "@nacre/core/reference-match.ts";
import type { ImageListing, ListImagesOptions } from "../engine.ts";
import { allHold, checkFilterKeys, hasLabel } from "../filters.ts";

/** When an image was built, or, where it does not say, when it came. Milliseconds. */
export function createdMs({ image }: Pick<ImageListing, "image">): number {
  const built = Date.parse(image.config.created ?? "");
  return Number.isNaN(built) ? image.pulledMs : built;
}

/**
 * Those for which all filters hold, with only the names that `reference` patterns mean.
 * @throws NacreError `invalid` for a filter that there is not, `not-found` for `before` and `since` of no image
 */
export function filteredImages(
  core: () => Core,
  all: readonly ImageListing[],
  { filters = {}, untilMs }: ListImagesOptions,
  get: (reference: string) => ImageListing,
): ImageListing[] {
  const { reference: patterns = [], ...others } = filters;
  const bound = (key: "before" | "since") =>
    new Map((others[key] ?? []).map((name) => [name, createdMs(get(name))]));
  const [before, since] = [bound("before"), bound("since")];
  const tests = (listing?: ImageListing) => {
    const labels = listing?.image.config.config?.Labels ?? {};
    const madeMs = listing ? createdMs(listing) : 0;
    return {
      dangling: (word: string) => truth(word) === (listing?.references.length === 0),
      label: (wanted: string) => hasLabel(labels, wanted),
      "label!": (wanted: string) => !hasLabel(labels, wanted),
      before: (name: string) => madeMs < (before.get(name) ?? 0),
      since: (name: string) => madeMs > (since.get(name) ?? 0),
    };
  };
  // What is wrong is said, also where there are no images.
  checkFilterKeys(others, Object.keys(tests()), ["reference", "until"]);
  for (const [key, values] of Object.entries(others)) allHold(tests(), { [key]: values });
  const found = all.filter((listing) => {
    return (
      allHold(tests(listing), others) && !(createdMs(listing) >= (untilMs ?? Number.MAX_VALUE))
    );
  });
  if (patterns.length === 0) return found;
  const means = (name: string): boolean => {
    const parsed = parseReference(core(), name, "normalized");
    return patterns.some((pattern) => familiarMatches(parsed, pattern));
  };
  return found.flatMap((listing) => {
    const references = listing.references.filter(({ reference }) => means(reference));
    return references.length > 0 ? [{ ...listing, references }] : [];
  });
}

/** Go's booleans, as docker reads them. NacreError `invalid`. */
export function truth(word: string): boolean {
  if (["1", "t", "true"].includes(word.toLowerCase())) return true;
  if (["0", "f", "false"].includes(word.toLowerCase())) return false;
  throw new NacreError("invalid", `invalid filter 'dangling=${word}'`, {
    advice: "It is true or false.",
  });
}
