// Which container a reference names: its ID, its name, or the beginning of its ID.

import { NacreError } from "@nacre/core/error.ts";
import type { Transaction } from "@nacre/core/ports/state-store.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";

/** @throws NacreError `invalid` for a prefix that several have */
export function findContainer(t: Transaction, reference: string): ContainerRecord | undefined {
  const bare = reference.startsWith("/") ? reference.slice(1) : reference;
  const exact = t.get("container", bare);
  if (exact) return exact;
  const named = t.get("name", bare);
  if (named) return t.get("container", named.containerId);
  if (!/^[0-9a-f]+$/.test(bare)) return undefined;
  const matches = t.list("container", bare);
  if (matches.length > 1) {
    throw ambiguous(bare, matches);
  }
  return matches[0];
}

const SHOWN = 8;

function ambiguous(prefix: string, matches: readonly ContainerRecord[]): NacreError {
  // As much of each ID as tells it from the others, and not less than people know them by.
  let length = 12;
  const shortened = () => new Set(matches.map(({ id }) => id.slice(0, length)));
  while (shortened().size < matches.length) length++;
  const shown = matches.slice(0, SHOWN).map(({ id, name }) => `${id.slice(0, length)} (${name})`);
  const more = matches.length > SHOWN ? ` and ${matches.length - SHOWN} more` : "";
  return new NacreError("invalid", `multiple containers found with ID prefix ${prefix}`, {
    advice: `Give more of the ID, or a name: ${shown.join(", ")}${more}.`,
  });
}
