// A disk with a journal, as ext4 has it in its default mode (data=ordered, delayed allocation):
// what a machine finds on it after the power was lost.
//
//   names, modes, links   are journaled in the order in which they were made. A loss keeps a
//                         beginning of that order: at least up to the last commit, which every
//                         fsync(2) makes, and everything that is older than five seconds.
//   bytes of files        are in no order. What was not synced is there, or not, block by block;
//                         a name may be durable whose bytes are not: an empty or torn file.
//   rename over a name    writes the new file's bytes first (auto_da_alloc), so that either the
//                         old content or the new is there.
//   the order of two      files' bytes, or of a file and the database, is not kept at all.
//
// Source: Linux, Documentation/filesystems/ext4/journal.rst; mount options `commit=` and
// `auto_da_alloc` of Documentation/admin-guide/ext4.rst; dirty_expire_centisecs of sysctl/vm.rst.

import { FileContent } from "./file-content.ts";
import type { AttributeChange, Inode, InodeKind, NewInode, Timestamp } from "./inode.ts";
import { MemoryInode, Tmpfs, type TmpfsLimits } from "./tmpfs.ts";

const ROOT: NewInode = { mode: 0o755, uid: 0, gid: 0 };
const BLOCK_BYTES = 4096;
/** commit=5 */
const COMMIT_SECONDS = 5;
/** dirty_expire_centisecs=3000, looked at every five seconds. */
const WRITEBACK_SECONDS = 35;

/** An inode as it lies on the disk. */
interface Stored {
  readonly kind: InodeKind;
  readonly attributes: NewInode;
  mode: number;
  uid: number;
  gid: number;
  mtime: Timestamp;
  readonly text: string;
  readonly entries: Map<string, bigint>;
  readonly xattrs: Map<string, Uint8Array>;
  content: FileContent;
}

/** Everything that is durable, by inode number. */
export interface DiskImage {
  readonly root: bigint;
  readonly inodes: ReadonlyMap<bigint, Stored>;
}

type Inodes = Map<bigint, Stored>;
interface JournalRecord {
  readonly seconds: number;
  readonly apply: (inodes: Inodes) => void;
}

const copyOf = (stored: Stored): Stored => ({
  ...stored,
  entries: new Map(stored.entries),
  xattrs: new Map(stored.xattrs),
  content: stored.content.clone(),
});

export class Disk extends Tmpfs {
  #durable: Inodes = new Map();
  #journal: JournalRecord[] = [];
  /** Inodes whose bytes were not all written, since when. */
  readonly #dirty = new Map<DiskInode, number>();

  constructor(minor: number, now: () => Timestamp, limits: TmpfsLimits = {}) {
    const identity = { type: "ext4", minor, source: "/dev/vda", readOnly: false };
    super(identity, now, ROOT, limits);
    this.logInode(this.root as DiskInode, ROOT);
    this.sync();
  }

  protected override make(kind: InodeKind, attributes: NewInode): MemoryInode {
    return new DiskInode(this, this.nextInode(), kind, attributes);
  }

  /** The disk as it lies there, in a machine. */
  static from(
    image: DiskImage,
    minor: number,
    now: () => Timestamp,
    limits: TmpfsLimits = {},
  ): Disk {
    const disk = new Disk(minor, now, limits);
    const made = new Map<bigint, MemoryInode>([[image.root, disk.root]]);
    disk.#restore(image, image.root, disk.root, made);
    disk.sync();
    return disk;
  }

  #restore(
    { root, inodes }: DiskImage,
    number: bigint,
    to: MemoryInode,
    made: Map<bigint, MemoryInode>,
  ): void {
    const stored = inodes.get(number);
    if (!stored) return;
    for (const [name, child] of stored.entries) {
      const known = made.get(child);
      if (known) {
        to.link(name, known);
        continue;
      }
      const found = inodes.get(child);
      if (!found) continue;
      const inode = this.#place(to, name, found);
      made.set(child, inode);
      if (found.kind === "directory") this.#restore({ root, inodes }, child, inode, made);
    }
    const { mode, uid, gid, mtime } = stored;
    to.setAttributes({ mode, uid, gid, mtime });
    for (const [name, value] of stored.xattrs) to.setAttribute(name, value);
  }

  #place(to: MemoryInode, name: string, stored: Stored): MemoryInode {
    const { kind, attributes, content, text, mode, uid, gid, mtime } = stored;
    if (kind === "directory") return to.makeDirectory(name, attributes);
    if (kind === "symlink") return to.makeSymlink(name, text, attributes);
    const inode = to.create(name, kind, attributes);
    if (content.size > 0) {
      inode.adopt(content.clone());
      this.soil(inode as DiskInode);
    }
    inode.setAttributes({ mode, uid, gid, mtime });
    for (const [key, value] of stored.xattrs) inode.setAttribute(key, value);
    return inode;
  }

  // -- the journal ------------------------------------------------------------------------------

  #log(apply: (inodes: Inodes) => void): void {
    this.#journal.push({ seconds: this.now().seconds, apply });
  }

  logInode(inode: DiskInode, attributes: NewInode, text = ""): void {
    const { kind, number, mode, uid, gid, mtime } = inode;
    this.#log((inodes) =>
      inodes.set(number, {
        ...{ kind, attributes, mode, uid, gid, mtime, text },
        entries: new Map(),
        xattrs: new Map(),
        content: new FileContent(),
      }),
    );
  }

  logEntry(directory: Inode, name: string, child: Inode | undefined): void {
    const { number } = directory;
    const target = child?.number;
    this.#log((inodes) => {
      if (target === undefined) inodes.get(number)?.entries.delete(name);
      else inodes.get(number)?.entries.set(name, target);
    });
  }

  /** rename(2) is one record: both names change, or neither. */
  logRename(from: Inode, name: string, to: Inode, newName: string, moved: Inode): void {
    const [source, target, child] = [from.number, to.number, moved.number];
    this.#log((inodes) => {
      inodes.get(source)?.entries.delete(name);
      inodes.get(target)?.entries.set(newName, child);
    });
  }

  logAttributes(inode: Inode): void {
    const { number, mode, uid, gid, mtime } = inode;
    this.#log((inodes) => {
      const stored = inodes.get(number);
      if (stored) Object.assign(stored, { mode, uid, gid, mtime });
    });
  }

  logXattr(inode: Inode, name: string, value: Uint8Array | undefined): void {
    const { number } = inode;
    this.#log((inodes) => {
      if (value === undefined) inodes.get(number)?.xattrs.delete(name);
      else inodes.get(number)?.xattrs.set(name, value);
    });
  }

  /** A file's bytes as they are now, in the order of the journal. */
  flush(inode: DiskInode): void {
    if (!this.#dirty.delete(inode)) return;
    const content = inode.snapshot();
    this.#log((inodes) => {
      const stored = inodes.get(inode.number);
      if (stored) stored.content = content;
    });
  }

  soil(inode: DiskInode): void {
    if (!this.#dirty.has(inode)) this.#dirty.set(inode, this.now().seconds);
  }

  /** fsync(2): the file's bytes, and all names that were made until now. */
  syncInode(inode: DiskInode): void {
    this.flush(inode);
    this.#commit(this.#journal.length);
  }

  /** sync(2) */
  sync(): void {
    for (const inode of [...this.#dirty.keys()]) this.flush(inode);
    this.#commit(this.#journal.length);
  }

  #commit(count: number): void {
    for (const { apply } of this.#journal.splice(0, count)) apply(this.#durable);
  }

  // -- power ------------------------------------------------------------------------------------

  /** Everything, as after sync(2) and a clean shutdown. */
  image(): DiskImage {
    this.sync();
    return this.#imageOf(this.#durable);
  }

  /**
   * What is left after the power was lost now. `chance` gives fractions in 0…1 that decide about
   * what was neither synced nor written back in time.
   */
  powerLoss(chance: () => number): DiskImage {
    const nowSeconds = this.now().seconds;
    const settled = this.#journal.filter((r) => r.seconds <= nowSeconds - COMMIT_SECONDS).length;
    const open = this.#journal.length - settled;
    const inodes = this.#imageOf(this.#durable).inodes as Inodes;
    const kept = settled + Math.floor(chance() * (open + 1));
    for (const { apply } of this.#journal.slice(0, kept)) apply(inodes);
    for (const [inode, since] of this.#dirty) {
      const stored = inodes.get(inode.number);
      if (!stored) continue;
      const written = since <= nowSeconds - WRITEBACK_SECONDS;
      stored.content = written ? inode.snapshot() : torn(stored.content, inode.snapshot(), chance);
    }
    return { root: this.root.number, inodes };
  }

  #imageOf(inodes: Inodes): DiskImage {
    return {
      root: this.root.number,
      inodes: new Map([...inodes].map(([number, stored]) => [number, copyOf(stored)])),
    };
  }
}

/** Bytes of which some blocks were written: none, all, a beginning, or here and there. */
function torn(durable: FileContent, latest: FileContent, chance: () => number): FileContent {
  const how = Math.floor(chance() * 4);
  if (how === 0) return durable.clone();
  if (how === 1) return latest;
  const result = durable.clone();
  const blocks = Math.ceil(latest.size / BLOCK_BYTES);
  const until = how === 2 ? Math.floor(chance() * (blocks + 1)) : blocks;
  for (let block = 0; block < until; block++) {
    if (how === 3 && chance() < 0.5) continue;
    result.write(block * BLOCK_BYTES, latest.read(block * BLOCK_BYTES, BLOCK_BYTES));
  }
  // The size is journaled: it may be there when the blocks are not.
  if (how === 3) result.truncate(latest.size);
  return result;
}

/** What changes it is told to the journal. */
export class DiskInode extends MemoryInode {
  readonly #disk: Disk;

  constructor(disk: Disk, number: bigint, kind: InodeKind, attributes: NewInode) {
    super(disk, number, kind, attributes);
    this.#disk = disk;
  }

  #made(name: string, inode: MemoryInode, attributes: NewInode, text?: string): MemoryInode {
    this.#disk.logInode(inode as DiskInode, attributes, text);
    this.#disk.logEntry(this, name, inode);
    return inode;
  }

  override create(name: string, kind: InodeKind, attributes: NewInode): MemoryInode {
    return this.#made(name, super.create(name, kind, attributes), attributes);
  }
  override makeDirectory(name: string, attributes: NewInode): MemoryInode {
    return this.#made(name, super.makeDirectory(name, attributes), attributes);
  }
  override makeSymlink(name: string, text: string, attributes: NewInode): MemoryInode {
    return this.#made(name, super.makeSymlink(name, text, attributes), attributes, text);
  }
  override link(name: string, inode: Inode): void {
    super.link(name, inode);
    this.#disk.logEntry(this, name, inode);
  }
  override unlink(name: string): void {
    super.unlink(name);
    this.#disk.logEntry(this, name, undefined);
  }
  override removeDirectory(name: string): void {
    super.removeDirectory(name);
    this.#disk.logEntry(this, name, undefined);
  }
  override rename(name: string, target: Inode, newName: string): void {
    const moved = this.lookup(name);
    const replaces = target.lookup(newName) !== undefined;
    super.rename(name, target, newName);
    if (replaces && moved instanceof DiskInode) this.#disk.flush(moved);
    if (moved) this.#disk.logRename(this, name, target, newName, moved);
  }

  override write(offset: number, bytes: Uint8Array): number {
    const written = super.write(offset, bytes);
    if (this.kind === "file") this.#disk.soil(this);
    return written;
  }
  override truncate(size: number): void {
    super.truncate(size);
    this.#disk.soil(this);
  }
  override sync(): void {
    this.#disk.syncInode(this);
  }

  override setAttributes(change: AttributeChange): void {
    super.setAttributes(change);
    this.#disk.logAttributes(this);
  }
  override setAttribute(name: string, value: Uint8Array): void {
    super.setAttribute(name, value);
    this.#disk.logXattr(this, name, value.slice());
  }
  override removeAttribute(name: string): void {
    super.removeAttribute(name);
    this.#disk.logXattr(this, name, undefined);
  }
}
