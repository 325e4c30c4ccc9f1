// The directory under which everything lives. Other users of the machine must not reach into it:
// a container's storage holds setuid programs of its image, which they could run as root
// (CVE-2021-41091).

import { chmodSync, lstatSync, readdirSync } from "node:fs";
import { NacreError } from "@nacre/core/error.ts";
import { attempt } from "./files-error.ts";
import { makeDirectories } from "./make-directories.ts";

const DATABASE = "state.db";

/**
 * Makes `root` if it is missing, and closes it to other users. A directory that is open to them
 * and holds other things than Nacre's is refused, for closing it would break what else is there
 * (`--root /tmp`).
 * @param make whether a missing one is made; else it is an error, `not-found`
 */
export function prepareStateRoot(root: string, make = true): void {
  const status = attempt("look at", root, () => lstatSync(root, { throwIfNoEntry: false }));
  if (status === undefined) {
    if (!make) throw new NacreError("not-found", `the state root ${root} is gone`);
    attempt("make directory", root, () => makeDirectories(root));
    return;
  }
  if (!status.isDirectory()) {
    throw new NacreError("invalid", `${root} is not a directory`, {
      advice: "Choose another --root.",
    });
  }
  if ((status.mode & 0o077) === 0) return;
  const names = attempt("list", root, () => readdirSync(root));
  if (names.length > 0 && !names.includes(DATABASE)) {
    throw new NacreError("invalid", `${root} holds other files and is open to other users`, {
      operation: `chmod 0700 ${root}`,
      advice: "Choose an empty or a new directory as --root.",
    });
  }
  attempt("close to others", root, () => chmodSync(root, 0o700));
}
