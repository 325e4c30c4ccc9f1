import { NAMESPACE_KINDS } from "@nacre/core/namespace-kinds.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import { FlagError } from "../flag-error.ts";

/** Other words for a kind, as commands and runtime specs have them. */
const ALIASES: Readonly<Record<string, NamespaceKind>> = { network: "net", mount: "mnt" };

/** A kind of namespaces by its name in /proc/PID/ns. @throws FlagError */
export function parseNamespaceKind(text: string): NamespaceKind {
  const found = NAMESPACE_KINDS.find((kind) => kind === text) ?? ALIASES[text];
  if (found === undefined) throw new FlagError(`must be one of ${NAMESPACE_KINDS.join(", ")}`);
  return found;
}
