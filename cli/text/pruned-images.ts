// What a prune has done to images, as docker says it.

import { familiarName } from "../image-name.ts";
import { neutralise } from "./escape.ts";

export const imageLines = (untagged: readonly string[], deleted: readonly string[]): string[] => [
  ...untagged.map((name) => `untagged: ${neutralise(familiarName(name))}`),
  ...deleted.map((id) => `deleted: ${id}`),
];
