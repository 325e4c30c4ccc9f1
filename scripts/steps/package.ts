// What stands in the package beside the bundles: the core, nacre-init and its sources, nacre-start,
// and, in a checkout, which Node to start with.

import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { DIST, ROOT } from "./step.ts";

const STARTER = `nacre-start-${arch()}`;

export function placeAssets(): void {
  place(join(ROOT, "core", "dist", "core.wasm"), "core.wasm");
  const init = join(ROOT, "backends", "linux", "dist", "nacre-init");
  if (existsSync(init)) place(init, `nacre-init-${arch()}`);
  const starter = join(ROOT, "backends", "linux", "dist", "nacre-start");
  if (existsSync(starter)) place(starter, STARTER);
  const addon = join(ROOT, "backends", "linux", "dist", "addon.node");
  if (existsSync(addon)) place(addon, `addon-${arch()}.node`);
  const native = join(ROOT, "backends", "linux", "native");
  mkdirSync(join(DIST, "native"), { recursive: true });
  for (const name of readdirSync(native)) place(join(native, name), join("native", name));
}

/** Renamed into place: a container's supervisor may be running from the old file. */
function place(source: string, name: string): void {
  const temporary = join(DIST, `${name}.${process.pid}`);
  copyFileSync(source, temporary);
  renameSync(temporary, join(DIST, name));
}

/**
 * The launcher's first choice, and what is executed before it. Neither is part of the published
 * package.
 */
export function recordNode(): void {
  const starter = existsSync(join(DIST, STARTER)) ? STARTER : "";
  writeFileSync(join(DIST, "node"), `${ownNode()}\n${starter}\n`);
}

/** A huge page of x64 and arm64. */
const PIECE = 2 << 20;

/**
 * A copy of the Node that this checkout brings along, for Nacre alone, written in pieces of the size
 * of huge pages. The page cache keeps a file in the pieces in which it came, and of one that others
 * execute, too, they come small: then each start takes 2 to 4 ms more. docs/decisions/0013-start-up.md
 * has the figures. Where there can be no copy (a full disk) the Node is shared.
 */
function ownNode(): string {
  const shared = process.execPath;
  if (!shared.startsWith(join(ROOT, "node_modules/"))) return shared;
  const own = join(DIST, "own-node");
  const temporary = `${own}.${process.pid}`;
  try {
    const { size, mtimeMs } = statSync(shared);
    const before = statSync(own, { throwIfNoEntry: false });
    if (before?.size === size && before.mtimeMs >= mtimeMs) return own;
    const file = openSync(temporary, "w", 0o755);
    try {
      const bytes = readFileSync(shared);
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(file, bytes, at, Math.min(PIECE, bytes.length - at));
      }
    } finally {
      closeSync(file);
    }
    renameSync(temporary, own);
    return own;
  } catch (error) {
    rmSync(temporary, { force: true });
    console.log(`  no copy of Node in ${own}: ${(error as Error).message}`);
    return shared;
  }
}
