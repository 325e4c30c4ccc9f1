// Trees that a running container may be changing while we look. Each component is opened below the
// descriptor of the one before (/proc/self/fd/N/NAME is Node's openat(2)) and never followed if it
// is a link, so that no race leads out of the tree.

import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
} from "node:fs";
import { getSystemErrorName } from "node:util";
import { NacreError } from "@nacre/core/error.ts";
import { walkPath } from "@nacre/core/path-walk.ts";
import type { Attribute, FoundEntry, TreeEntry, WalkOptions } from "@nacre/core/ports/files.ts";
import type { Addon } from "./addon.ts";
import { unpackDevice } from "./device-number.ts";
import { errnoOf, fileError } from "./files-error.ts";

/** Only a handle: what is behind it (a fifo, a device whose opening does something) is not opened. Node does not export it; open(2), linux/fcntl.h. */
const O_PATH = 0o10000000;
const { O_DIRECTORY } = constants;
const HANDLE = O_PATH | constants.O_NOFOLLOW;
/** It went, or became something else, while it was looked at. */
const ABSENT = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EINVAL"]);
const isAbsent = (error: unknown): boolean => ABSENT.has(errnoOf(error) ?? "");

/** Directories within one another; what lies deeper has no path that fits into PATH_MAX. Each level holds a descriptor. */
const DEPTH_LIMIT = 2047;

const handlePath = (handle: number): string => `/proc/self/fd/${handle}`;
const nameBelow = (handle: number, name: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${handlePath(handle)}/`), name]);

/** A handle of what is at `path` below `directory`; undefined where there is none, or a link on the way. The caller closes it. */
function handleBeneath(directory: string, path: Uint8Array, kind = 0): number | undefined {
  const names = Buffer.from(path).toString("latin1").split("/");
  if (names.some((name) => name === "" || name === "." || name === "..")) return undefined;
  let handle: number | undefined;
  try {
    handle = openSync(directory, O_PATH | O_DIRECTORY);
    for (const [i, name] of names.entries()) {
      const parent = handle;
      const flags = HANDLE | (i === names.length - 1 ? kind : O_DIRECTORY);
      handle = openSync(nameBelow(parent, Buffer.from(name, "latin1")), flags);
      closeSync(parent);
    }
    return handle;
  } catch (error) {
    if (handle !== undefined) closeSync(handle);
    if (isAbsent(error)) return undefined;
    throw fileError(error, "open", `${directory}/${Buffer.from(path)}`);
  }
}

/** An empty component, `.` or `..`, or what C would take for an end. */
const CLIMBS = /(^|\/)\.{0,2}(\/|$)|\u0000/;

/** See Files.readBeneath. */
export function readBeneath(
  addon: Addon | undefined,
  directory: string,
  path: string,
  limitBytes: number,
): Uint8Array | undefined {
  if (!addon || CLIMBS.test(path)) return readStepwise(directory, path, limitBytes);
  let bytes: Buffer | null | undefined;
  try {
    bytes = addon.readBeneath(directory, path, limitBytes);
  } catch (error) {
    throw fileError(withCode(error), "read", `${directory}/${path}`);
  }
  if (bytes === null) return readStepwise(directory, path, limitBytes);
  return bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** An error of the addon as Node's own are; any other is thrown as it is. */
function withCode(error: unknown): Error {
  const { errno } = error as { errno?: number };
  if (errno === undefined) throw error;
  return Object.assign(error as Error, { code: getSystemErrorName(errno) });
}

function readStepwise(directory: string, path: string, limitBytes: number): Uint8Array | undefined {
  const handle = handleBeneath(directory, Buffer.from(path));
  if (handle === undefined) return undefined;
  try {
    const status = fstatSync(handle);
    if (!status.isFile() || status.size > limitBytes) return undefined;
    const bytes = readFileSync(handlePath(handle));
    return bytes.length > limitBytes ? undefined : Uint8Array.from(bytes);
  } catch (error) {
    throw fileError(error, "read", `${directory}/${path}`);
  } finally {
    closeSync(handle);
  }
}

/** A descriptor to read a regular file; undefined where there is none. The caller closes it. */
export function openBeneath(directory: string, path: Uint8Array): number | undefined {
  const handle = handleBeneath(directory, path);
  if (handle === undefined) return undefined;
  try {
    return fstatSync(handle).isFile()
      ? openSync(handlePath(handle), constants.O_RDONLY)
      : undefined;
  } catch (error) {
    throw fileError(error, "open", `${directory}/${Buffer.from(path)}`);
  } finally {
    closeSync(handle);
  }
}

/** See Files.walk. `addon` reads extended attributes. */
export function* walk(
  addon: Addon | undefined,
  root: string,
  { below = new Uint8Array(), enters = () => true }: WalkOptions = {},
): Generator<TreeEntry> {
  mustRead(addon, root);
  const handle = below.length === 0 ? openRoot(root) : handleBeneath(root, below, O_DIRECTORY);
  if (handle === undefined) return;
  try {
    yield* within({ addon, root, enters }, handle, Buffer.from(below), 1);
  } finally {
    closeSync(handle);
  }
}

/** See Files.find. */
export function find(
  addon: Addon | undefined,
  directory: string,
  path: Uint8Array,
  follow: boolean,
): FoundEntry | undefined {
  mustRead(addon, directory);
  const handles = [openRoot(directory)];
  const step = (parent: number, text: string) => {
    const name = Buffer.from(text, "latin1");
    const place = opened(nameBelow(parent, name), HANDLE);
    if (place === undefined) return undefined;
    handles.push(place);
    const kind = kindOf(fstatSync(place, { bigint: true }));
    const target = kind === "symlink" ? linkText(parent, name) : Buffer.alloc(0);
    return { place, kind, target: target.toString("latin1") };
  };
  try {
    const walked = walkPath(handles[0]!, Buffer.from(path).toString("latin1"), follow, step);
    if (!walked) return undefined;
    const { names, parent, place } = walked;
    const own = Buffer.from(names.join("/"), "latin1");
    const name = Buffer.from(names.at(-1) ?? ".", "latin1");
    const there = place !== undefined;
    return { path: own, entry: there ? entryOf(addon, parent, name, place, own) : undefined };
  } catch (error) {
    throw fileError(error, "look at", `${directory}/${Buffer.from(path)}`);
  } finally {
    for (const handle of handles) closeSync(handle);
  }
}

function mustRead(addon: Addon | undefined, directory: string): asserts addon is Addon {
  if (addon) return;
  const message = `cannot read the extended attributes of ${directory}: nacre's addon does not load`;
  throw new NacreError("unsupported", message, {
    advice: "Build it where Nacre is installed: make -C backends/linux/addon.",
  });
}

function openRoot(directory: string): number {
  try {
    return openSync(directory, O_PATH | O_DIRECTORY);
  } catch (error) {
    throw fileError(error, "open", directory);
  }
}

function opened(path: Buffer, flags: number): number | undefined {
  try {
    return openSync(path, flags);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Reading a link follows nothing; it may be another one by now, or none. */
function linkText(parent: number, name: Uint8Array): Buffer {
  return readlinkSync(nameBelow(parent, name), { encoding: "buffer" });
}

interface Walking {
  readonly addon: Addon;
  readonly root: string;
  readonly enters: (directory: TreeEntry) => boolean;
}

function* within(
  walking: Walking,
  directory: number,
  path: Buffer,
  depth: number,
): Generator<TreeEntry> {
  const { addon, root, enters } = walking;
  if (depth > DEPTH_LIMIT) throw tooDeep(root);
  for (const name of namesIn(directory, root).sort(Buffer.compare)) {
    const own = path.length === 0 ? name : Buffer.concat([path, Buffer.from("/"), name]);
    let handle: number | undefined;
    try {
      handle = openSync(nameBelow(directory, name), HANDLE);
      const entry = entryOf(addon, directory, name, handle, own);
      yield entry;
      if (entry.kind === "directory" && enters(entry)) {
        yield* within(walking, handle, own, depth + 1);
      }
    } catch (error) {
      if (!isAbsent(error)) throw fileError(error, "look at", `${root}/${own}`);
    } finally {
      if (handle !== undefined) closeSync(handle);
    }
  }
}

function tooDeep(root: string): NacreError {
  return new NacreError(
    "unsupported",
    `${root} has directories deeper than ${DEPTH_LIMIT} levels`,
    {
      advice: "Whoever made them has to remove them: rm -r in the container.",
    },
  );
}

function namesIn(directory: number, root: string): Buffer[] {
  try {
    return readdirSync(handlePath(directory), { encoding: "buffer" });
  } catch (error) {
    if (isAbsent(error)) return [];
    throw fileError(error, "list", root);
  }
}

function entryOf(
  addon: Addon,
  parent: number,
  name: Buffer,
  handle: number,
  path: Buffer,
): TreeEntry {
  const found = fstatSync(handle, { bigint: true });
  const kind = kindOf(found);
  const isDevice = kind === "character-device" || kind === "block-device";
  const target = kind === "symlink" ? linkText(parent, name) : Buffer.alloc(0);
  const second = 1_000_000_000n;
  const nanoseconds = ((found.mtimeNs % second) + second) % second;
  return {
    path,
    kind,
    mode: Number(found.mode) & 0o7777,
    uid: Number(found.uid),
    gid: Number(found.gid),
    mtimeSeconds: Number((found.mtimeNs - nanoseconds) / second),
    mtimeNanoseconds: Number(nanoseconds),
    sizeBytes: kind === "file" ? Number(found.size) : 0,
    allocatedBytes: Number(found.blocks) * 512,
    links: Number(found.nlink),
    ...{ inode: found.ino, device: found.dev, changedNs: found.ctimeNs },
    ...(isDevice && { node: unpackDevice(found.rdev) }),
    target,
    attributes: attributesOf(addon, handle),
  };
}

function kindOf(found: BigIntStats): TreeEntry["kind"] {
  if (found.isFile()) return "file";
  if (found.isDirectory()) return "directory";
  if (found.isSymbolicLink()) return "symlink";
  if (found.isCharacterDevice()) return "character-device";
  if (found.isBlockDevice()) return "block-device";
  return found.isFIFO() ? "fifo" : "socket";
}

function attributesOf(addon: Addon, handle: number): Attribute[] {
  let list: (string | Buffer)[];
  try {
    list = addon.attributes(handlePath(handle));
  } catch (error) {
    throw withCode(error);
  }
  const found: Attribute[] = [];
  for (let at = 0; at < list.length; at += 2) {
    found.push({ name: String(list[at]), value: list[at + 1] as Buffer });
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}
