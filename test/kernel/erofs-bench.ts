// A place to hold images of layers against the kernel's own overlay of the unpacked layers: one
// fresh ext4, since neither EROFS images nor upper directories may lie on tmpfs or overlayfs.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Core } from "@nacre/core/core.ts";
import { type ErofsImage, ImageTree, type Layer } from "@nacre/core/image-tree.ts";
import { indexOf } from "../core/layer-support.ts";

const helper = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export interface Fact {
  readonly path: string;
  readonly kind: string;
  readonly group?: number;
  readonly links?: number;
  readonly [more: string]: unknown;
}

/** Runs a program; what it says on standard error is in the error it throws. */
export function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 28,
  });
}

export class ErofsBench {
  readonly root: string;
  readonly #image: string;
  readonly #mounts: string[] = [];
  #next = 0;

  constructor(name: string) {
    this.#image = `/dev/shm/nacre-${name}-${process.pid}.ext4`;
    this.root = `/dev/shm/nacre-${name}-${process.pid}`;
    closeSync(openSync(this.#image, "w"));
    run("truncate", "-s", "2G", this.#image);
    run("mkfs.ext4", "-q", "-E", "lazy_itable_init=1", "-I", "256", this.#image);
    mkdirSync(this.root);
    run("mount", "-o", "loop", this.#image, this.root);
  }

  /** Takes all mounts down, newest first, and leaves nothing. */
  close(): void {
    this.clear();
    run("umount", this.root);
    rmSync(this.root, { recursive: true });
    rmSync(this.#image);
  }

  /** Takes down what tests have mounted. */
  clear(): void {
    for (const mount of this.#mounts.splice(0).reverse()) run("umount", mount);
    run("find", this.root, "-mindepth", "1", "-delete");
  }

  directory(): string {
    const path = join(this.root, `d${this.#next++}`);
    mkdirSync(path);
    return path;
  }

  write(bytes: Uint8Array): string {
    const path = join(this.root, `f${this.#next++}`);
    writeFileSync(path, bytes);
    return path;
  }

  /** The overlay of the layers as GNU tar unpacks them, bottom first. */
  overlay(tars: readonly string[]): string {
    let lowers: string[] = [];
    for (const tar of tars) {
      const to = this.directory();
      const flags = ["--xattrs", "--xattrs-include=*", "--numeric-owner", "--same-owner", "-p"];
      run("tar", ...flags, "-C", to, "-xf", tar);
      const opaque = run("python3", helper("to-overlay.py"), to).trim() === "opaque";
      lowers = opaque ? [to] : [to, ...lowers];
    }
    // An overlay needs two lower directories, or an upper one.
    const stack = [...lowers, this.directory()];
    const target = this.directory();
    run("mount", "-t", "overlay", "overlay", "-o", `lowerdir=${stack.join(":")}`, target);
    this.#mounts.push(target);
    return target;
  }

  /** The image of the same layers, mounted over the tars. */
  erofs(
    core: Core,
    tars: readonly { readonly path: string; readonly bytes: Uint8Array }[],
  ): string {
    const layers = tars.map(({ bytes }): Layer => {
      const diffId = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      return { index: indexOf(core, bytes), diffId, tarBytes: bytes.length };
    });
    const made = ImageTree.merge(core, layers).erofs();
    const devices = tars.map(({ path }) => path);
    if (made.spill.length > 0)
      devices.push(
        this.#spill(
          made,
          tars.map(({ bytes }) => bytes),
        ),
      );
    return this.mountErofs(made.image, devices);
  }

  mountErofs(image: Uint8Array, devices: readonly string[]): string {
    const target = this.directory();
    run("python3", helper("mount-erofs.py"), this.write(image), target, ...devices);
    this.#mounts.push(target);
    return target;
  }

  #spill({ spill, spillBytes }: ErofsImage, tars: readonly Uint8Array[]): string {
    const path = this.write(new Uint8Array());
    const file = openSync(path, "r+");
    ftruncateSync(file, spillBytes);
    for (const { layer, offset, size, at } of spill) {
      writeSync(file, tars[layer]!, offset, size, at);
    }
    closeSync(file);
    return path;
  }
}

/** What a tree of files is: see tree-facts.py. */
export function factsOf(root: string): Fact[] {
  const lines = run("python3", helper("tree-facts.py"), root).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Fact);
}

/** The facts without link counts: overlayfs counts names that upper layers hide. */
export function withoutLinks(facts: readonly Fact[]): Fact[] {
  return facts.map(({ links: _, ...rest }) => rest as Fact);
}
