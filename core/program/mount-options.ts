// The options of a spec's mount, told apart: attributes of the mount, propagation, bind or not,
// and what is left, which is the file system's own.

import type { SpecMount } from "../oci/runtime-spec.ts";
import type { MountAttribute } from "./mount-description.ts";

export interface MountFlags {
  readonly attributes: readonly MountAttribute[];
  readonly options: readonly string[];
  readonly bind: boolean;
  readonly recursive: boolean;
  readonly propagation: "private" | "slave" | "shared";
}

const ATTRIBUTES: readonly string[] = [
  "ro",
  "nosuid",
  "nodev",
  "noexec",
  "noatime",
  "nosymfollow",
  "strictatime",
  "nodiratime",
] satisfies MountAttribute[];

/** Options that lift an attribute, or are the kernel's default. */
const LIFTS: Readonly<Record<string, MountAttribute | "">> = {
  rw: "ro",
  suid: "nosuid",
  dev: "nodev",
  exec: "noexec",
  atime: "noatime",
  symfollow: "nosymfollow",
  diratime: "nodiratime",
  relatime: "",
  defaults: "",
};

/** Later options win over earlier ones, as with mount(8). */
export function mountFlags(mount: SpecMount): MountFlags {
  const attributes = new Set<string>();
  const options: string[] = [];
  let bind = mount.type === "bind";
  let recursive = false;
  let propagation: MountFlags["propagation"] = "private";
  for (const option of mount.options ?? []) {
    const lifted = LIFTS[option];
    const spread = /^(r?)(private|slave|shared)$/.exec(option);
    if (ATTRIBUTES.includes(option)) attributes.add(option);
    else if (lifted !== undefined) attributes.delete(lifted);
    else if (option === "bind" || option === "rbind") {
      bind = true;
      recursive = option === "rbind";
    } else if (spread) propagation = spread[2] as MountFlags["propagation"];
    else options.push(option);
  }
  return { attributes: [...attributes] as MountAttribute[], options, bind, recursive, propagation };
}
