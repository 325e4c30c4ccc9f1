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

/** The launcher's first choice, and what is executed before it. Not part of the published package. */
export function recordNode(): void {
  const starter = existsSync(join(DIST, STARTER)) ? STARTER : "";
  writeFileSync(join(DIST, "node"), `${process.execPath}\n${starter}\n`);
  if (process.execPath.startsWith(join(ROOT, "node_modules/")))
    writeInLargePieces(process.execPath);
}

/** A huge page of x64 and arm64. */
const PIECE = 2 << 20;

/**
 * Writes this checkout's Node anew as npm unpacked it, in pieces of the size of huge pages: the page
 * cache keeps a file as it was written, and one that came in small pieces takes 2 to 4 ms more to
 * start, until it is next read from the disk (backends/linux/launcher/start.c). Where that cannot be
 * done (another user's files, a full disk) all works as it is.
 */
function writeInLargePieces(path: string): void {
  // npm takes it away with the whole package.
  const done = `${path}.in-large-pieces`;
  if (existsSync(done)) return;
  const temporary = `${path}.${process.pid}`;
  try {
    const source = readFileSync(path);
    const file = openSync(temporary, "w", statSync(path).mode);
    try {
      for (let at = 0; at < source.length; ) {
        at += writeSync(file, source, at, Math.min(PIECE, source.length - at));
      }
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    writeFileSync(done, "");
  } catch (error) {
    rmSync(temporary, { force: true });
    console.log(`  ${path} stays as npm wrote it: ${(error as Error).message}`);
  }
}
