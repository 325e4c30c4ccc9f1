// The cgroup file systems: a directory a node, mkdir makes one, rmdir removes one, and each
// controller's files in it. All mounts of a hierarchy show the same superblock, and the hierarchy
// goes with the last of them, unless it has nodes.

import { remountHierarchy, shownOptions } from "./cgroup-mount.ts";
import { type CgroupNode, type Hierarchy, pathFrom } from "./cgroup-node.ts";
import type { Cgroups } from "./cgroups.ts";
import type { ControlContext, ControlFile } from "./control-file.ts";
import { controlFile, controlFiles } from "./control-files.ts";
import { requireRoomForNode } from "./controllers/membership.ts";
import type { Dentry } from "./dentry.ts";
import { fail } from "./errno.ts";
import { GeneratedFile, GeneratedInode } from "./generated.ts";
import { type Inode, type NewInode, Superblock } from "./inode.ts";

/** The longest write(2) that a control file takes. */
const WRITE_BYTES = 4096;

export class CgroupFileSystem extends Superblock {
  readonly hierarchy: Hierarchy;
  readonly root: CgroupDirectory;
  readonly cgroups: Cgroups;
  readonly context: ControlContext;
  readonly #ended: () => void;

  /** `ended` is told when the hierarchy is gone. */
  constructor(
    identity: { readonly minor: number; readonly source: string },
    cgroups: Cgroups,
    hierarchy: Hierarchy,
    context: ControlContext,
    ended: () => void,
  ) {
    const type = hierarchy.version === 2 ? "cgroup2" : "cgroup";
    super(type, identity.minor, identity.source, false);
    this.hierarchy = hierarchy;
    this.cgroups = cgroups;
    this.context = context;
    this.#ended = ended;
    this.root = new CgroupDirectory(this, hierarchy.root, 0o755);
  }

  /** A node as seen from the reader's cgroup namespace: `/..` for each level above its root. */
  override shownPath(root: Dentry): string {
    const top = this.context.rootOf(this.hierarchy);
    const node = root.inode instanceof CgroupDirectory ? root.inode.node : top;
    return pathFrom(top, node);
  }

  override options(): readonly string[] {
    return shownOptions(this.hierarchy);
  }

  override reconfigure(options: readonly string[]): void {
    if (this.hierarchy.version === 2) return;
    remountHierarchy(this.cgroups, this.hierarchy, options, this.context.inInitialNamespace());
  }

  override unused(): void {
    if (this.cgroups.endHierarchy(this.hierarchy)) this.#ended();
  }
}

export class CgroupDirectory extends GeneratedInode {
  readonly node: CgroupNode;
  readonly #filesystem: CgroupFileSystem;
  readonly #files = new Map<ControlFile, GeneratedFile>();
  readonly #children = new Map<CgroupNode, CgroupDirectory>();

  constructor(filesystem: CgroupFileSystem, node: CgroupNode, mode: number) {
    super(filesystem, "directory", mode);
    this.#filesystem = filesystem;
    this.node = node;
  }

  override lookup(name: string): Inode | undefined {
    if (this.node.removed) return undefined;
    const child = this.node.child(name);
    if (child) return this.#directory(child, 0o755);
    const file = controlFile(this.node, name);
    if (!file) return undefined;
    const known = this.#files.get(file);
    if (known) return known;
    const made = this.#makeFile(file);
    this.#files.set(file, made);
    return made;
  }

  override names(): readonly string[] {
    if (this.node.removed) return [];
    return [...controlFiles(this.node), ...this.node.children.map((child) => child.name)];
  }

  #makeFile(file: ControlFile): GeneratedFile {
    const { read, write } = file;
    const { node } = this;
    const { context } = this.#filesystem;
    const mode = (read ? 0o444 : 0) | (write ? 0o200 : 0);
    return new GeneratedFile(this.superblock, mode, {
      ...(read && { read: () => (node.removed ? fail("ENODEV") : read(node, context)) }),
      write: (text) => {
        if (text === "") return; // nobody is asked about nothing
        if (node.removed) fail("ENODEV");
        if (text.length > WRITE_BYTES) fail("E2BIG");
        if (!write) fail("EINVAL");
        write(node, text, context);
      },
    });
  }

  #directory(node: CgroupNode, mode: number): CgroupDirectory {
    const known = this.#children.get(node);
    if (known) return known;
    const made = new CgroupDirectory(this.#filesystem, node, mode);
    this.#children.set(node, made);
    return made;
  }

  override makeDirectory(name: string, attributes: NewInode): Inode {
    if (this.node.removed) fail("ENOENT");
    if (this.node.hierarchy.version === 2) requireRoomForNode(this.node);
    const node = this.#filesystem.cgroups.makeNode(this.node, name);
    const made = this.#directory(node, attributes.mode);
    made.uid = attributes.uid;
    made.gid = attributes.gid;
    this.links++;
    return made;
  }

  override removeDirectory(name: string): void {
    const node = this.node.child(name) ?? fail("ENOENT");
    this.#filesystem.cgroups.removeNode(node);
    this.#children.delete(node);
    this.links--;
  }

  /** The directory of a node at or below this one. */
  of(node: CgroupNode): CgroupDirectory {
    if (node === this.node) return this;
    return this.of(node.parent as CgroupNode).#directory(node, 0o755);
  }
}
