// Which kernel parameters belong to a namespace of the container's own; all others are the
// machine's, and a container does not set those (CVE-2022-0811 came from one that was let through).
// Sources: namespaces(7), Documentation/admin-guide/sysctl; the list is runc's and docker's.

import { NacreError } from "../error.ts";
import type { SpecNamespaceType } from "../oci/runtime-spec.ts";

const OF_IPC = new Set(
  ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"].map(
    (name) => `kernel/${name}`,
  ),
);

/** The namespace that a parameter belongs to; undefined for the machine's. `name` with slashes. */
function namespaceOf(name: string): SpecNamespaceType | undefined {
  if (OF_IPC.has(name) || name.startsWith("fs/mqueue/")) return "ipc";
  if (name.startsWith("net/")) return "network";
  if (name === "kernel/domainname" || name === "kernel/hostname") return "uts";
  return name.startsWith("user/") ? "user" : undefined;
}

/** As a path below /proc/sys. */
export const sysctlPath = (name: string): string =>
  name.includes("/") ? name : name.replaceAll(".", "/");

/**
 * Refuses what is not the container's own to set.
 * @param own kinds of namespaces that it has for itself, new or by a path
 * @throws NacreError `invalid`
 */
export function checkSysctls(
  sysctls: Readonly<Record<string, string>>,
  own: ReadonlySet<SpecNamespaceType>,
): void {
  for (const [name, value] of Object.entries(sysctls)) {
    const path = sysctlPath(name);
    const sound = /^[a-z0-9_-]+(\/[\w.:-]+)+$/i.test(path) && !path.split("/").includes("..");
    const kind = sound ? namespaceOf(path) : undefined;
    if (kind === undefined || !own.has(kind)) {
      const whose = kind === undefined ? "" : `: the container has no ${kind} namespace of its own`;
      throw new NacreError("invalid", `sysctl '${name}' is not in a separate namespace${whose}`, {
        advice: "It is the machine's: set it there, with sysctl(8), if it is to be another.",
      });
    }
    if (/[\n\0]/.test(value)) {
      throw new NacreError("invalid", `sysctl '${name}': the value has more than one line`);
    }
  }
}
