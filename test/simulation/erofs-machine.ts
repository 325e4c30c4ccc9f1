// Images of layers on the simulated kernel: mounts them, and says of a tree what tree-facts.py says
// of one on the real kernel.

import { createHash } from "node:crypto";
import { type ErofsImage, ImageTree } from "@nacre/core/image-tree.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import type { Inode } from "@nacre/simulated/inode.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import { lookup } from "@nacre/simulated/path-lookup.ts";
import type { Process } from "@nacre/simulated/process.ts";
import { layerOf } from "../core/layer-support.ts";
import { wasmCore } from "../core/wasm-core.ts";

/** The bytes of an image's spill. */
function spillOf({ spill, spillBytes }: ErofsImage, tars: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.alloc(spillBytes);
  for (const { layer, offset, size, at } of spill) {
    bytes.set((tars[layer] as Uint8Array).subarray(offset, offset + size), at);
  }
  return bytes;
}

/** The core's image of layers, bottom first, with all that it is to be mounted over. */
export function imageOf(...tars: readonly Uint8Array[]) {
  const core = wasmCore();
  const tree = ImageTree.merge(
    core,
    tars.map((tar) => layerOf(core, tar)),
  );
  const made = tree.erofs();
  const devices = [...tars, ...(made.spillBytes > 0 ? [spillOf(made, tars)] : [])];
  return { tree, image: made.image, devices };
}

/** A machine on which `image` is mounted over the other files; the root of what it shows. */
export async function mountImage(
  image: Uint8Array,
  devices: readonly Uint8Array[],
): Promise<Inode> {
  const kernel = new SimulatedKernel(new SimulatedClock(), { core: wasmCore() });
  const files = kernel.hostFiles();
  const place = (name: string, bytes: Uint8Array): string => {
    files.replace(`/tmp/${name}`, bytes);
    return `/tmp/${name}`;
  };
  files.makeDirectory("/tmp/at");
  const options = devices.map((bytes, n) => `device=${place(`device${n}`, bytes)}`);
  const mount = { type: "erofs", source: place("image", image), options, attributes: [] };
  const host: Operation[] = [{ op: "mount", mount, target: "/tmp/at" }];
  await kernel.perform({ title: "a test", host });
  const [init] = kernel.machine.processes.all() as [Process];
  return lookup(init, "/tmp/at").dentry.inode;
}

const hex = (text: string): string => Buffer.from(text).toString("hex");

const inOrder = (names: readonly string[]): string[] =>
  [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

/** Facts in the order and with the fields of tree-facts.py. */
export function factsOfInode(root: Inode): Record<string, unknown>[] {
  const groups = new Map<Inode, number>();
  const found: Record<string, unknown>[] = [];
  const visit = (inode: Inode, path: string): void => {
    found.push(factsOf(inode, path === "" ? "." : path, groups));
    if (inode.kind !== "directory") return;
    for (const name of inOrder(inode.names())) {
      visit(inode.lookup(name) as Inode, path === "" ? name : `${path}/${name}`);
    }
  };
  visit(root, "");
  return found;
}

function factsOf(inode: Inode, path: string, groups: Map<Inode, number>): Record<string, unknown> {
  const { kind, mode, uid, gid, mtime, device } = inode;
  const names = inode.attributeNames().filter((name) => !name.startsWith("trusted.overlay."));
  if (kind !== "directory" && !groups.has(inode)) groups.set(inode, groups.size);
  return {
    path: hex(path),
    kind,
    mode: `0o${mode.toString(8)}`,
    owner: `${uid}:${gid}`,
    mtime: String(BigInt(mtime.seconds) * 1_000_000_000n + BigInt(mtime.nanoseconds)),
    xattrs: Object.fromEntries(
      inOrder(names).map((name) => [name, Buffer.from(inode.attribute(name)).toString("hex")]),
    ),
    ...(kind !== "directory" && { group: groups.get(inode), links: inode.links }),
    ...(kind === "file" && { size: inode.size, sha256: digest(inode) }),
    ...(kind === "symlink" && { target: hex(inode.readLink()) }),
    ...(device && { device: `${device.major}:${device.minor}` }),
  };
}

/** Read in pieces that are no multiple of anything. */
function digest(inode: Inode): string {
  const hash = createHash("sha256");
  for (let at = 0; at < inode.size; at += 777) hash.update(inode.read(at, 777));
  return hash.digest("hex");
}
