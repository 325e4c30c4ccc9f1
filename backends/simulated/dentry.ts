// A dentry is a name in a directory, and what mounts are attached to: two names of one inode are
// two dentries. They are made when a name is looked up, and kept while the name leads to the same
// inode, so that a mount on one is found by the next walk.

import { fail } from "./errno.ts";
import type { Inode } from "./inode.ts";
import type { Mount } from "./mount.ts";

const NAME_MAX_BYTES = 255;

const encoder = new TextEncoder();

export class Dentry {
  name: string;
  parent: Dentry | undefined;
  readonly inode: Inode;
  /** False once the name was removed: nothing can be mounted or made there any more. */
  hashed = true;
  /** Mounts on this dentry, in whatever mount namespace. */
  readonly mounts = new Set<Mount>();
  readonly #children = new Map<string, Dentry>();

  constructor(name: string, parent: Dentry | undefined, inode: Inode) {
    this.name = name;
    this.parent = parent;
    this.inode = inode;
  }

  /** The dentry of a name, or undefined if there is nothing. */
  child(name: string): Dentry | undefined {
    if (name.length * 3 > NAME_MAX_BYTES && encoder.encode(name).length > NAME_MAX_BYTES) {
      return fail("ENAMETOOLONG");
    }
    const inode = this.inode.lookup(name);
    const known = this.#children.get(name);
    if (inode === undefined) {
      this.forget(name);
      return undefined;
    }
    if (known?.inode === inode) return known;
    this.forget(name);
    const made = new Dentry(name, this, inode);
    this.#children.set(name, made);
    return made;
  }

  /** The name is gone: its dentry is not found any more, but whoever holds it keeps it. */
  forget(name: string): Dentry | undefined {
    const known = this.#children.get(name);
    if (!known) return undefined;
    this.#children.delete(name);
    known.hashed = false;
    return known;
  }

  /** After rename(2): the same dentry below another name, with what is mounted on it. */
  move(name: string, to: Dentry, newName: string): void {
    const moved = this.#children.get(name);
    to.forget(newName);
    if (!moved) return;
    this.#children.delete(name);
    moved.name = newName;
    moved.parent = to;
    to.#children.set(newName, moved);
  }

  /** Whether this is `top` or below it. */
  isBelow(top: Dentry): boolean {
    for (let at: Dentry | undefined = this; at; at = at.parent) if (at === top) return true;
    return false;
  }

  /** The name from the root of its file system. */
  path(top?: Dentry): string {
    const names: string[] = [];
    for (let at: Dentry = this; at.parent && at !== top; at = at.parent) names.unshift(at.name);
    return `/${names.join("/")}`;
  }
}
