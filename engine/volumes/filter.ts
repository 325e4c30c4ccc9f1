// Which volumes are meant, as docker's --filter has it.

import { NacreError } from "@nacre/core/error.ts";
import { hasLabel } from "../containers/filter.ts";
import type { VolumeFilters, VolumeListing } from "../engine.ts";

type Test = (listing: Pick<VolumeListing, "volume" | "users">, value: string) => boolean;

function isTrue(word: string): boolean {
  if (/^(1|t|true)$/i.test(word)) return true;
  if (/^(0|f|false)$/i.test(word)) return false;
  throw new NacreError("invalid", `invalid filter 'dangling=${word}': true or false`);
}

const TESTS: Readonly<Record<string, Test>> = {
  dangling: ({ users }, value) => (users.length === 0) === isTrue(value),
  driver: ({ volume }, value) => volume.driver === value,
  label: ({ volume }, value) => hasLabel(volume.labels, value),
  "label!": ({ volume }, value) => !hasLabel(volume.labels, value),
  name: ({ volume }, value) => volume.name.includes(value),
};

/** Values of one key are alternatives, but every label must hold. @throws NacreError `invalid` */
export function isMeantVolume(
  listing: Pick<VolumeListing, "volume" | "users">,
  filters: VolumeFilters,
): boolean {
  return Object.entries(filters).every(([key, values]) => {
    const test = Object.hasOwn(TESTS, key) ? TESTS[key] : undefined;
    if (!test) {
      throw new NacreError("invalid", `invalid filter '${key}'`, {
        advice: `There are ${Object.keys(TESTS).join(", ")}.`,
      });
    }
    const results = values.map((value) => test(listing, value));
    return key.startsWith("label") ? results.every(Boolean) : results.some(Boolean);
  });
}
