// Operations that fill a tree with what a layer holds. The same steps as native/place.c.

import type { Ownership } from "@nacre/core/program/explained.ts";
import { readAt } from "./device-files.ts";
import { because, fail } from "./errno.ts";
import type { Execution } from "./execution.ts";
import * as files from "./file-calls.ts";
import { type Of, unless, writeFully } from "./host-operations.ts";
import type { Inode } from "./inode.ts";
import type { Path } from "./mount.ts";
import { requireWritable } from "./mount.ts";
import { lookup } from "./path-lookup.ts";
import { inRoot, parentInRoot } from "./root-operations.ts";

const COPY_BYTES = 1 << 20;

/** The parent of the operation's path, after a non-directory of its name was removed. */
function makeRoom(self: Execution, path: string): { parent: Path; name: string } {
  const at = parentInRoot(self, path);
  because("unlink", () =>
    unless(["ENOENT", "EISDIR"], () => files.unlink(self.process, at.name, { start: at.parent })),
  );
  return at;
}

function setOwner(
  self: Execution,
  parent: Path,
  name: string,
  o: Ownership,
  chmods: boolean,
): void {
  const at = lookup(self.process, name, { start: parent, follow: false });
  because("chown", () => files.changeOwner(self.process, at, o.uid, o.gid));
  if (chmods) {
    because("chmod", () => files.setAttributes(self.process, at, { mode: o.mode & 0o7777 }));
  }
  const mtime = o.mtime ?? self.machine.now();
  because("utimensat", () => files.setAttributes(self.process, at, { mtime }));
}

const isRoot = (path: string): boolean => /^[/.]*$/.test(path);

export function placeDirectory(self: Execution, o: Of<"placeDirectory">): void {
  const at = isRoot(o.path) ? { parent: inRoot(self, "/"), name: "." } : makeRoom(self, o.path);
  because("mkdir", () =>
    unless(["EEXIST"], () =>
      files.makeDirectory(self.process, at.name, 0o700, { start: at.parent }),
    ),
  );
  const there = because("open", () =>
    lookup(self.process, at.name, { start: at.parent, follow: false }),
  );
  if (there.dentry.inode.kind !== "directory") fail("ENOTDIR", "open");
  setOwner(self, at.parent, at.name, o, true);
}

function newFile(self: Execution, parent: Path, name: string): Inode {
  return because("create", () =>
    files.open(self.process, name, {
      start: parent,
      write: true,
      create: true,
      exclusive: true,
      follow: false,
      mode: 0o600,
    }),
  ).dentry.inode;
}

function copyRange(from: Inode, offset: number, to: Inode, at: number, length: number): void {
  for (let done = 0; done < length; ) {
    const part = readAt(from, offset + done, Math.min(COPY_BYTES, length - done));
    if (part.length === 0) fail("EIO", "the source is too short");
    writeFully(to, part, at + done);
    done += part.length;
  }
}

export function placeFile(self: Execution, o: Of<"placeFile">): void {
  const source = because(`open ${o.source}`, () =>
    files.open(self.process, o.source, { read: true }),
  );
  const { parent, name } = makeRoom(self, o.path);
  const file = newFile(self, parent, name);
  let size = 0;
  for (const [offset, length] of o.segments) {
    if (length < 0) fail("EINVAL", "segment");
    if (offset >= 0) {
      because("copy", () => copyRange(source.dentry.inode, offset, file, size, length));
    }
    size += length;
  }
  because("ftruncate", () => file.truncate(size));
  setOwner(self, parent, name, o, true);
}

export function placeText(self: Execution, o: Of<"placeText">): void {
  const { parent, name } = makeRoom(self, o.path);
  const file = newFile(self, parent, name);
  because("write", () => writeFully(file, new TextEncoder().encode(o.data)));
  setOwner(self, parent, name, o, true);
}

export function placeSymlink(self: Execution, o: Of<"placeSymlink">): void {
  const { parent, name } = makeRoom(self, o.path);
  because("symlink", () => files.makeSymlink(self.process, o.text, name, { start: parent }));
  setOwner(self, parent, name, o, false);
}

export function placeHardLink(self: Execution, o: Of<"placeHardLink">): void {
  const { parent, name } = makeRoom(self, o.path);
  const from = parentInRoot(self, o.existing);
  because("link", () => files.linkAt(self.process, from.name, from.parent, name, parent));
}

export function placeNode(self: Execution, o: Of<"placeNode">): void {
  const { parent, name } = makeRoom(self, o.path);
  const device = { major: o.major, minor: o.minor };
  because("mknod", () =>
    files.makeNode(self.process, name, o.type, o.mode & 0o7777, device, { start: parent }),
  );
  setOwner(self, parent, name, o, false);
}

export function placeAttribute(self: Execution, o: Of<"placeAttribute">): void {
  const { parent, name } = parentInRoot(self, o.path);
  because(`lsetxattr ${o.name}`, () => {
    const at = lookup(self.process, name, { start: parent, follow: false });
    requireWritable(at.mount);
    at.dentry.inode.setAttribute(o.name, o.value);
  });
}

export function placeTimes(self: Execution, o: Of<"placeTimes">): void {
  const at = isRoot(o.path)
    ? inRoot(self, "/")
    : (() => {
        const { parent, name } = parentInRoot(self, o.path);
        return lookup(self.process, name, { start: parent, follow: false });
      })();
  because("utimensat", () => files.setAttributes(self.process, at, { mtime: o.mtime }));
}
