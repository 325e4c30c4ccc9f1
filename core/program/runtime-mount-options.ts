// The options of a mount as the OCI runtime specification lists them (config.md, "Linux mount
// options"): of the mount itself, of all that is below it (`rro`, `rnosuid`), its propagation, what
// is done with its IDs, and what is left, which is the file system's own.

import type { SpecMount } from "../oci/runtime-spec.ts";
import type { MountAttribute } from "./mount-description.ts";

export type Spread = "private" | "slave" | "shared" | "unbindable";

export interface RuntimeMountFlags {
  readonly bind: boolean;
  readonly recursive: boolean;
  readonly remount: boolean;
  readonly set: readonly MountAttribute[];
  readonly cleared: readonly MountAttribute[];
  /** Of all that is mounted below it, too. */
  readonly setBelow: readonly MountAttribute[];
  readonly clearedBelow: readonly MountAttribute[];
  readonly propagation: { readonly mode: Spread; readonly recursive: boolean } | undefined;
  readonly copyUp: boolean;
  /** Shows the IDs of the container's user namespace. */
  readonly idmap: boolean;
  readonly options: readonly string[];
}

type Change = readonly [attribute: MountAttribute, on: boolean];

/** By the option's name without the `r` that makes it recursive. */
const ATTRIBUTES: Readonly<Record<string, Change>> = {
  ro: ["ro", true],
  rw: ["ro", false],
  nosuid: ["nosuid", true],
  suid: ["nosuid", false],
  nodev: ["nodev", true],
  dev: ["nodev", false],
  noexec: ["noexec", true],
  exec: ["noexec", false],
  noatime: ["noatime", true],
  atime: ["noatime", false],
  nodiratime: ["nodiratime", true],
  diratime: ["nodiratime", false],
  strictatime: ["strictatime", true],
  nostrictatime: ["strictatime", false],
  relatime: ["noatime", false],
  norelatime: ["strictatime", true],
  nosymfollow: ["nosymfollow", true],
  symfollow: ["nosymfollow", false],
};

/** What every mount does, or what no kernel of today does another way. */
const IDLE: readonly string[] = [
  ...["defaults", "loud", "silent", "async", "nomand", "mand", "noiversion", "iversion"],
  ...["nolazytime", "rrelatime", "copy-symlink"],
];

const SPREAD = /^(r?)(private|slave|shared|unbindable)$/;

class Attributes {
  readonly set = new Set<MountAttribute>();
  readonly cleared = new Set<MountAttribute>();

  change([attribute, on]: Change): void {
    const [to, from] = on ? [this.set, this.cleared] : [this.cleared, this.set];
    to.add(attribute);
    from.delete(attribute);
  }
}

/** An option such as `rro`; undefined for any other. */
function belowOf(option: string): Change | undefined {
  return option.startsWith("r") && option !== "relatime" ? ATTRIBUTES[option.slice(1)] : undefined;
}

/** The options of a mount (config.md, "Linux mount options"); the last of two that contradict each other holds. */
export function runtimeMountFlags(mount: SpecMount): RuntimeMountFlags {
  const [own, below] = [new Attributes(), new Attributes()];
  const rest: string[] = [];
  const options = mount.options ?? [];
  let propagation: RuntimeMountFlags["propagation"];
  for (const option of options) {
    const spread = SPREAD.exec(option);
    const change = ATTRIBUTES[option];
    const changeBelow = belowOf(option);
    if (spread) propagation = { mode: spread[2] as Spread, recursive: spread[1] === "r" };
    else if (change) own.change(change);
    else if (changeBelow) below.change(changeBelow);
    else if (!IDLE.includes(option)) rest.push(option);
  }
  const has = (name: string) => rest.includes(name);
  const handled = ["bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap"];
  return {
    bind: mount.type === "bind" || has("bind") || has("rbind"),
    recursive: has("rbind"),
    remount: has("remount"),
    set: [...own.set],
    cleared: [...own.cleared],
    setBelow: [...below.set],
    clearedBelow: [...below.cleared],
    propagation,
    copyUp: has("tmpcopyup"),
    idmap: has("idmap") || has("ridmap"),
    options: rest.filter((option) => !handled.includes(option)),
  };
}
