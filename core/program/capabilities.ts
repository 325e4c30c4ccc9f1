// Linux capabilities by number (capabilities(7), linux/capability.h) and the set that containers
// get unless they ask for another: Docker's, so that an image that works there works here.

import { NacreError } from "../error.ts";

/** In the kernel's order: the position is the capability's number. */
export const CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
] as const;

export const DEFAULT_CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_RAW",
  "CAP_SYS_CHROOT",
  "CAP_MKNOD",
  "CAP_AUDIT_WRITE",
  "CAP_SETFCAP",
];

/** How many letters must be put in, taken out or changed to make one word the other. */
function distance(a: string, b: string): number {
  let row = [...b, ""].map((_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    let left = i + 1;
    row = row.map((above, j) => {
      if (j === 0) return left;
      const change = row[j - 1]! + (letter === b[j - 1] ? 0 : 1);
      left = Math.min(above + 1, left + 1, change);
      return left;
    });
  }
  return row.at(-1)!;
}

/** What may have been meant by a name that is none; empty where nothing is near. */
function nearest(name: string): string {
  const [best] = CAPABILITIES.map((known) => ({ known, off: distance(name, known) })).sort(
    (a, b) => a.off - b.off,
  );
  return best && best.off <= 3 ? `Did you mean ${best.known}? ` : "";
}

/** `chown`, `CAP_CHOWN`: the kernel's name. @throws NacreError `invalid` */
function canonical(name: string): string {
  const upper = name.toUpperCase();
  const full = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (!(CAPABILITIES as readonly string[]).includes(full)) {
    throw new NacreError("invalid", `unknown capability: ${JSON.stringify(name)}`, {
      advice: `${nearest(full)}See capabilities(7) for the names; ALL is all of them.`,
    });
  }
  return full;
}

export interface CapabilityChoice {
  readonly add: readonly string[];
  readonly drop: readonly string[];
}

/**
 * The default set with what is added and without what is dropped; a name in both is dropped.
 * @param available what can be given here at all: all of it is ALL, the rest is refused
 */
export function chosenCapabilities(
  { add, drop }: CapabilityChoice,
  available: () => readonly string[],
): readonly string[] {
  const isAll = (name: string): boolean => name.toUpperCase() === "ALL";
  const dropped = drop.filter((name) => !isAll(name)).map(canonical);
  const added = add.filter((name) => !isAll(name)).map(canonical);
  const missing = added.find((name) => !available().includes(name));
  if (missing !== undefined) {
    throw new NacreError("unsupported", `capability ${missing} is not available on this machine`, {
      advice: "Whoever started this process took it away, or the kernel does not have it.",
    });
  }
  const begin = add.some(isAll) ? available() : drop.some(isAll) ? [] : DEFAULT_CAPABILITIES;
  const chosen = new Set<string>([...begin, ...added]);
  for (const name of dropped) chosen.delete(name);
  return CAPABILITIES.filter((name) => chosen.has(name));
}

/** Bit n is capability n. NacreError `invalid` for a name that the kernel does not have. */
export function capabilityMask(names: readonly string[]): bigint {
  let mask = 0n;
  for (const name of names) {
    const number = (CAPABILITIES as readonly string[]).indexOf(name);
    if (number < 0) {
      throw new NacreError("invalid", `unknown capability ${JSON.stringify(name)}`, {
        advice: "See capabilities(7) for the names.",
      });
    }
    mask |= 1n << BigInt(number);
  }
  return mask;
}

/** The names of a mask's bits, lowest first; bits past the last known one are `CAP_n`. */
export function capabilityNames(mask: bigint): string[] {
  const names: string[] = [];
  for (let n = 0n; mask >> n > 0n; n++) {
    if ((mask >> n) & 1n) names.push(CAPABILITIES[Number(n)] ?? `CAP_${n}`);
  }
  return names;
}
