// The options of a spec's mount, told apart: attributes of the mount, propagation, bind or not,
// and what is left, which is the file system's own. `ro` of a recursive bind is about the mount
// itself, `rro` about those below it too, as OCI has it.

import type { SpecMount } from "../oci/runtime-spec.ts";
import type { MountAttribute } from "./mount-description.ts";

export interface MountFlags {
  /** Of a bind with what is mounted below it: of all of them. */
  readonly attributes: readonly MountAttribute[];
  /** Of such a bind: read-only itself, whatever lies below. */
  readonly readOnlyTop: boolean;
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
  let all = false;
  let propagation: MountFlags["propagation"] = "private";
  for (const option of mount.options ?? []) {
    const lifted = LIFTS[option];
    const spread = /^(r?)(private|slave|shared)$/.exec(option);
    if (option === "rro") all = true;
    else if (ATTRIBUTES.includes(option)) attributes.add(option);
    else if (lifted !== undefined) attributes.delete(lifted);
    else if (option === "bind" || option === "rbind") {
      bind = true;
      recursive = option === "rbind";
    } else if (spread) propagation = spread[2] as MountFlags["propagation"];
    else options.push(option);
  }
  const readOnlyTop = bind && recursive && !all && attributes.delete("ro");
  if (all) attributes.add("ro");
  const found = [...attributes] as MountAttribute[];
  return { attributes: found, readOnlyTop, options, bind, recursive, propagation };
}
