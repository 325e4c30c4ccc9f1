// overlay: one writable upper directory over read-only lowers. A name is looked up from the top;
// directories of the same name merge; what is changed is first copied up; what is removed leaves
// a whiteout, a character device 0:0; a directory that hides the lowers' is opaque.
// Source: Linux, Documentation/filesystems/overlayfs.rst.

import { isNobodys } from "./credentials.ts";
import { fail } from "./errno.ts";
import {
  type AttributeChange,
  Inode,
  type InodeKind,
  type NewInode,
  Superblock,
  type Timestamp,
} from "./inode.ts";
import { originalOf } from "./mapped-view.ts";
import type { Path } from "./mount.ts";

/** Where it keeps its marks: attributes that only root may set, or any user (`userxattr`). */
const TRUSTED_MARKS = "trusted.overlay.";
const USER_MARKS = "user.overlay.";
const YES = new TextEncoder().encode("y");
const COPY_BYTES = 1 << 20;

const isWhiteout = (inode: Inode): boolean =>
  inode.kind === "character" && inode.device?.major === 0 && inode.device.minor === 0;

function isOpaque(inode: Inode, { opaque }: Overlay): boolean {
  return inode.attributeNames().includes(opaque) && inode.attribute(opaque)[0] === YES[0];
}

interface Layers {
  readonly upper: Inode | undefined;
  readonly lowers: readonly Inode[];
}

export class Overlay extends Superblock {
  readonly root: OverlayInode;
  readonly upper: Path | undefined;
  /** Roots of layers and the work directory: met inside another layer, they give ELOOP. */
  readonly traps: ReadonlySet<Inode>;
  /** Who mounted it: whiteouts are made in his name. */
  readonly owner: Pick<NewInode, "uid" | "gid">;
  override readonly stackDepth: number;
  /** What its own attributes begin with, and that of an opaque directory. */
  readonly marks: string;
  readonly opaque: string;
  readonly #shown: readonly string[];
  readonly #hardLinks = new WeakMap<Inode, OverlayInode>();

  constructor(
    minor: number,
    source: string,
    readOnly: boolean,
    layers: {
      readonly upper: Path | undefined;
      readonly lowers: readonly Path[];
      readonly traps: ReadonlySet<Inode>;
      readonly owner: Pick<NewInode, "uid" | "gid">;
    },
    shown: readonly string[],
  ) {
    super("overlay", minor, source, readOnly || !layers.upper);
    this.marks = shown.includes("userxattr") ? USER_MARKS : TRUSTED_MARKS;
    this.opaque = `${this.marks}opaque`;
    this.upper = layers.upper;
    this.traps = layers.traps;
    this.owner = layers.owner;
    const below = [...layers.lowers, ...(layers.upper ? [layers.upper] : [])];
    this.stackDepth = 1 + Math.max(...below.map((path) => path.mount.superblock.stackDepth));
    this.#shown = shown;
    this.root = new OverlayInode(this, undefined, "", {
      upper: layers.upper?.dentry.inode,
      lowers: layers.lowers.map((path) => path.dentry.inode),
    });
  }

  override options(): readonly string[] {
    return this.#shown;
  }
  override freeBytes(): number | undefined {
    return this.upper?.mount.superblock.freeBytes();
  }

  /** Two names of one file in the upper directory are one file here. */
  inodeOf(parent: OverlayInode, name: string, layers: Layers): OverlayInode {
    const { upper } = layers;
    const shared = upper && upper.kind !== "directory" ? this.#hardLinks.get(upper) : undefined;
    if (shared) return shared;
    const made = new OverlayInode(this, parent, name, layers);
    if (upper) this.remember(upper, made);
    return made;
  }

  remember(upper: Inode, inode: OverlayInode): void {
    if (upper.kind !== "directory") this.#hardLinks.set(upper, inode);
  }
}

export class OverlayInode extends Inode {
  readonly #overlay: Overlay;
  #parent: OverlayInode | undefined;
  #name: string;
  #upper: Inode | undefined;
  readonly #lowers: readonly Inode[];
  #holders = 0;
  readonly #children = new Map<string, OverlayInode>();

  constructor(overlay: Overlay, parent: OverlayInode | undefined, name: string, layers: Layers) {
    const top = (layers.upper ?? layers.lowers[0]) as Inode;
    super(overlay, overlay.nextInode(), top.kind, top.device);
    this.#overlay = overlay;
    this.#parent = parent;
    this.#name = name;
    this.#upper = layers.upper;
    this.#lowers = layers.lowers;
  }

  /** What is seen: the upper one once it is there. */
  get #top(): Inode {
    return (this.#upper ?? this.#lowers[0]) as Inode;
  }

  get mode(): number {
    return this.#top.mode;
  }
  get uid(): number {
    return this.#top.uid;
  }
  get gid(): number {
    return this.#top.gid;
  }
  get mtime(): Timestamp {
    return this.#top.mtime;
  }
  get ctime(): Timestamp {
    return this.#top.ctime;
  }
  get links(): number {
    return this.#top.links;
  }
  override get size(): number {
    return this.#top.size;
  }
  override get allocatedBytes(): number {
    return this.#top.allocatedBytes;
  }
  override get creates(): boolean {
    return true;
  }
  override get holdsContents(): boolean {
    return this.kind === "file";
  }

  // -- lookup and listing -------------------------------------------------------------------------

  /** The inodes of a name, from the top down to the first that hides those below. */
  #layersOf(name: string): Layers | undefined {
    const upper = this.#upper?.lookup(name);
    if (upper && isWhiteout(upper)) return undefined;
    if (upper) this.#requireNoTrap(upper);
    const lowers: Inode[] = [];
    const hides = (inode: Inode): boolean =>
      inode.kind !== "directory" || isOpaque(inode, this.#overlay);
    if (upper && hides(upper)) return { upper, lowers };
    for (const layer of this.#lowers) {
      const found = layer.kind === "directory" ? layer.lookup(name) : undefined;
      if (!found) continue;
      const merges = found.kind === "directory" || (lowers.length === 0 && !upper);
      if (isWhiteout(found) || !merges) break;
      this.#requireNoTrap(found);
      lowers.push(found);
      if (hides(found)) break;
    }
    return upper || lowers.length > 0 ? { upper, lowers } : undefined;
  }

  override lookup(name: string): OverlayInode | undefined {
    if (this.kind !== "directory") fail("ENOTDIR");
    const layers = this.#layersOf(name);
    const known = this.#children.get(name);
    if (!layers) {
      this.#children.delete(name);
      return undefined;
    }
    if (known && (known.#upper === layers.upper || known.#lowers[0] === layers.lowers[0])) {
      return known;
    }
    const made = this.#overlay.inodeOf(this, name, layers);
    this.#children.set(name, made);
    return made;
  }

  /** Where nothing is merged the one layer's names are handed on, even those of whiteouts. */
  override names(): readonly string[] {
    if (this.kind !== "directory") fail("ENOTDIR");
    const only = this.#lowers.length + (this.#upper ? 1 : 0) === 1;
    return only ? this.#top.names() : this.#merged();
  }

  #merged(): readonly string[] {
    // The topmost layer that has a name says whether it is there.
    const seen = new Map<string, boolean>();
    for (const layer of [this.#upper, ...this.#lowers]) {
      for (const name of layer?.names() ?? []) {
        const inode = seen.has(name) ? undefined : layer?.lookup(name);
        if (inode) seen.set(name, !isWhiteout(inode));
      }
    }
    return [...seen.keys()].filter((name) => seen.get(name));
  }

  #requireNoTrap(inode: Inode): void {
    if (inode.kind === "directory" && this.#overlay.traps.has(originalOf(inode))) fail("ELOOP");
  }

  /** Whether a lower has the name, so that removing it needs a whiteout. */
  #isBelow(name: string): boolean {
    for (const layer of this.#lowers) {
      const found = layer.lookup(name);
      if (found) return !isWhiteout(found);
    }
    return false;
  }

  // -- copy-up ------------------------------------------------------------------------------------

  /** This thing in the upper directory, copied there with its parents if it was only below. */
  copyUp(withContent = true): Inode {
    if (this.#upper) return this.#upper;
    if (!this.#overlay.upper || !this.#parent) return fail("EROFS");
    const directory = this.#parent.copyUp();
    const { mtime: before } = directory;
    const lower = this.#lowers[0] as Inode;
    if (isNobodys(lower)) fail("EOVERFLOW");
    const { mode, uid, gid, mtime, device } = lower;
    const attributes = { mode, uid, gid, ...(device && { device }) };
    const upper = this.#makeUpper(directory, lower, attributes);
    for (const name of lower.attributeNames()) {
      if (!name.startsWith(this.#overlay.marks)) upper.setAttribute(name, lower.attribute(name));
    }
    if (withContent && lower.kind === "file") copyContent(lower, upper);
    upper.setAttributes({ uid, gid, mode, mtime });
    directory.setAttributes({ mtime: before });
    this.#upper = upper;
    for (let held = 0; held < this.#holders; held++) {
      lower.release();
      upper.hold();
    }
    this.#overlay.remember(upper, this);
    return upper;
  }

  #makeUpper(directory: Inode, lower: Inode, attributes: NewInode): Inode {
    if (lower.kind === "directory") return directory.makeDirectory(this.#name, attributes);
    if (lower.kind === "symlink") {
      return directory.makeSymlink(this.#name, lower.readLink(), attributes);
    }
    return directory.create(this.#name, lower.kind, attributes);
  }

  // -- changes of a directory ---------------------------------------------------------------------

  /** Makes a name in the upper directory, where a whiteout of it may stand. */
  #make(name: string, make: (upper: Inode) => Inode): OverlayInode {
    const directory = this.copyUp();
    const covered = directory.lookup(name);
    if (covered) directory.unlink(name);
    const upper = make(directory);
    if (upper.kind === "directory" && (covered || this.#isBelow(name))) {
      upper.setAttribute(this.#overlay.opaque, YES);
    }
    this.#children.delete(name);
    return this.lookup(name) as OverlayInode;
  }

  override create(name: string, kind: InodeKind, attributes: NewInode): Inode {
    const { device } = attributes;
    if (kind === "character" && device?.major === 0 && device.minor === 0) fail("EPERM");
    return this.#make(name, (upper) => upper.create(name, kind, attributes));
  }
  override makeDirectory(name: string, attributes: NewInode): Inode {
    return this.#make(name, (upper) => upper.makeDirectory(name, attributes));
  }
  override makeSymlink(name: string, text: string, attributes: NewInode): Inode {
    return this.#make(name, (upper) => upper.makeSymlink(name, text, attributes));
  }
  override link(name: string, inode: Inode): void {
    if (!(inode instanceof OverlayInode) || inode.superblock !== this.superblock) {
      fail("EXDEV");
    }
    const existing = inode.copyUp();
    this.#make(name, (upper) => {
      upper.link(name, existing);
      return existing;
    });
  }

  /** Hides in the upper directory what the lowers have by that name. */
  #whiteOut(directory: Inode, name: string): void {
    if (!this.#isBelow(name)) return;
    const device = { major: 0, minor: 0 };
    directory.create(name, "character", { mode: 0, ...this.#overlay.owner, device });
  }

  /** Takes a name out of the upper directory, and hides the lowers' with a whiteout. */
  #hide(name: string): void {
    const directory = this.copyUp();
    const upper = directory.lookup(name);
    if (upper?.kind === "directory") {
      for (const whiteout of upper.names()) upper.unlink(whiteout);
      directory.removeDirectory(name);
    } else if (upper) directory.unlink(name);
    this.#whiteOut(directory, name);
    this.#children.delete(name);
  }
  override unlink(name: string): void {
    this.#hide(name);
  }
  override removeDirectory(name: string): void {
    const directory = this.lookup(name) ?? fail("ENOENT");
    if (directory.#merged().length > 0) fail("ENOTEMPTY");
    this.#hide(name);
  }

  override rename(name: string, target: Inode, newName: string): void {
    if (!(target instanceof OverlayInode)) fail("EXDEV");
    const moved = this.lookup(name) ?? fail("ENOENT");
    // Without redirect_dir a directory with a part below cannot move: mv(1) copies it.
    if (moved.kind === "directory" && moved.#lowers.length > 0) fail("EXDEV");
    const replaced = target.lookup(newName);
    if (replaced?.kind === "directory" && replaced.#merged().length > 0) fail("ENOTEMPTY");
    const upper = moved.copyUp();
    const to = target.copyUp();
    const covered = to.lookup(newName);
    if (covered && replaced?.kind === "directory") target.#hide(newName);
    const whiteout = to.lookup(newName);
    if (whiteout) to.unlink(newName);
    this.copyUp().rename(name, to, newName);
    if (upper.kind === "directory" && target.#isBelow(newName))
      upper.setAttribute(this.#overlay.opaque, YES);
    this.#whiteOut(this.copyUp(), name);
    this.#children.delete(name);
    moved.#parent = target;
    moved.#name = newName;
    target.#children.set(newName, moved);
  }

  // -- contents and attributes --------------------------------------------------------------------

  override readLink(): string {
    return this.#top.readLink();
  }
  override open(access: { readonly write: boolean }): void {
    if (access.write && this.kind === "file") this.copyUp();
  }
  override hold(): void {
    this.#holders++;
    this.#top.hold();
  }
  override release(): void {
    this.#holders--;
    this.#top.release();
  }
  override read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#top.read(offset, length);
  }
  override write(offset: number, bytes: Uint8Array): number {
    return this.copyUp().write(offset, bytes);
  }
  override truncate(size: number): void {
    this.copyUp(size > 0).truncate(size);
  }
  override prepareChange(): void {
    this.copyUp();
  }
  override setAttributes(change: AttributeChange): void {
    this.copyUp().setAttributes(change);
  }
  override attribute(name: string): Uint8Array {
    return name.startsWith(this.#overlay.marks) ? fail("ENODATA") : this.#top.attribute(name);
  }
  override attributeNames(): readonly string[] {
    return this.#top.attributeNames().filter((name) => !name.startsWith(this.#overlay.marks));
  }
  override setAttribute(name: string, value: Uint8Array): void {
    if (name.startsWith(this.#overlay.marks)) fail("EPERM");
    this.copyUp().setAttribute(name, value);
  }
  override removeAttribute(name: string): void {
    this.attribute(name); // what is not there is not worth a copy
    this.copyUp().removeAttribute(name);
  }
}

function copyContent(from: Inode, to: Inode): void {
  for (let at = 0; at < from.size; at += COPY_BYTES) to.write(at, from.read(at, COPY_BYTES));
}
