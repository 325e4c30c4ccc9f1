// What stands in the package beside the bundles: the core, nacre-init and its sources, and, in a
// checkout, which Node to start with.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { DIST, ROOT } from "./step.ts";

export function placeAssets(): void {
  place(join(ROOT, "core", "dist", "core.wasm"), "core.wasm");
  const init = join(ROOT, "backends", "linux", "dist", "nacre-init");
  if (existsSync(init)) place(init, `nacre-init-${arch()}`);
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

/** The launcher's first choice. Not part of the published package. */
export function recordNode(): void {
  writeFileSync(join(DIST, "node"), `${process.execPath}\n`);
}
