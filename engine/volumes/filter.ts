// Which volumes are meant, as docker's --filter has it.

import { NacreError } from "@nacre/core/error.ts";
import type { VolumeFilters, VolumeListing } from "../engine.ts";
import { allHold, checkFilterKeys, hasLabel } from "../filters.ts";

function isTrue(word: string): boolean {
  if (/^(1|t|true)$/i.test(word)) return true;
  if (/^(0|f|false)$/i.test(word)) return false;
  throw new NacreError("invalid", `invalid filter 'dangling=${word}': true or false`);
}

/** @throws NacreError `invalid` for a key or a value that no volume can be asked by, though there be none */
export function checkVolumeFilters(filters: VolumeFilters): void {
  checkFilterKeys(filters, ["dangling", "driver", "label", "label!", "name"]);
  for (const value of filters.dangling ?? []) isTrue(value);
}

/** Of filters that were checked. */
export function isMeantVolume(
  { volume, users }: Pick<VolumeListing, "volume" | "users">,
  filters: VolumeFilters,
): boolean {
  const tests = {
    dangling: (value: string) => (users.length === 0) === isTrue(value),
    driver: (value: string) => volume.driver === value,
    label: (value: string) => hasLabel(volume.labels, value),
    "label!": (value: string) => !hasLabel(volume.labels, value),
    name: (value: string) => volume.name.includes(value),
  };
  return allHold(tests, filters);
}
