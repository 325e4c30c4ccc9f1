// Idmapped mounts (mount_setattr(2), MOUNT_ATTR_IDMAP): a mount that shows other owners than its
// file system keeps. The tree of such a mount is a view of the tree of its file system: inodes that
// hand everything on, and translate who owns what on the way.
// Source: Linux, Documentation/filesystems/idmappings.rst, fs/mnt_idmapping.c, fs/namespace.c.

import { isNobodys } from "./credentials.ts";
import type { Dentry } from "./dentry.ts";
import { fail } from "./errno.ts";
import {
  type AttributeChange,
  Inode,
  type InodeKind,
  type NewInode,
  Superblock,
  type Timestamp,
} from "./inode.ts";
import type { Mount, Path } from "./mount.ts";
import { type IdMap, NO_ID } from "./user-namespace.ts";

/** Both maps of the user namespace that was given: an ID within is what is kept, one outside what is shown. */
export interface OwnerMaps {
  readonly uids: IdMap;
  readonly gids: IdMap;
}

/** File systems with FS_ALLOW_IDMAP. */
const WITH_OWNER_MAPS: readonly string[] = ["ext4", "tmpfs", "erofs"];

/** Of a view, what it is of. */
export const originalOf = (inode: Inode): Inode =>
  inode instanceof MappedInode ? inode.original : inode;

class MappedView extends Superblock {
  readonly root: MappedInode;
  readonly original: Superblock;
  readonly maps: OwnerMaps;
  readonly #inodes = new WeakMap<Inode, MappedInode>();
  override readonly stackDepth: number;
  override readonly keepsMissing: boolean;

  constructor(original: Superblock, maps: OwnerMaps) {
    super(original.type, original.minor, original.source, original.readOnly);
    this.original = original;
    this.maps = maps;
    this.stackDepth = original.stackDepth;
    this.keepsMissing = original.keepsMissing;
    this.made = original.made;
    this.userNamespace = original.userNamespace;
    // Its mounts are those of what it shows, and so is whether that is read-only.
    Object.defineProperties(this, {
      mounts: { value: original.mounts },
      readOnly: {
        get: () => original.readOnly,
        set: (value: boolean) => {
          original.readOnly = value;
        },
      },
    });
    this.root = this.viewOf(original.root);
  }

  /** The same one for the same inode. */
  viewOf(inode: Inode): MappedInode {
    const known = this.#inodes.get(inode) ?? new MappedInode(this, inode);
    this.#inodes.set(inode, known);
    return known;
  }

  override options(): readonly string[] {
    return this.original.options();
  }
  override unused(): void {
    this.original.unused();
  }
  override reconfigure(options: readonly string[]): void {
    this.original.reconfigure(options);
  }
  override freeBytes(): number | undefined {
    return this.original.freeBytes();
  }
  override watch(inode: Inode, notify: () => void): () => void {
    return this.original.watch(originalOf(inode), notify);
  }
}

class MappedInode extends Inode {
  readonly original: Inode;
  readonly #view: MappedView;

  constructor(view: MappedView, original: Inode) {
    super(view, original.number, original.kind, original.device);
    this.#view = view;
    this.original = original;
  }

  get uid(): number {
    return this.#view.maps.uids.outside(this.original.uid) ?? NO_ID;
  }
  get gid(): number {
    return this.#view.maps.gids.outside(this.original.gid) ?? NO_ID;
  }
  get mode(): number {
    return this.original.mode;
  }
  get mtime(): Timestamp {
    return this.original.mtime;
  }
  get ctime(): Timestamp {
    return this.original.ctime;
  }
  get links(): number {
    return this.original.links;
  }
  override get size(): number {
    return this.original.size;
  }
  override get allocatedBytes(): number {
    return this.original.allocatedBytes;
  }
  override get version(): number | undefined {
    return this.original.version;
  }
  override get isOwnPlace(): boolean {
    return this.original.isOwnPlace;
  }
  override get holdsContents(): boolean {
    return this.original.holdsContents;
  }
  override get creates(): boolean {
    return this.original.creates;
  }
  override get seekable(): boolean {
    return this.original.seekable;
  }

  // -- directories ----------------------------------------------------------------------------

  override lookup(name: string): Inode | undefined {
    const found = this.original.lookup(name);
    return found && this.#view.viewOf(found);
  }
  override names(): readonly string[] {
    return this.original.names();
  }

  /** EOVERFLOW for who is nobody on the file system. */
  #kept<T extends { readonly uid?: number; readonly gid?: number }>(owner: T): T {
    const { uids, gids } = this.#view.maps;
    return {
      ...owner,
      ...(owner.uid !== undefined && { uid: uids.inside(owner.uid) ?? fail("EOVERFLOW") }),
      ...(owner.gid !== undefined && { gid: gids.inside(owner.gid) ?? fail("EOVERFLOW") }),
    };
  }

  /** EACCES where nobody can say whose it is. */
  #requireOwner(): void {
    if (isNobodys(this)) fail("EACCES");
  }

  override create(name: string, kind: InodeKind, attributes: NewInode): Inode {
    this.#requireOwner();
    return this.#view.viewOf(this.original.create(name, kind, this.#kept(attributes)));
  }
  override makeDirectory(name: string, attributes: NewInode): Inode {
    this.#requireOwner();
    return this.#view.viewOf(this.original.makeDirectory(name, this.#kept(attributes)));
  }
  override makeSymlink(name: string, text: string, attributes: NewInode): Inode {
    this.#requireOwner();
    return this.#view.viewOf(this.original.makeSymlink(name, text, this.#kept(attributes)));
  }
  override link(name: string, inode: Inode): void {
    this.#requireOwner();
    this.original.link(name, originalOf(inode));
  }
  override unlink(name: string): void {
    this.#requireOwner();
    this.original.unlink(name);
  }
  override removeDirectory(name: string): void {
    this.#requireOwner();
    this.original.removeDirectory(name);
  }
  override rename(name: string, target: Inode, newName: string): void {
    this.#requireOwner();
    this.original.rename(name, originalOf(target), newName);
  }

  // -- links and contents -----------------------------------------------------------------------

  override readLink(): string {
    return this.original.readLink();
  }
  override jump(): Path | undefined {
    return this.original.jump();
  }
  override read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    return this.original.read(offset, length);
  }
  override write(offset: number, bytes: Uint8Array): number {
    return this.original.write(offset, bytes);
  }
  override truncate(size: number): void {
    this.original.truncate(size);
  }
  override noteWrite(): void {
    this.original.noteWrite();
  }
  override sync(): void {
    this.original.sync();
  }
  override open(access: { readonly write: boolean }): void {
    this.original.open(access);
  }
  override hold(): void {
    this.original.hold();
  }
  override release(): void {
    this.original.release();
  }

  // -- attributes -------------------------------------------------------------------------------

  override prepareChange(): void {
    this.original.prepareChange();
  }
  override setAttributes(change: AttributeChange): void {
    const nobodys =
      (change.uid === undefined && this.uid === NO_ID) ||
      (change.gid === undefined && this.gid === NO_ID);
    if (nobodys) fail("EOVERFLOW");
    this.original.setAttributes(this.#kept(change));
  }
  override attribute(name: string): Uint8Array {
    return this.original.attribute(name);
  }
  override attributeNames(): readonly string[] {
    return this.original.attributeNames();
  }
  override setAttribute(name: string, value: Uint8Array): void {
    this.original.setAttribute(name, value);
  }
  override removeAttribute(name: string): void {
    this.original.removeAttribute(name);
  }
}

/** Whether a mount shows other owners. */
export const isMapped = (mount: Mount): boolean => mount.superblock instanceof MappedView;

/** can_idmap_mount of fs/namespace.c: EINVAL for a file system without, EPERM for one that has a map. */
export function requireMappable(mount: Mount): void {
  if (!WITH_OWNER_MAPS.includes(mount.superblock.type)) fail("EINVAL");
  if (isMapped(mount)) fail("EPERM");
}

/** A superblock and the place in it that show what a mount shows, by other owners. */
export function mappedView(
  { superblock, root }: Pick<Mount, "superblock" | "root">,
  maps: OwnerMaps,
): { superblock: Superblock; root: Dentry } {
  const view = new MappedView(superblock, maps);
  return { superblock: view, root: view.dentry.below(root.path()) };
}
