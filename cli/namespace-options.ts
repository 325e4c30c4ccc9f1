// Options that commands about namespaces share, and what they say of pins.

import { NAMESPACE_KINDS } from "@nacre/core/namespace-kinds.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import type { PinRecord } from "@nacre/core/state/records.ts";
import type { Option } from "./options.ts";
import { parseNamespaceKinds } from "./parse/namespace-kind.ts";

/** `--kind net,uts --kind mnt`. */
export const KIND_OPTION: Option<readonly NamespaceKind[]> = {
  long: "kind",
  short: "k",
  takes: "kind",
  help: `Only this kind, repeatable, or several parted by commas: ${NAMESPACE_KINDS.join(", ")}, all`,
  initial: [],
  add: (before, text) => [...before, ...parseNamespaceKinds(text)],
  suggest: [...NAMESPACE_KINDS, "all"],
};

/** `lab (net, uts)`. */
export const pinWords = ({ name, namespaces }: PinRecord): string =>
  `${name} (${namespaces.map(({ kind }) => kind).join(", ")})`;
