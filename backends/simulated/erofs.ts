// A read-only image, mounted: its tree is read from the bytes of the image, and the contents of
// its files from those of the devices, when somebody asks for them. Writing gives EROFS.

import { ErofsDirectory } from "./erofs-directory.ts";
import { ErofsImage, type ImageFile } from "./erofs-image.ts";
import { type ErofsInode, readAttributes, readData, readInode, textOf } from "./erofs-inode.ts";
import { fail } from "./errno.ts";
import { open } from "./file-calls.ts";
import type { MountRequest } from "./filesystem-types.ts";
import { type AttributeChange, Inode, Superblock, type Timestamp } from "./inode.ts";

const BLOCK_BYTES = 512;

class ImageInode extends Inode {
  mode: number;
  uid: number;
  gid: number;
  mtime: Timestamp;
  ctime: Timestamp;
  links: number;
  readonly #mounted: MountedImage;
  readonly #inode: ErofsInode;
  #directory: ErofsDirectory | undefined;
  #attributes: ReadonlyMap<string, Uint8Array> | undefined;

  constructor(mounted: MountedImage, inode: ErofsInode) {
    super(mounted, BigInt(inode.number), inode.kind, inode.device);
    this.#mounted = mounted;
    this.#inode = inode;
    this.mode = inode.mode;
    this.uid = inode.uid;
    this.gid = inode.gid;
    this.mtime = inode.mtime;
    this.ctime = inode.mtime;
    this.links = inode.links;
  }

  get #entries(): ErofsDirectory {
    if (this.kind !== "directory") fail("ENOTDIR");
    this.#directory ??= new ErofsDirectory(this.#mounted.image, this.#inode);
    return this.#directory;
  }
  get #all(): ReadonlyMap<string, Uint8Array> {
    this.#attributes ??= readAttributes(this.#mounted.image, this.#inode);
    return this.#attributes;
  }
  override get version(): number {
    return 0; // an image never changes
  }
  override get size(): number {
    return this.#inode.size;
  }
  override get allocatedBytes(): number {
    return Math.ceil(this.#inode.size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  override lookup(name: string): Inode | undefined {
    const number = this.#entries.find(name);
    return number === undefined ? undefined : this.#mounted.inodeAt(number);
  }
  override names(): readonly string[] {
    return [...this.#entries.entries()].map(([name]) => name);
  }
  override readLink(): string {
    if (this.kind !== "symlink") fail("EINVAL");
    return textOf(readData(this.#mounted.image, this.#inode, 0, this.#inode.size));
  }
  override read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (this.kind === "directory") fail("EISDIR");
    return readData(this.#mounted.image, this.#inode, offset, length);
  }
  override setAttributes(_change: AttributeChange): void {
    fail("EROFS");
  }
  override attribute(name: string): Uint8Array {
    return this.#all.get(name) ?? fail("ENODATA");
  }
  override attributeNames(): readonly string[] {
    return [...this.#all.keys()];
  }
}

class MountedImage extends Superblock {
  readonly image: ErofsImage;
  readonly root: ImageInode;
  readonly #inodes = new Map<number, ImageInode>();
  readonly #devices: readonly string[];

  /** EINVAL for an image whose root is no directory. */
  constructor(minor: number, source: string, devices: readonly string[], image: ErofsImage) {
    super("erofs", minor, source, true);
    this.image = image;
    this.#devices = devices;
    this.root = this.inodeAt(image.rootNumber);
    if (this.root.kind !== "directory") fail("EINVAL");
  }
  override options(): readonly string[] {
    return this.#devices.map((device) => `device=${device}`);
  }
  /** The same one for all names of a file. */
  inodeAt(number: number): ImageInode {
    const known = this.#inodes.get(number);
    if (known) return known;
    const made = new ImageInode(this, readInode(this.image, number));
    this.#inodes.set(number, made);
    return made;
  }
}

const FLAGS = /^(cache_strategy|user_xattr|nouser_xattr|acl|noacl|fsid|domain_id|dax|directio)$/;

/**
 * ENOENT for a file that is missing, ENOTBLK for a source and EINVAL for a device that are none,
 * and what ErofsImage refuses.
 */
export function makeErofs(request: MountRequest): Superblock {
  const { machine, process, source, options } = request;
  if (source === "") fail("EINVAL", "create");
  const devices: string[] = [];
  for (const option of options) {
    const [key = "", ...value] = option.split("=");
    if (key === "device") devices.push(value.join("="));
    else if (!FLAGS.test(key)) fail("EINVAL", `fsconfig ${key}`);
  }
  const file = (path: string, otherwise: "ENOTBLK" | "EINVAL"): ImageFile => {
    const { inode } = open(process, path, { read: true }).dentry;
    return inode.kind === "file" ? inode : fail(otherwise);
  };
  const opened = devices.map((path) => () => file(path, "EINVAL"));
  const image = new ErofsImage(file(source, "ENOTBLK"), opened);
  return new MountedImage(machine.newMinor(), source, devices, image);
}
