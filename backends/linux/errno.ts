// The kernel's error numbers by name, as Node knows them for this platform.

import { getSystemErrorMap } from "node:util";

/** What libuv, whose map that is, does not know and mounts and disks say: asm-generic/errno*.h. */
const MORE: ReadonlyMap<number, readonly [name: string, message: string]> = new Map([
  [15, ["ENOTBLK", "block device required"]],
  [74, ["EBADMSG", "bad message"]],
  [116, ["ESTALE", "stale file handle"]],
  [117, ["EUCLEAN", "structure needs cleaning"]],
  [122, ["EDQUOT", "disk quota exceeded"]],
  [123, ["ENOMEDIUM", "no medium found"]],
]);

const known = (number: number) => getSystemErrorMap().get(-number) ?? MORE.get(number);

/** `ENOSPC` for 28; `errno 4242` for what has no name. */
export function errnoName(number: number): string {
  return known(number)?.[0] ?? `errno ${number}`;
}

/** What a person reads: `no space left on device`. */
export function errnoMessage(number: number): string {
  return known(number)?.[1] ?? "unknown error";
}
