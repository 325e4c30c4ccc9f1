// A read-only image, mounted: its tree comes from whoever can read the image (the resolver that
// the machine was made with), and is shown as it is. Writing gives EROFS.

import { fail } from "./errno.ts";
import { open } from "./file-calls.ts";
import type { MountRequest } from "./filesystem-types.ts";
import {
  type AttributeChange,
  type DeviceNumber,
  Inode,
  type InodeKind,
  Superblock,
  type Timestamp,
} from "./inode.ts";

/** A thing in an image. Directories are read when they are first looked into. */
export interface TreeNode {
  readonly kind: InodeKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  readonly device?: DeviceNumber;
  /** Of a directory. The same node under two names is a hard link. */
  readonly entries?: () => Iterable<readonly [name: string, node: TreeNode]>;
  /** Of a symlink. */
  readonly text?: string;
  /** Of a file. */
  readonly size?: number;
  readonly read?: (offset: number, length: number) => Uint8Array<ArrayBuffer>;
  readonly attributes?: ReadonlyMap<string, Uint8Array>;
}

/** An image file and the files that it takes its data from, as they lie on the machine. */
export interface ImageFiles {
  readonly source: string;
  readonly devices: readonly string[];
  /** Reads a range of one of these files. */
  read(path: string, offset: number, length: number): Uint8Array<ArrayBuffer>;
  size(path: string): number;
}

/** The root of an image's tree; undefined if the files are no image: EINVAL. */
export type TreeResolver = (files: ImageFiles) => TreeNode | undefined;

class ImageInode extends Inode {
  mode: number;
  uid: number;
  gid: number;
  mtime: Timestamp;
  ctime: Timestamp;
  links = 1;
  readonly #image: Image;
  readonly #node: TreeNode;
  #entries: Map<string, TreeNode> | undefined;

  constructor(image: Image, node: TreeNode) {
    super(image, image.nextInode(), node.kind, node.device);
    this.#image = image;
    this.#node = node;
    this.mode = node.mode;
    this.uid = node.uid;
    this.gid = node.gid;
    this.mtime = node.mtime;
    this.ctime = node.mtime;
  }

  get #children(): Map<string, TreeNode> {
    this.#entries ??= new Map(this.#node.entries?.() ?? fail("ENOTDIR"));
    return this.#entries;
  }
  override get version(): number {
    return 0; // an image never changes
  }
  override get size(): number {
    return this.#node.size ?? this.#node.text?.length ?? 0;
  }
  override lookup(name: string): Inode | undefined {
    const node = this.#children.get(name);
    return node && this.#image.inodeOf(node);
  }
  override names(): readonly string[] {
    return [...this.#children.keys()];
  }
  override readLink(): string {
    return this.#node.text ?? fail("EINVAL");
  }
  override read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (this.kind === "directory") fail("EISDIR");
    return this.#node.read?.(offset, length) ?? new Uint8Array();
  }
  override setAttributes(_change: AttributeChange): void {
    fail("EROFS");
  }
  override attribute(name: string): Uint8Array {
    return this.#node.attributes?.get(name) ?? fail("ENODATA");
  }
  override attributeNames(): readonly string[] {
    return [...(this.#node.attributes?.keys() ?? [])];
  }
}

class Image extends Superblock {
  readonly root: ImageInode;
  readonly #inodes = new Map<TreeNode, ImageInode>();
  readonly #devices: readonly string[];

  constructor(minor: number, files: ImageFiles, root: TreeNode) {
    super("erofs", minor, files.source, true);
    this.#devices = files.devices;
    this.root = this.inodeOf(root);
  }
  override options(): readonly string[] {
    return this.#devices.map((device) => `device=${device}`);
  }
  inodeOf(node: TreeNode): ImageInode {
    const known = this.#inodes.get(node);
    if (known) return known;
    const made = new ImageInode(this, node);
    this.#inodes.set(node, made);
    return made;
  }
}

/** ENOENT for a file that is missing, EINVAL for one that is no image. */
export function makeErofs(request: MountRequest, resolve: TreeResolver): Superblock {
  const { machine, process, source, options } = request;
  if (source === "") fail("EINVAL", "create");
  const devices: string[] = [];
  for (const option of options) {
    const [key, value = ""] = option.split("=", 2);
    if (key === "device") devices.push(value);
    else if (
      !/^(cache_strategy|user_xattr|nouser_xattr|acl|noacl|fsid|domain_id|dax)$/.test(key ?? "")
    ) {
      fail("EINVAL", `fsconfig ${key}`);
    }
  }
  const opened = new Map<string, Inode>();
  for (const path of [source, ...devices]) {
    const { inode } = open(process, path, { read: true }).dentry;
    if (inode.kind !== "file") fail("ENOTBLK");
    opened.set(path, inode);
  }
  const of = (path: string): Inode => opened.get(path) ?? fail("ENOENT");
  const files: ImageFiles = {
    source,
    devices,
    read: (path, offset, length) => of(path).read(offset, length),
    size: (path) => of(path).size,
  };
  const root = resolve(files) ?? fail("EINVAL", "create");
  return new Image(machine.newMinor(), files, root);
}
