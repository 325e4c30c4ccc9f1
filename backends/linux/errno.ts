// The kernel's error numbers by name, as Node knows them for this platform.

import { getSystemErrorMap } from "node:util";

/** `ENOSPC` for 28; `errno 4242` for what has no name. */
export function errnoName(number: number): string {
  return getSystemErrorMap().get(-number)?.[0] ?? `errno ${number}`;
}

/** What a person reads: `no space left on device`. */
export function errnoMessage(number: number): string {
  return getSystemErrorMap().get(-number)?.[1] ?? "unknown error";
}
