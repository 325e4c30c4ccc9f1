// A dentry is a name in a directory, and what mounts are attached to: two names of one inode are
// two dentries. They are made when a name is looked up, and kept while the name leads to the same
// inode, so that a mount on one is found by the next walk. A name that leads nowhere is kept as
// well: a negative dentry. Where a file system says when a directory has changed, what is kept is
// believed until then; elsewhere it is asked each time, as d_revalidate does.

import { fail } from "./errno.ts";
import type { Inode } from "./inode.ts";
import type { Mount } from "./mount.ts";

const NAME_MAX_BYTES = 255;
/** More names that lead nowhere than this are not worth keeping in one directory. */
const MOST_NEGATIVE = 1024;

const encoder = new TextEncoder();

/** What the names of one file system's tree have cost so far. */
export class DentryCache {
  /** Answered by a dentry that was kept. */
  hits = 0;
  /** Answered by a negative dentry. */
  negativeHits = 0;
  /** Asked of the file system. */
  misses = 0;
  /** Dentries given up because the name was removed, replaced, made or moved. */
  invalidations = 0;
  /** Negative dentries that are kept. */
  negatives = 0;
}

const NO_CHILDREN = new Map<string, Dentry>();

export class Dentry {
  name: string;
  parent: Dentry | undefined;
  readonly inode: Inode;
  /** False once the name was removed: nothing can be mounted or made there any more. */
  hashed = true;
  /** Mounts on this dentry, in whatever mount namespace. */
  readonly mounts = new Set<Mount>();
  /** One for all that have none, until they have. */
  #children = NO_CHILDREN;
  /** Names of which nothing is known to be there, with the directory's version at that time. */
  readonly #negative = new Map<string, number>();
  /** The directory's version when each child was last found to be right. */
  readonly #checked = new WeakMap<Dentry, number>();

  constructor(name: string, parent: Dentry | undefined, inode: Inode) {
    this.name = name;
    this.parent = parent;
    this.inode = inode;
  }

  get #cache(): DentryCache {
    return this.inode.superblock.cache;
  }

  /** The dentry of a name, or undefined if there is nothing. */
  child(name: string): Dentry | undefined {
    const { superblock, version } = this.inode;
    const long = superblock.keepsMissing && name.length * 3 > NAME_MAX_BYTES;
    if (long && encoder.encode(name).length > NAME_MAX_BYTES) {
      // Nothing is asked of a directory that was removed, not even whether a name can be one.
      fail(this.hashed ? "ENAMETOOLONG" : "ENOENT");
    }
    const known = this.#children.get(name);
    if (version !== undefined) {
      if (known && this.#checked.get(known) === version) {
        this.#cache.hits++;
        return known;
      }
      if (this.#negative.get(name) === version) {
        this.#cache.negativeHits++;
        return undefined;
      }
    }
    return this.#ask(name, known);
  }

  #ask(name: string, known: Dentry | undefined): Dentry | undefined {
    this.#cache.misses++;
    const { superblock, version } = this.inode;
    const inode = this.inode.lookup(name);
    if (inode === undefined) {
      this.forget(name);
      if (!superblock.keepsMissing) fail("ENOENT");
      if (version !== undefined) this.#keepNegative(name, version);
      return undefined;
    }
    this.#dropNegative(name);
    let dentry = known;
    if (dentry?.inode !== inode) {
      this.forget(name);
      dentry = new Dentry(name, this, inode);
      this.#withChildren().set(name, dentry);
    }
    if (version !== undefined) this.#checked.set(dentry, version);
    return dentry;
  }

  #keepNegative(name: string, version: number): void {
    if (this.#negative.size >= MOST_NEGATIVE) {
      const [oldest] = this.#negative.keys();
      this.#dropNegative(oldest as string);
    }
    if (!this.#negative.has(name)) this.#cache.negatives++;
    this.#negative.set(name, version);
  }

  #dropNegative(name: string): void {
    if (!this.#negative.delete(name)) return;
    this.#cache.negatives--;
    this.#cache.invalidations++;
  }

  /** The name is gone: its dentry is not found any more, but whoever holds it keeps it. */
  forget(name: string): Dentry | undefined {
    const known = this.#children.get(name);
    if (!known) return undefined;
    this.#cache.invalidations++;
    this.#children.delete(name);
    known.hashed = false;
    return known;
  }

  /** After rename(2): the same dentry below another name, with what is mounted on it. */
  move(name: string, to: Dentry, newName: string): void {
    const moved = this.#children.get(name);
    to.forget(newName);
    to.#dropNegative(newName);
    if (!moved) return;
    this.#cache.invalidations++;
    this.#children.delete(name);
    moved.name = newName;
    moved.parent = to;
    to.#withChildren().set(newName, moved);
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

  /** What path() names so from this one on. ENOENT. */
  below(path: string): Dentry {
    let at: Dentry = this;
    for (const name of path.split("/")) if (name !== "") at = at.child(name) ?? fail("ENOENT");
    return at;
  }

  #withChildren(): Map<string, Dentry> {
    if (this.#children === NO_CHILDREN) this.#children = new Map();
    return this.#children;
  }
}
