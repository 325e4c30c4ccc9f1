// Superblock and inode: a file system instance, and a thing in it. An inode's methods are the
// kernel's inode_operations; what a file system does not implement fails as the VFS would for it.
// Names, paths and permissions are not an inode's business: see dentry.ts and path-lookup.ts.

import { Dentry, DentryCache } from "./dentry.ts";
import { fail } from "./errno.ts";
import type { Mount, Path } from "./mount.ts";
import type { UserNamespace } from "./user-namespace.ts";

export type InodeKind =
  | "file"
  | "directory"
  | "symlink"
  | "character"
  | "block"
  | "fifo"
  | "socket";

export interface Timestamp {
  /** Since the epoch, may be negative. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/** What a new inode starts with; the VFS has applied umask and setgid directories. */
export interface NewInode {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly device?: DeviceNumber;
}

/** Changes by chmod, chown, utimensat; absent stays. */
export interface AttributeChange {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: Timestamp;
}

export const MODE_TYPES: Readonly<Record<InodeKind, number>> = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  character: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
  socket: 0o140000,
};

export abstract class Superblock {
  /** As in /proc/filesystems. */
  readonly type: string;
  /** Minor of its anonymous device number; the major is 0. */
  readonly minor: number;
  readonly source: string;
  /** Changed by a remount. */
  readOnly: boolean;
  /** Of who mounted it; undefined: the machine's own. */
  userNamespace: UserNamespace | undefined;
  abstract readonly root: Inode;
  /** What looking up names in it has cost. */
  readonly cache = new DentryCache();
  /** When it was mounted, which is the time of what is made up in it. */
  made: Timestamp = { seconds: 0, nanoseconds: 0 };
  /** Whether a missing name is remembered, and can be made: else looking it up is ENOENT. */
  readonly keepsMissing: boolean = true;
  /** How many file systems lie below, of which this one is made. */
  readonly stackDepth: number = 0;

  constructor(type: string, minor: number, source: string, readOnly: boolean) {
    this.type = type;
    this.minor = minor;
    this.source = source;
    this.readOnly = readOnly;
  }

  #dentry: Dentry | undefined;
  #lastInode = 0n;

  /** Inode numbers in the order of making, so that a run repeats itself. */
  nextInode(): bigint {
    return ++this.#lastInode;
  }

  /** The dentry of the root, the same for all its mounts. */
  get dentry(): Dentry {
    this.#dentry ??= new Dentry("", undefined, this.root);
    return this.#dentry;
  }

  readonly #watchers = new Map<Inode, Set<() => void>>();

  /** inotify(7) in short: calls back when an inode changes, until the returned function is called. */
  watch(inode: Inode, notify: () => void): () => void {
    const watchers = this.#watchers.get(inode) ?? new Set();
    this.#watchers.set(inode, watchers.add(notify));
    return () => {
      watchers.delete(notify);
      if (watchers.size === 0) this.#watchers.delete(inode);
    };
  }

  /** A file system says so when contents, entries or attributes of an inode changed. */
  changed(inode: Inode): void {
    for (const notify of this.#watchers.get(inode) ?? []) notify();
  }

  /** As at the end of a line of mountinfo, without `rw` or `ro`. */
  options(): readonly string[] {
    return [];
  }

  /** Mounts that show it, in any namespace. */
  readonly mounts = new Set<Mount>();
  /** The last mount is gone. */
  unused(): void {}

  /** Other options while it is mounted: `mount -o remount`. */
  reconfigure(options: readonly string[]): void {
    if (options.length > 0) fail("EINVAL", "reconfigure");
  }

  /** What of it a mount shows, as mountinfo says it to whoever reads. */
  shownPath(root: Dentry): string {
    return root.hashed ? root.path() : `${root.path()}//deleted`;
  }

  /** Bytes free for whoever writes; undefined where there is no limit. */
  freeBytes(): number | undefined {
    return undefined;
  }
}

export abstract class Inode {
  readonly superblock: Superblock;
  readonly number: bigint;
  readonly kind: InodeKind;
  abstract mode: number;
  abstract uid: number;
  abstract gid: number;
  abstract mtime: Timestamp;
  abstract ctime: Timestamp;
  /** Names in directories that lead here. */
  abstract links: number;
  readonly device: DeviceNumber | undefined;

  constructor(superblock: Superblock, number: bigint, kind: InodeKind, device?: DeviceNumber) {
    this.superblock = superblock;
    this.number = number;
    this.kind = kind;
    this.device = device;
  }

  get size(): number {
    return 0;
  }
  /** Allocated bytes: st_blocks × 512. */
  get allocatedBytes(): number {
    return 0;
  }

  /**
   * Of a directory: changes whenever one of its names does, so that names can be remembered.
   * Undefined where a file system cannot say.
   */
  get version(): number | undefined {
    return undefined;
  }

  /** Whether it is open to who asks, whatever its mode, as /proc/self/fd is to its process. */
  get isOwnPlace(): boolean {
    return false;
  }

  /** Nobody may write it, whatever its mode: EPERM. */
  immutable = false;

  /** Whether RLIMIT_FSIZE holds for what is written: not for what a kernel makes up. */
  get holdsContents(): boolean {
    return false;
  }

  /** Whether open(2) may make files here; elsewhere O_CREAT gives EACCES, not EPERM. */
  get creates(): boolean {
    return false;
  }

  /** Whether lseek(2) moves in it: not in what comes as it comes. */
  get seekable(): boolean {
    return this.kind !== "fifo" && this.kind !== "socket";
  }

  // -- directories ----------------------------------------------------------------------------

  lookup(_name: string): Inode | undefined {
    return fail("ENOTDIR");
  }
  names(): readonly string[] {
    return fail("ENOTDIR");
  }
  create(_name: string, _kind: InodeKind, _attributes: NewInode): Inode {
    return fail("EPERM");
  }
  makeDirectory(_name: string, _attributes: NewInode): Inode {
    return fail("EPERM");
  }
  makeSymlink(_name: string, _text: string, _attributes: NewInode): Inode {
    return fail("EPERM");
  }
  link(_name: string, _inode: Inode): void {
    fail("EPERM");
  }
  unlink(_name: string): void {
    fail("EPERM");
  }
  removeDirectory(_name: string): void {
    fail("EPERM");
  }
  /** Replaces what is at `newName`; the VFS has checked kinds and permissions. */
  rename(_name: string, _target: Inode, _newName: string): void {
    fail("EPERM");
  }

  // -- links ------------------------------------------------------------------------------------

  readLink(): string {
    return fail("EINVAL");
  }
  /** Where a magic link of procfs jumps to, without a walk along names. */
  jump(): Path | undefined {
    return undefined;
  }

  // -- contents ---------------------------------------------------------------------------------

  read(_offset: number, _length: number): Uint8Array<ArrayBuffer> {
    return fail("EINVAL");
  }
  /** Returns how many bytes were taken. */
  write(_offset: number, _bytes: Uint8Array): number {
    return fail("EINVAL");
  }
  truncate(_size: number): void {
    fail("EINVAL");
  }
  /** Something was written that it does not keep itself, as into a fifo. */
  noteWrite(): void {}
  /** fsync(2); what is in memory alone has nothing to write. */
  sync(): void {}
  /** Called by open(2); for files that refuse, and for overlay's copy-up. */
  open(_access: { readonly write: boolean }): void {}
  /** One more, or one less, has it open: without a name it is there as long as somebody has. */
  hold(): void {}
  release(): void {}

  // -- attributes -------------------------------------------------------------------------------

  /** Before a change, even one that comes to nothing or is refused: overlay's copy-up. */
  prepareChange(): void {}
  abstract setAttributes(change: AttributeChange): void;

  attribute(_name: string): Uint8Array {
    return fail("ENOTSUP");
  }
  attributeNames(): readonly string[] {
    return [];
  }
  setAttribute(_name: string, _value: Uint8Array): void {
    fail("ENOTSUP");
  }
  removeAttribute(_name: string): void {
    fail("ENOTSUP");
  }
}
