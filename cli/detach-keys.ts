// The keys by which one leaves a container running (`ctrl-p,ctrl-q`), as docker has them.

import { FlagError } from "./flag-error.ts";
import { value } from "./options.ts";

export const DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q";
/** What a supervisor takes. */
const MOST_KEYS = 32;

/** Bytes of keys: a character, or `ctrl-` and one of a-z @ [ \\ ] ^ _. Empty: none. @throws FlagError */
export function parseDetachKeys(text: string): readonly number[] {
  if (text === "") return [];
  const keys = text.split(",").map((key) => {
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) - 64;
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw new FlagError(`invalid detach keys (${text}): unknown character: '${key}'`);
  });
  if (keys.length <= MOST_KEYS) return keys;
  throw new FlagError(`invalid detach keys: ${keys.length} are more than ${MOST_KEYS}`);
}

export const DETACH_KEYS = value(
  ["detach-keys"],
  "keys",
  `What is typed to leave it running (default ${DEFAULT_DETACH_KEYS})`,
  parseDetachKeys,
);

/** Those of a command in the foreground; none where nothing is typed. */
export function detachKeysOf({
  detachKeys,
  interactive,
  tty,
}: {
  readonly detachKeys: readonly number[] | undefined;
  readonly interactive: boolean;
  readonly tty: boolean;
}): { readonly detachKeys?: readonly number[] } {
  if (!interactive || !tty) return {};
  return { detachKeys: detachKeys ?? parseDetachKeys(DEFAULT_DETACH_KEYS) };
}
