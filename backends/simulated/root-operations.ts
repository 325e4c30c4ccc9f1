// Operations inside the opened root. Names are resolved with RESOLVE_IN_ROOT, and what is missing
// of a target is made. The same steps as backends/linux/native/root.c, so that errors agree.

import type { MountAttribute } from "@nacre/core/program/mount-description.ts";
import { because, errnoOf, fail } from "./errno.ts";
import type { Execution } from "./execution.ts";
import * as files from "./file-calls.ts";
import { isMountRoot, type Of, withOwners } from "./host-operations.ts";
import { type Mount, nameFrom, type Path } from "./mount.ts";
import {
  moveMount,
  newMount,
  openTree,
  pivotRoot,
  setMountAttributes as setAttributes,
} from "./mount-calls.ts";
import { lookup } from "./path-lookup.ts";
import { detachTree } from "./propagation.ts";
import { Tmpfs } from "./tmpfs.ts";
import { sortedNames } from "./tree-walk.ts";

const MOST_STEPS = 255;

export const openedRoot = (self: Execution): Path => self.root ?? fail("EBADF", "no root is open");

/** RESOLVE_IN_ROOT. EBADF where no root is open, ELOOP at a magic link. */
export function inRoot(self: Execution, path: string): Path {
  return lookup(self.process, path, { inRoot: openedRoot(self), noMagicLinks: true });
}

/** The directory part, as an absolute name, and the last name of a path. */
function split(path: string): { head: string; name: string } {
  let end = path.length;
  while (end > 1 && path[end - 1] === "/") end--;
  const slash = path.lastIndexOf("/", end - 1);
  const name = path.slice(slash + 1, end);
  if (new TextEncoder().encode(name).length > 255 || end >= 4096) fail("ENAMETOOLONG");
  return { head: `/${path.slice(0, slash + 1)}`, name };
}

/** Opens a path inside the root; what is missing of it is made: directories, `kind` at its end. */
function makeInRoot(
  self: Execution,
  path: string,
  kind: "directory" | "file",
  budget = MOST_STEPS,
): Path {
  try {
    return inRoot(self, path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  const { head, name } = split(path);
  if (budget === 0) fail("ELOOP");
  if (name === "" || name === "..") fail("ENOENT");
  const parent = makeInRoot(self, head, "directory", budget - 1);
  return name === "." ? parent : makeLast(self, parent, head, name, kind, budget);
}

/** Makes the missing last part; if a dangling link is there, makes what it names. */
function makeLast(
  self: Execution,
  parent: Path,
  head: string,
  name: string,
  kind: "directory" | "file",
  budget: number,
): Path {
  const at = { start: parent };
  try {
    if (kind === "directory") files.makeDirectory(self.process, name, 0o755, at);
    else files.makeNode(self.process, name, "file", 0o644, undefined, at);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    const there = lookup(self.process, name, { ...at, follow: false });
    if (there.dentry.inode.kind !== "symlink") return there;
    const text = there.dentry.inode.readLink();
    return makeInRoot(self, `${text.startsWith("/") ? "" : head}/${text}`, kind, budget - 1);
  }
  return lookup(self.process, name, { ...at, follow: false });
}

/** The directory that holds `path`, made where it is missing, and the last name of `path`. */
export function parentInRoot(self: Execution, path: string): { parent: Path; name: string } {
  const { head, name } = split(path);
  if (name === "" || name === "." || name === "..") fail("EINVAL", "not a name in the root");
  return { parent: because(`open ${head}`, () => makeInRoot(self, head, "directory")), name };
}

function attach(self: Execution, mount: Mount, target: () => Path, name: string): void {
  const at = because(`open target ${name}`, target);
  because(`move_mount to ${name}`, () => moveMount(self.machine, self.process, mount, at));
}

export function openRoot(self: Execution, o: Of<"openRoot">): void {
  const { machine, process } = self;
  let path = because("open", () => lookup(process, o.path));
  if (path.dentry.inode.kind !== "directory") fail("ENOTDIR", "open");
  if (self.section === "child" && !isMountRoot(path)) {
    const tree = openTree(machine, process, path, { recursive: true });
    moveMount(machine, process, tree, path);
    path = tree.path;
  }
  self.root = path;
}

/** What a mount covers, in it before anybody sees it. */
function copyUp(self: Execution, from: Path, mount: Mount): void {
  const { uid, gid, mode } = from.dentry.inode;
  because("copy", () => copyBelow(self, from, mount.path));
  files.setAttributes(self.process, mount.path, { mode: mode & 0o7777 });
  files.changeOwner(self.process, mount.path, uid, gid);
}

function copyBelow(self: Execution, from: Path, to: Path): void {
  const { process } = self;
  const at = { start: to, follow: false };
  for (const name of sortedNames(from.dentry.inode.names())) {
    const source = lookup(process, name, { start: from, follow: false });
    const { inode } = source.dentry;
    const mode = inode.mode & 0o7777;
    if (inode.kind === "directory") files.makeDirectory(process, name, mode, at);
    else if (inode.kind === "symlink") files.makeSymlink(process, inode.readLink(), name, at);
    else files.makeNode(process, name, inode.kind, mode, inode.device, at);
    const made = lookup(process, name, at);
    if (inode.kind === "file") made.dentry.inode.write(0, inode.read(0, inode.size));
    if (inode.kind === "directory") copyBelow(self, source, made);
    const { uid, gid, mtime } = inode;
    made.dentry.inode.setAttributes({ uid, gid, mode, mtime });
  }
}

export function mountInRoot(self: Execution, o: Of<"mountInRoot">): void {
  const { type } = o.mount;
  const target = because("open target", () => {
    makeInRoot(self, o.target, "directory");
    // What masks and protects /proc and /sys names them again: a link would let it miss them.
    const plain = type !== "proc" && type !== "sysfs";
    const how = plain ? { noMagicLinks: true } : { noLinks: true };
    return lookup(self.process, o.target, { inRoot: openedRoot(self), ...how });
  });
  const mount = newMount(self.machine, self.process, o.mount);
  if (o.copyUp) copyUp(self, target, mount);
  because("move_mount", () => moveMount(self.machine, self.process, mount, target));
}

function change(
  self: Execution,
  mount: Mount,
  recursive: boolean,
  attributes: readonly MountAttribute[],
  propagation?: "private" | "slave" | "shared" | "unbindable",
): void {
  because("mount_setattr", () =>
    setAttributes(self.machine, self.process, mount.path, {
      attributes,
      recursive,
      ...(propagation && { propagation }),
    }),
  );
}

/** What lies below a directory that somebody else may be changing: no link leads out of it. */
function bindSource({ process }: Execution, { source, subpath }: Of<"bindInRoot">): Path {
  const base = lookup(process, source);
  if (subpath === undefined) return base;
  if (base.dentry.inode.kind !== "directory") fail("ENOTDIR");
  return lookup(process, subpath, { inRoot: base, noMagicLinks: true });
}

export function bindInRoot(self: Execution, o: Of<"bindInRoot">): void {
  const { machine, process } = self;
  const within = o.subpath === undefined ? "" : `/${o.subpath}`;
  const opened = because(`open_tree ${o.source}${within}`, () =>
    openTree(machine, process, bindSource(self, o), { recursive: o.recursive }),
  );
  const tree = withOwners(self, opened, o.idmap, o.recursive);
  change(self, tree, o.recursive, o.attributes, o.propagation);
  const kind = tree.root.inode.kind === "directory" ? "directory" : "file";
  attach(self, tree, () => makeInRoot(self, o.target, kind), o.target);
}

function nullDevice(self: Execution): Mount {
  const path = because("open /dev/null", () =>
    lookup(self.process, "/dev/null", { follow: false }),
  );
  const { kind, device } = path.dentry.inode;
  if (kind !== "character" || device?.major !== 1 || device.minor !== 3) {
    fail("ENODEV", "/dev/null is another device");
  }
  return openTree(self.machine, self.process, path, { recursive: false });
}

function emptyDirectory(self: Execution): Mount {
  const { machine } = self;
  const identity = { type: "tmpfs", minor: machine.newMinor(), source: "none", readOnly: false };
  const root = { mode: 0o1777, uid: 0, gid: 0 };
  const tmpfs = new Tmpfs(identity, machine.now, root);
  return machine.newMount(tmpfs, tmpfs.dentry, ["ro", "nosuid", "nodev"]);
}

/** The place of a name inside the root, or undefined where there is none. */
function present(self: Execution, path: string): Path | undefined {
  try {
    return inRoot(self, path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
    throw error;
  }
}

export function maskInRoot(self: Execution, o: Of<"maskInRoot">): void {
  const path = present(self, o.path);
  if (!path) return;
  const directory = path.dentry.inode.kind === "directory";
  attach(self, directory ? emptyDirectory(self) : nullDevice(self), () => path, o.path);
}

export function readOnlyInRoot(self: Execution, o: Of<"readOnlyInRoot">): void {
  const path = present(self, o.path);
  if (!path) return;
  const tree = openTree(self.machine, self.process, path, { recursive: true });
  change(self, tree, true, ["ro"]);
  attach(self, tree, () => path, o.path);
}

export function enterRoot(self: Execution, o: Of<"enterRoot">): void {
  const { machine, process } = self;
  const root = openedRoot(self);
  process.cwd = root;
  if (o.chroot) {
    process.root = root;
    return;
  }
  because("pivot_root", () => {
    const old = process.root.mount;
    pivotRoot(machine, process, root, root);
    detachTree(old);
  });
  process.cwd = process.root;
  self.root = process.root;
}

export function setPropagation(self: Execution, o: Of<"setPropagation">): void {
  const path = lookup(self.process, o.path);
  because("mount_setattr", () =>
    setAttributes(self.machine, self.process, path, {
      propagation: o.mode,
      recursive: o.recursive,
    }),
  );
}

export function setMountAttributes(self: Execution, o: Of<"setMountAttributes">): void {
  const { attributes, cleared = [], recursive = false } = o;
  if (attributes.length === 0 && cleared.length === 0) return;
  const path = lookup(self.process, o.path);
  because("mount_setattr", () =>
    setAttributes(self.machine, self.process, path, { attributes, cleared, recursive }),
  );
}

export function changeDirectory(self: Execution, o: Of<"changeDirectory">): void {
  const { process } = self;
  const path = because("chdir", () =>
    o.mustExist ? inRoot(self, o.path) : makeInRoot(self, o.path, "directory"),
  );
  if (path.dentry.inode.kind !== "directory") fail("ENOTDIR", "chdir");
  because("chdir", () => lookup(process, ".", { start: path }));
  process.cwd = path;
  if (nameFrom(process.root, path) === undefined) {
    fail("ENOENT", "the directory lies outside the root");
  }
}

export function setSysctl(self: Execution, o: Of<"setSysctl">): void {
  const { machine, process } = self;
  const name = o.name.includes("/") ? o.name : o.name.replaceAll(".", "/");
  const description = { type: "proc", source: "proc", options: [], attributes: [] };
  const proc = newMount(machine, process, description);
  const path = `sys/${name}`;
  const file = because(`open ${path}`, () =>
    files.open(process, path, { start: proc.path, write: true, noLinks: true }),
  );
  const bytes = new TextEncoder().encode(o.value);
  file.dentry.inode.write(0, bytes);
}

/** Used by the terminal's operation: a file at /dev/console that a pty can lie on. */
export function attachInRoot(self: Execution, mount: Mount, path: string): void {
  attach(self, mount, () => makeInRoot(self, path, "file", 1), path);
}
