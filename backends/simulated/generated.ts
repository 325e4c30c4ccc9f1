// Inodes whose contents are made when they are read, as procfs, sysfs and cgroupfs have them:
// kernfs in short. Nothing can be made or removed in them but where a file system says how.

import { fail } from "./errno.ts";
import {
  type AttributeChange,
  Inode,
  type InodeKind,
  type Superblock,
  type Timestamp,
} from "./inode.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What all of them have: attributes that stay where they are. */
export abstract class GeneratedInode extends Inode {
  mode: number;
  /** Of a process's files: whoever the process is. */
  owner: { readonly uid: number; readonly gid: number } | undefined;
  #uid = 0;
  #gid = 0;
  mtime: Timestamp;
  ctime: Timestamp;
  links: number;

  constructor(
    superblock: Superblock,
    kind: InodeKind,
    mode: number,
    number = superblock.nextInode(),
  ) {
    super(superblock, number, kind);
    this.mode = mode;
    this.mtime = superblock.made;
    this.ctime = superblock.made;
    this.links = kind === "directory" ? 2 : 1;
  }

  get uid(): number {
    return this.owner?.uid ?? this.#uid;
  }
  set uid(uid: number) {
    this.#uid = uid;
  }
  get gid(): number {
    return this.owner?.gid ?? this.#gid;
  }
  set gid(gid: number) {
    this.#gid = gid;
  }

  override setAttributes(change: AttributeChange): void {
    if (this.owner && change.mode !== undefined) fail("EPERM");
    this.mode = change.mode ?? this.mode;
    this.uid = change.uid ?? this.uid;
    this.gid = change.gid ?? this.gid;
    this.mtime = change.mtime ?? this.mtime;
  }
}

export interface FileSource {
  readonly read?: () => string;
  /** Refuses to be opened for writing. */
  readonly openForWriting?: () => void;
  /** One write(2), whole. */
  readonly write?: (text: string) => void;
}

export class GeneratedFile extends GeneratedInode {
  readonly #source: FileSource;

  constructor(superblock: Superblock, mode: number, source: FileSource) {
    super(superblock, "file", mode);
    this.#source = source;
  }

  override read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const read = this.#source.read ?? fail("EINVAL");
    return encoder.encode(read()).slice(offset, offset + length);
  }
  override write(_offset: number, bytes: Uint8Array): number {
    const write = this.#source.write ?? fail("EINVAL");
    write(decoder.decode(bytes));
    return bytes.length;
  }
  override truncate(): void {}
  override open(access: { readonly write: boolean }): void {
    if (access.write) this.#source.openForWriting?.();
  }
}

export class GeneratedLink extends GeneratedInode {
  readonly #text: () => string;

  constructor(superblock: Superblock, text: () => string) {
    super(superblock, "symlink", 0o777);
    this.#text = text;
  }
  override readLink(): string {
    return this.#text();
  }
}

/** A directory whose tree is made when it is first looked into, which for most never happens. */
export class LateDirectory extends GeneratedInode {
  readonly #make: () => Inode;
  #made: Inode | undefined;

  constructor(superblock: Superblock, make: () => Inode) {
    super(superblock, "directory", 0o555);
    this.#make = make;
  }
  get #tree(): Inode {
    this.#made ??= this.#make();
    return this.#made;
  }
  override lookup(name: string): Inode | undefined {
    return this.#tree.lookup(name);
  }
  override names(): readonly string[] {
    return this.#tree.names();
  }
}

/** Entries that are always the same. */
export class FixedDirectory extends GeneratedInode {
  readonly entries: Map<string, Inode>;

  constructor(superblock: Superblock, mode = 0o555, entries: Iterable<[string, Inode]> = []) {
    super(superblock, "directory", mode);
    this.entries = new Map(entries);
  }
  override lookup(name: string): Inode | undefined {
    return this.entries.get(name);
  }
  override names(): readonly string[] {
    return [...this.entries.keys()];
  }

  /** The directory at a path below this one, made where it is missing. */
  directory(path: string): FixedDirectory {
    const [first, ...rest] = path.split("/").filter((name) => name !== "");
    if (first === undefined) return this;
    let next = this.entries.get(first);
    if (!(next instanceof FixedDirectory)) {
      next = new FixedDirectory(this.superblock);
      this.entries.set(first, next);
    }
    return (next as FixedDirectory).directory(rest.join("/"));
  }
}
