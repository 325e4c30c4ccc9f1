// Which namespaces a container has: its own, another container's, or, where it is asked for,
// the machine's.

import { NacreError } from "../error.ts";
import type { Spec, SpecNamespaceType } from "../oci/runtime-spec.ts";
import type { ContainerRequest, NamespaceRequest } from "./request.ts";

type Kind = keyof NamespaceRequest;

const TYPES: Readonly<Record<Kind, SpecNamespaceType>> = {
  pid: "pid",
  ipc: "ipc",
  uts: "uts",
  cgroup: "cgroup",
};
const KINDS = Object.keys(TYPES) as Kind[];

const OPTIONS: Readonly<Record<Kind, string>> = {
  ...{ pid: "pid", ipc: "ipc", uts: "uts", cgroup: "cgroupns" },
};

/** What may be said of each beside `host`. */
const WORDS: Readonly<Record<Kind, readonly string[]>> = {
  pid: ["private"],
  ipc: ["private", "shareable", "none"],
  uts: ["private"],
  cgroup: ["private"],
};
/** Those that another container can lend. */
const LENT: readonly Kind[] = ["pid", "ipc", "uts"];

/** The other container whose namespace is asked for, by what the user called it. */
export function lender(word: string | undefined): string | undefined {
  return word?.startsWith("container:") ? word.slice("container:".length) : undefined;
}

/** @throws NacreError `invalid` for a word that means nothing */
export function checkNamespaces({
  namespaces = {},
  hostname,
}: Pick<ContainerRequest, "namespaces" | "hostname">): void {
  if (hostname !== undefined && namespaces.uts === "host") {
    throw new NacreError("invalid", "conflicting options: hostname and the UTS mode", {
      advice: "With --uts host the name is the machine's: leave out --hostname.",
    });
  }
  for (const kind of KINDS) {
    const word = namespaces[kind];
    if (word === undefined || word === "host" || WORDS[kind].includes(word)) continue;
    const other = lender(word);
    if (LENT.includes(kind) && other !== undefined && other !== "") continue;
    const words = ["host", ...WORDS[kind], ...(LENT.includes(kind) ? ["container:NAME"] : [])];
    throw new NacreError("invalid", `--${OPTIONS[kind]}: invalid ${kind.toUpperCase()} mode`, {
      advice: `There are ${words.join(", ")}.`,
    });
  }
}

/** Whose users it has: the machine's where this is absent, its own, or those of one that is there. */
export interface UserNamespace {
  readonly path?: string;
}

/** Whether the network gives the container a namespace of its own, or one that is there. */
export interface NetworkNamespace {
  readonly own: boolean;
  readonly path?: string;
}

/**
 * @param pathOf where a namespace of another container is, as in /proc/PID/ns
 */
export function specNamespaces(
  { namespaces = {} }: Pick<ContainerRequest, "namespaces">,
  network: NetworkNamespace,
  pathOf: (container: string, type: SpecNamespaceType) => string,
  user?: UserNamespace,
): Spec["linux"]["namespaces"] {
  const chosen = KINDS.filter((kind) => namespaces[kind] !== "host").map((kind) => {
    const other = lender(namespaces[kind]);
    const type = TYPES[kind];
    return other === undefined ? { type } : { type, path: pathOf(other, type) };
  });
  const { own, path } = network;
  const net = { type: "network", ...(path !== undefined && { path }) } as const;
  const users = user && ({ type: "user", ...(user.path && { path: user.path }) } as const);
  return [{ type: "mount" }, ...chosen, ...(own ? [net] : []), ...(users ? [users] : [])];
}
