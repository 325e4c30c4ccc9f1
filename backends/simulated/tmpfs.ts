// A file system in memory. It is tmpfs, and it stands in wherever a container only needs a tree
// that holds what is written: the machine's disk, devtmpfs, devpts, mqueue.
// Source: Linux, Documentation/filesystems/tmpfs.rst and mm/shmem.c.

import { fail } from "./errno.ts";
import { FileContent } from "./file-content.ts";
import type { FilePages } from "./file-pages.ts";
import {
  type AttributeChange,
  Inode,
  type InodeKind,
  type NewInode,
  Superblock,
  type Timestamp,
} from "./inode.ts";

const PAGE_BYTES = 4096;
const encoder = new TextEncoder();
const XATTR_NAMESPACES = /^(user|trusted|security)\../;

export interface TmpfsLimits {
  /** Undefined: no limit. */
  readonly sizeBytes?: number | undefined;
  readonly inodes?: number | undefined;
}

export class Tmpfs extends Superblock {
  readonly root: MemoryInode;
  readonly now: () => Timestamp;
  /** Of the machine: what `size=50%` counts from. */
  memoryBytes = 0;
  /** Whom its pages are charged to; absent, nobody. */
  pages: FilePages | undefined;
  usedBytes = 0;
  usedInodes = 0;
  #limits: TmpfsLimits;
  readonly #shown: readonly string[];

  constructor(
    identity: { type: string; minor: number; source: string; readOnly: boolean },
    now: () => Timestamp,
    root: NewInode,
    limits: TmpfsLimits = {},
    shown: readonly string[] = [],
  ) {
    super(identity.type, identity.minor, identity.source, identity.readOnly);
    this.now = now;
    this.#limits = limits;
    this.#shown = shown;
    this.root = this.inode("directory", root);
  }

  override options(): readonly string[] {
    return this.#shown;
  }

  /** shmem_reconfigure: never less than is in use, nor a limit where there was none. */
  override reconfigure(options: readonly string[]): void {
    const given = options.filter((option) => /^(size|nr_blocks|nr_inodes)=/.test(option));
    const { limits } = tmpfsOptions(options, this.memoryBytes);
    const changed = { ...this.#limits };
    if (given.some((option) => !option.startsWith("nr_inodes"))) {
      changed.sizeBytes = this.#less(this.#limits.sizeBytes, limits.sizeBytes, this.usedBytes);
    }
    if (given.some((option) => option.startsWith("nr_inodes"))) {
      changed.inodes = this.#less(this.#limits.inodes, limits.inodes, this.usedInodes);
    }
    this.#limits = changed;
  }

  #less(before: number | undefined, after: number | undefined, used: number): number | undefined {
    if (after !== undefined && (before === undefined || after < used)) fail("EINVAL");
    return after;
  }

  override freeBytes(): number | undefined {
    const { sizeBytes } = this.#limits;
    return sizeBytes === undefined ? undefined : Math.max(0, sizeBytes - this.usedBytes);
  }

  inode(kind: InodeKind, attributes: NewInode): MemoryInode {
    const { inodes } = this.#limits;
    if (inodes !== undefined && this.usedInodes >= inodes) fail("ENOSPC");
    this.usedInodes++;
    return this.make(kind, attributes);
  }

  protected make(kind: InodeKind, attributes: NewInode): MemoryInode {
    return new MemoryInode(this, this.nextInode(), kind, attributes);
  }

  /** Books `bytes` more, or fewer. */
  charge(bytes: number): void {
    const { sizeBytes } = this.#limits;
    if (bytes > 0 && sizeBytes !== undefined && this.usedBytes + bytes > sizeBytes) fail("ENOSPC");
    this.pages?.change(bytes);
    this.usedBytes += bytes;
  }

  override unused(): void {
    this.pages?.clear();
  }
}

/** Shared by all that have none, which are most: a map for each would be most of a machine. */
const NO_ENTRIES = new Map<string, MemoryInode>();
const NO_ATTRIBUTES = new Map<string, Uint8Array>();

export class MemoryInode extends Inode {
  mode: number;
  uid: number;
  gid: number;
  mtime: Timestamp;
  ctime: Timestamp;
  links: number;
  readonly #filesystem: Tmpfs;
  readonly #entries: Map<string, MemoryInode>;
  #version = 0;
  #content = new FileContent();
  #attributes = NO_ATTRIBUTES;
  #text = "";
  #holders = 0;

  constructor(superblock: Tmpfs, number: bigint, kind: InodeKind, attributes: NewInode) {
    super(superblock, number, kind, attributes.device);
    this.#filesystem = superblock;
    this.#entries = kind === "directory" ? new Map() : NO_ENTRIES;
    this.mode = attributes.mode;
    this.uid = attributes.uid;
    this.gid = attributes.gid;
    this.mtime = superblock.now();
    this.ctime = this.mtime;
    this.links = kind === "directory" ? 2 : 1;
  }

  override get creates(): boolean {
    return true;
  }
  override get holdsContents(): boolean {
    return this.kind === "file";
  }
  override get size(): number {
    if (this.kind === "symlink") return encoder.encode(this.#text).length;
    return this.kind === "directory" ? this.#entries.size * 20 : this.#content.size;
  }
  override get allocatedBytes(): number {
    return this.#content.allocatedBytes;
  }

  #changed(): void {
    this.ctime = this.#filesystem.now();
    this.#filesystem.changed(this);
  }
  #modified(): void {
    this.mtime = this.#filesystem.now();
    this.ctime = this.mtime;
    this.#filesystem.changed(this);
  }

  override get version(): number {
    return this.#version;
  }
  override lookup(name: string): MemoryInode | undefined {
    return this.kind === "directory" ? this.#entries.get(name) : fail("ENOTDIR");
  }
  override names(): readonly string[] {
    return this.kind === "directory" ? [...this.#entries.keys()] : fail("ENOTDIR");
  }

  #add(name: string, inode: MemoryInode): MemoryInode {
    this.#entries.set(name, inode);
    this.#version++;
    if (inode.kind === "directory") this.links++;
    this.#modified();
    return inode;
  }

  /** Called while a name goes away. */
  #drop(name: string): void {
    const inode = this.#entries.get(name);
    if (!inode) return;
    this.#entries.delete(name);
    this.#version++;
    this.#modified();
    inode.#changed();
    inode.links -= inode.kind === "directory" ? 2 : 1;
    if (inode.kind === "directory") this.links--;
    inode.#freeIfUnused();
  }

  /** What a file holds is free when it has no name left, and nobody has it open. */
  #freeIfUnused(): void {
    if (this.links > 0 || this.#holders > 0) return;
    this.#filesystem.usedInodes--;
    this.#filesystem.charge(-this.allocatedBytes);
  }

  override hold(): void {
    this.#holders++;
  }

  override release(): void {
    this.#holders--;
    this.#freeIfUnused();
  }

  override create(name: string, kind: InodeKind, attributes: NewInode): MemoryInode {
    return this.#add(name, this.#filesystem.inode(kind, attributes));
  }
  override makeDirectory(name: string, attributes: NewInode): MemoryInode {
    return this.#add(name, this.#filesystem.inode("directory", attributes));
  }
  override makeSymlink(name: string, text: string, attributes: NewInode): MemoryInode {
    if (encoder.encode(text).length >= PAGE_BYTES) fail("ENAMETOOLONG");
    const inode = this.#filesystem.inode("symlink", attributes);
    inode.#text = text;
    return this.#add(name, inode);
  }
  override link(name: string, inode: Inode): void {
    if (!(inode instanceof MemoryInode) || inode.superblock !== this.superblock) {
      fail("EXDEV");
    }
    inode.links++;
    inode.#changed();
    this.#add(name, inode);
  }
  override unlink(name: string): void {
    this.#drop(name);
  }
  override removeDirectory(name: string): void {
    const inode = this.#entries.get(name);
    if (inode && inode.#entries.size > 0) fail("ENOTEMPTY");
    this.#drop(name);
  }
  override rename(name: string, target: Inode, newName: string): void {
    const moved = this.#entries.get(name);
    if (!moved || !(target instanceof MemoryInode)) fail("EXDEV");
    const replaced = target.#entries.get(newName);
    if (replaced && replaced.#entries.size > 0) fail("ENOTEMPTY");
    target.#drop(newName);
    this.#entries.delete(name);
    this.#version++;
    this.#modified();
    if (moved.kind === "directory") this.links--;
    target.#add(newName, moved);
    moved.#changed();
  }

  override readLink(): string {
    return this.kind === "symlink" ? this.#text : fail("EINVAL");
  }

  override read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (this.kind === "directory") fail("EISDIR");
    return this.#content.read(offset, length);
  }
  override write(offset: number, bytes: Uint8Array): number {
    if (bytes.length === 0) return 0; // not even its time changes
    this.#filesystem.charge(this.#content.growth(offset, bytes.length));
    this.#content.write(offset, bytes);
    this.#modified();
    return bytes.length;
  }
  override noteWrite(): void {
    this.#modified();
  }
  override truncate(size: number): void {
    const before = this.allocatedBytes;
    this.#content.truncate(size);
    this.#filesystem.charge(this.allocatedBytes - before);
    this.#modified();
  }

  /** The bytes as they are now, whatever is written later. */
  snapshot(): FileContent {
    return this.#content.clone();
  }
  /** Other bytes, as from a disk that this was read from. */
  adopt(content: FileContent): void {
    const before = this.allocatedBytes;
    this.#content = content;
    this.#filesystem.charge(this.allocatedBytes - before);
    this.#modified();
  }

  override setAttributes(change: AttributeChange): void {
    this.mode = change.mode ?? this.mode;
    this.uid = change.uid ?? this.uid;
    this.gid = change.gid ?? this.gid;
    this.mtime = change.mtime ?? this.mtime;
    this.#changed();
  }

  override attribute(name: string): Uint8Array {
    return this.#attributes.get(name) ?? fail(XATTR_NAMESPACES.test(name) ? "ENODATA" : "ENOTSUP");
  }
  override attributeNames(): readonly string[] {
    return [...this.#attributes.keys()];
  }
  override setAttribute(name: string, value: Uint8Array): void {
    if (!XATTR_NAMESPACES.test(name)) fail("ENOTSUP");
    if (name.startsWith("user.") && this.kind !== "file" && this.kind !== "directory") {
      fail("EPERM");
    }
    if (this.#attributes === NO_ATTRIBUTES) this.#attributes = new Map();
    this.#attributes.set(name, value.slice());
    this.#changed();
  }
  override removeAttribute(name: string): void {
    if (!XATTR_NAMESPACES.test(name)) fail("ENOTSUP");
    if (!this.#attributes.delete(name)) fail("ENODATA");
    this.#changed();
  }
}

const SUFFIXES: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** memparse of lib/cmdline.c, and `%` of the machine's memory. EINVAL otherwise. */
export function parseSize(text: string, memoryBytes: number): number {
  const parts = /^(\d+)([kmg%]?)$/i.exec(text);
  if (!parts) return fail("EINVAL");
  const [, digits, suffix = ""] = parts;
  if (suffix === "%") return Math.floor((Number(digits) * memoryBytes) / 100);
  return Number(digits) * SUFFIXES[suffix.toLowerCase()]!;
}

/** The options of tmpfs that change what it is; EINVAL for those that it does not know. */
export function tmpfsOptions(
  options: readonly string[],
  memoryBytes: number,
): { root: Pick<NewInode, "mode"> & Partial<NewInode>; limits: TmpfsLimits } {
  const values = new Map<string, string>();
  const limits: { sizeBytes?: number; inodes?: number } = { sizeBytes: memoryBytes / 2 };
  const known = /^(size|nr_blocks|nr_inodes|mode|uid|gid|huge|mpol|inode32|inode64|noswap)$/;
  for (const option of options) {
    const [key = "", value = ""] = option.split("=", 2);
    if (!known.test(key)) fail("EINVAL", `fsconfig ${key}`);
    values.set(key, value);
  }
  const whole = <T>(key: string, pattern: RegExp, radix: number, otherwise: T): number | T => {
    const text = values.get(key);
    if (text === undefined) return otherwise;
    return pattern.test(text) ? Number.parseInt(text, radix) : fail("EINVAL", `fsconfig ${key}`);
  };
  const size = values.get("size");
  const blocks = values.get("nr_blocks");
  const inodes = values.get("nr_inodes");
  if (blocks !== undefined) limits.sizeBytes = parseSize(blocks, memoryBytes) * PAGE_BYTES;
  if (size !== undefined) limits.sizeBytes = parseSize(size, memoryBytes);
  if (inodes !== undefined) limits.inodes = parseSize(inodes, memoryBytes);
  if (limits.sizeBytes === 0) delete limits.sizeBytes;
  if (limits.inodes === 0) delete limits.inodes;
  const mode = whole("mode", /^[0-7]+$/, 8, 0o1777) & 0o7777;
  const uid = whole("uid", /^\d+$/, 10, undefined);
  const gid = whole("gid", /^\d+$/, 10, undefined);
  const owner = { ...(uid !== undefined && { uid }), ...(gid !== undefined && { gid }) };
  return { root: { mode, ...owner }, limits };
}
