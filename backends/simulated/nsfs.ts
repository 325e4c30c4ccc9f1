// nsfs: the inodes behind /proc/PID/ns. Whoever opens or binds one holds its namespace.

import { Dentry } from "./dentry.ts";
import { FixedDirectory, GeneratedInode } from "./generated.ts";
import { Superblock } from "./inode.ts";
import { Mount, type Path } from "./mount.ts";
import type { Namespace } from "./namespaces.ts";

export class NamespaceInode extends GeneratedInode {
  readonly namespace: Namespace;

  constructor(superblock: Superblock, namespace: Namespace) {
    super(superblock, "file", 0o444, namespace.inode);
    this.namespace = namespace;
  }
}

export class NamespaceFileSystem extends Superblock {
  readonly root: FixedDirectory;
  readonly #mount: Mount;
  readonly #paths = new WeakMap<Namespace, Path>();

  constructor(minor: number) {
    super("nsfs", minor, "nsfs", false);
    this.root = new FixedDirectory(this);
    this.#mount = new Mount(0, this, this.dentry);
  }

  /** As mountinfo names one that is bound somewhere: `net:[4026531840]`. */
  override shownPath(root: Dentry): string {
    return root.name;
  }

  /** The place of a namespace: the same dentry whoever asks. */
  pathOf(namespace: Namespace): Path {
    const known = this.#paths.get(namespace);
    if (known) return known;
    const inode = new NamespaceInode(this, namespace);
    const dentry = new Dentry(`${namespace.kind}:[${namespace.inode}]`, undefined, inode);
    const path = { mount: this.#mount, dentry };
    this.#paths.set(namespace, path);
    return path;
  }
}
