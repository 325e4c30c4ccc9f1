// Removing a tree that a container may have shaped: directories nested deeper than any path can
// name, names swapped for links while we look. So no path is ever walked: each directory is opened
// without following a link, and what is in it is named through its descriptor,
// /proc/self/fd/N/NAME, the one form of openat(2) that Node has.

import {
  closeSync,
  constants,
  type Dirent,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import { NacreError } from "@nacre/core/error.ts";
import { errnoOf, fileError } from "./files-error.ts";

/** Levels of descriptors that are open at once; what lies deeper is moved up to the top first. */
const DEPTH_LIMIT = 64;
/** Removals between two turns of the event loop: about 10 ms. */
const TURN = 1000;

interface Walk {
  /** Descriptor of the tree's root, into which what lies too deep is moved. */
  top: number;
  moved: number;
  removals: number;
}

/** Removes the tree at `path`. Waits nowhere but for the event loop to take its turns. */
export async function removeTree(path: string): Promise<void> {
  try {
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status === undefined) return;
    if (!status.isDirectory()) {
      unlinkSync(path);
      return;
    }
    refuseMounts(path);
    const walk: Walk = { top: openDirectory(path), moved: 0, removals: 0 };
    try {
      // What was moved up lands in the top directory, so that is emptied until it is empty.
      do {
        walk.moved = 0;
        await empty(walk, walk.top, 0);
      } while (walk.moved > 0);
    } finally {
      closeSync(walk.top);
    }
    rmdirSync(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw fileError(error, "remove", path);
  }
}

function openDirectory(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

async function empty(walk: Walk, directory: number, depth: number): Promise<void> {
  const here = `/proc/self/fd/${directory}`;
  // Names as bytes: on Linux they need not be UTF-8, and must come back as they are.
  const names: Dirent<Buffer>[] = readdirSync(here, { encoding: "buffer", withFileTypes: true });
  for (const entry of names) {
    const path = Buffer.concat([Buffer.from(`${here}/`), entry.name]);
    if (!entry.isDirectory()) unlinkSync(path);
    else if (depth === DEPTH_LIMIT) moveUp(walk, path);
    else {
      const child = openSync(
        path,
        constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
      );
      try {
        await empty(walk, child, depth + 1);
      } finally {
        closeSync(child);
      }
      rmdirSync(path);
    }
    if (++walk.removals % TURN === 0) await new Promise((turn) => setImmediate(turn));
  }
}

function moveUp(walk: Walk, path: Buffer): void {
  for (;;) {
    try {
      renameSync(path, `/proc/self/fd/${walk.top}/.nacre-deep-${walk.moved++}`);
      return;
    } catch (error) {
      // The name is taken by something that the tree's author put there.
      const errno = errnoOf(error);
      if (errno !== "ENOTEMPTY" && errno !== "EEXIST" && errno !== "ENOTDIR") throw error;
    }
  }
}

/** A mount below would be emptied with the tree: the files of somebody else. */
function refuseMounts(path: string): void {
  const real = realpathSync.native(path);
  const below = real === "/" ? real : `${real}/`;
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  // The kernel writes other characters than these as they are (mangle() in fs/namespace.c).
  if (!/[\s\\#]/.test(real) && !mounts.includes(` ${real}`)) return;
  for (const line of mounts.split("\n")) {
    const escaped = line.split(" ", 5)[4] ?? "";
    const target = escaped.replace(/\\(\d{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    if (target === real || target.startsWith(below)) {
      throw new NacreError("in-use", `cannot remove ${path}: something is mounted on ${target}`, {
        operation: `rmdir ${path}`,
        errno: "EBUSY",
        advice: `See what it is with \`findmnt ${target}\`, and unmount it if nothing needs it.`,
      });
    }
  }
}
