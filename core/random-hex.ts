// Names that nobody else has: of files, directories, containers, uploads.

import type { Random } from "./ports/random.ts";

/** Two hexadecimal digits for each of `bytes` random ones. */
export function randomHex(random: Random, bytes: number): string {
  return Array.from(random.bytes(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
