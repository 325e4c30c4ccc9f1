// Where state is kept if nobody says. A user who is not root has it at home, also as root of the
// user namespace in which native/rootless.c started us; its mark alone proves nothing, for it may
// have been left in an environment.

import { readlinkSync } from "node:fs";

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether this process belongs to a user who is not the machine's root, but for a namespace's. */
export function isRootless({ NACRE_USER_NAMESPACE: mark }: Environment): boolean {
  if (process.geteuid?.() !== 0) return true;
  if (mark === undefined) return false;
  return readlinkSync("/proc/self/ns/user") === `user:[${mark.split(":", 1)[0]}]`;
}

/**
 * Of a user who is not root the XDG base directory of data, or ~/.local/share; an absolute path,
 * not yet made.
 */
export function defaultRoot(environment: Environment): string {
  const { XDG_DATA_HOME: data, HOME: home } = environment;
  if (!isRootless(environment)) return "/var/lib/nacre";
  if (data?.startsWith("/")) return `${data}/nacre`;
  return home?.startsWith("/") ? `${home}/.local/share/nacre` : "/var/lib/nacre";
}
