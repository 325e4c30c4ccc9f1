import { NAMESPACE_KINDS } from "@nacre/core/namespace-kinds.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import { FlagError } from "../flag-error.ts";

/** Other words for a kind, as commands and runtime specs have them. */
const ALIASES: Readonly<Record<string, NamespaceKind>> = { network: "net", mount: "mnt" };

/** Kinds by their names in /proc/PID/ns, parted by commas; `all` is no restriction: none. @throws FlagError */
export function parseNamespaceKinds(text: string): readonly NamespaceKind[] {
  if (text === "all") return [];
  return text.split(",").map((word) => {
    const found = NAMESPACE_KINDS.find((kind) => kind === word) ?? ALIASES[word];
    if (found !== undefined) return found;
    throw new FlagError(`must be one of ${NAMESPACE_KINDS.join(", ")}, all`);
  });
}
