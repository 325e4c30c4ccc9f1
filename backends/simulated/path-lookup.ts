// From a name to a place: the walk of fs/namei.c. It crosses mounts, follows symlinks (forty at
// most), stays below the root at `..`, and asks for permission to search at every directory.
// Source: path_resolution(7), openat2(2).

import { MAY_EXECUTE, permitted } from "./credentials.ts";
import type { Dentry } from "./dentry.ts";
import { fail } from "./errno.ts";
import { followMounts, type Path, samePath } from "./mount.ts";
import type { Task } from "./task.ts";

const PATH_MAX_BYTES = 4096;
const MAX_LINKS = 40;

export interface LookupOptions {
  /** Whether a symlink at the end is followed; true unless said otherwise. */
  readonly follow?: boolean;
  /** Where a relative name starts; the task's working directory unless given. */
  readonly start?: Path;
  /** RESOLVE_IN_ROOT: the walk never leaves this place, which is also where it starts. */
  readonly inRoot?: Path;
  /** RESOLVE_NO_SYMLINKS: ELOOP at the first one. */
  readonly noLinks?: boolean;
  /** RESOLVE_NO_MAGICLINKS. */
  readonly noMagicLinks?: boolean;
}

/** Where something of a name is to be made, removed or replaced. */
export interface ParentPath {
  readonly path: Path;
  readonly name: string;
  /** `name`, or one of the special last parts, which each call refuses in its own way. */
  readonly kind: "name" | "." | ".." | "root";
  /** Whether slashes stood behind it. */
  readonly slashes: boolean;
}

const encoder = new TextEncoder();

/** What getname() refuses before anything else is looked at. */
export function requirePath(path: string): void {
  if (path === "") fail("ENOENT");
  if (path.length * 3 >= PATH_MAX_BYTES && encoder.encode(path).length >= PATH_MAX_BYTES) {
    fail("ENAMETOOLONG");
  }
}

class Walk {
  at: Path;
  readonly #task: Task;
  readonly #root: Path;
  readonly #options: LookupOptions;
  #links = 0;

  constructor(task: Task, path: string, options: LookupOptions) {
    this.#task = task;
    this.#options = options;
    this.#root = options.inRoot ?? task.root;
    const relative = options.inRoot ?? options.start ?? task.cwd;
    // The root is where it was, even if something was mounted on it since.
    this.at = path.startsWith("/") ? this.#root : relative;
  }

  requireSearchable(): void {
    const { inode } = this.at.dentry;
    if (inode.kind !== "directory") fail("ENOTDIR");
    if (!permitted(this.#task.credentials, inode, MAY_EXECUTE)) fail("EACCES");
  }

  /** `..`: not above the root, and out of a mount where it lies. */
  ascend(): void {
    let at = this.at;
    while (!samePath(at, this.#root)) {
      if (at.dentry !== at.mount.root) {
        const parent = at.dentry.parent as Dentry;
        at = { mount: at.mount, dentry: parent };
        break;
      }
      const { parent, mountpoint } = at.mount;
      if (!parent || !mountpoint) break;
      at = { mount: parent, dentry: mountpoint };
    }
    this.at = followMounts(at);
  }

  /** One name. Returns the text of a symlink that is to be walked instead. */
  step(name: string, follow: boolean): string | undefined {
    if (name === SLASH) {
      if (this.at.dentry.inode.kind !== "directory") fail("ENOTDIR");
      return undefined;
    }
    this.requireSearchable();
    if (name === ".") return undefined;
    if (name === "..") {
      this.ascend();
      return undefined;
    }
    const child = this.at.dentry.child(name) ?? fail("ENOENT");
    const next = followMounts({ mount: this.at.mount, dentry: child });
    if (next.dentry.inode.kind !== "symlink" || !follow) {
      this.at = next;
      return undefined;
    }
    return this.#followLink(next);
  }

  #followLink(link: Path): string | undefined {
    if (this.#options.noLinks || ++this.#links > MAX_LINKS) fail("ELOOP");
    if (link.mount.attributes.has("nosymfollow")) fail("ELOOP");
    const target = link.dentry.inode.jump();
    if (target) {
      // A magic link leads past every root: where the walk is held inside one, it is refused.
      if (this.#options.noMagicLinks) fail("ELOOP");
      if (this.#options.inRoot) fail("EXDEV");
      this.at = target;
      return undefined;
    }
    const text = link.dentry.inode.readLink();
    if (text === "") fail("ENOENT");
    if (text.startsWith("/")) this.at = this.#root;
    return text;
  }
}

/** Slashes at the end of a path: what they stand behind must be a directory. */
const SLASH = "/";

/** Names of a path, the first one last. */
function pendingNames(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "");
  if (path.endsWith("/") && names.length > 0) names.push(SLASH);
  return names.reverse();
}

function finish(walk: Walk, pending: string[], follow: boolean): Path {
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const last = pending.length === 0;
    const text = walk.step(name, !last || follow);
    if (text !== undefined) pending.push(...pendingNames(text));
  }
  return walk.at;
}

/** The place that `path` names, at the top of the mounts there. */
export function lookup(task: Task, path: string, options: LookupOptions = {}): Path {
  requirePath(path);
  return finish(new Walk(task, path, options), pendingNames(path), options.follow ?? true);
}

/** The directory of the last name of `path`, which itself need not exist and is not followed. */
export function lookupParent(task: Task, path: string, options: LookupOptions = {}): ParentPath {
  requirePath(path);
  const names = path.split("/").filter((name) => name !== "");
  const name = names.pop();
  const walk = new Walk(task, path, options);
  const at = finish(walk, names.reverse(), true);
  walk.requireSearchable();
  const kind = name === undefined ? "root" : name === "." || name === ".." ? name : "name";
  return { path: at, name: name ?? "", kind, slashes: path.endsWith("/") };
}
