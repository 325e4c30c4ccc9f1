// Layers that are never unpacked. An image's layers are merged into one metadata image whose
// files' bytes stay where they are, in the layers' tars; the kernel mounts the image with the tars
// as its devices. All containers of an image share that mount, because every further mount of the
// same file would have a page cache of its own.
//
//   snapshots/erofs/HEX.erofs   the metadata image of the chain ID HEX
//   snapshots/erofs/HEX.spill   what cannot be shown from the tars; nearly no image has it
//   mounts/HEX                  where it is mounted while containers run, counted by locks/HEX
//
// Gates: from 6.13 on the kernel mounts plain files (6.12 can, but statx(2) on such a mount crashes
// it). From 6.4 on it gets a loop device over each file. Before, its blocks are as large as a page,
// and the bytes of files lie in tars at multiples of 512: those kernels get the directory
// snapshotter.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { ErofsImage } from "@nacre/core/image-tree.ts";
import { EROFS_SMALL_BLOCKS_KERNEL, kernelAtLeast } from "@nacre/core/kernel-release.ts";
import type { Files, FileWriter } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type {
  RootOptions,
  RootPlan,
  Snapshotter,
  StorageLayer,
  StoredLayer,
} from "@nacre/core/ports/snapshotter.ts";
import type { StatePaths } from "../images/paths.ts";
import { pathOption } from "./mount-option.ts";
import { overlayRoot } from "./overlay.ts";
import { mergeLayers, requireTars } from "./stored-layers.ts";

/** File systems whose files the kernel cannot mount: they are not read through the page cache of an inode of their own. */
const UNMOUNTABLE = new Set(["tmpfs", "ramfs", "overlay"]);
/** Loop devices of one image. Docker's layers are 127 at most; what is beyond is no use of a machine's devices. */
const LOOP_LIMIT = 256;
const COPY_BYTES = 1 << 20;

export class ErofsSnapshotter implements Snapshotter {
  readonly name = "erofs";
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #core: () => Core;
  readonly #paths: StatePaths;

  constructor(core: () => Core, files: Files, kernel: Kernel, paths: StatePaths) {
    this.#kernel = kernel;
    this.#files = files;
    this.#core = core;
    this.#paths = paths;
  }

  unsupported(): string | undefined {
    const { erofs, release, userNamespace } = this.#kernel.facts();
    if (userNamespace) return "no user but root may mount EROFS";
    if (!kernelAtLeast(release, EROFS_SMALL_BLOCKS_KERNEL)) {
      return `kernel ${release} cannot mount EROFS images of tars; ${EROFS_SMALL_BLOCKS_KERNEL} and newer can`;
    }
    if (erofs === "none") {
      return `kernel ${release} has no EROFS file system, or needs loop devices for it and has none`;
    }
    // A loop device can be put over any file.
    if (erofs === "loop") return undefined;
    const type = this.#rootType();
    if (type === undefined || !UNMOUNTABLE.has(type)) return undefined;
    return `${this.#paths.root} is on ${type}, whose files cannot be mounted`;
  }

  has(chainId: string): boolean {
    return (this.#files.status(this.#image(chainId))?.sizeBytes ?? 0) > 0;
  }

  async commit(chainId: string, layers: readonly StoredLayer[]): Promise<{ sizeBytes: number }> {
    this.#requireLoops(layers.length);
    requireTars(this.#files, layers);
    this.#files.makeDirectory(this.#paths.snapshots(this.name));
    for (const path of [this.#paths.mount(chainId), this.#paths.mountLock(chainId)]) {
      this.#files.makeDirectory(path.slice(0, path.lastIndexOf("/")));
    }
    const path = this.#image(chainId);
    if (!this.has(chainId)) {
      // What killed processes were writing.
      this.#files.sweep(this.#paths.snapshots(this.name), { partials: true });
      const erofs = this.#merge(layers);
      // The spill first: the image's name is what says that all is there.
      if (erofs.spillBytes > 0) await this.#writeSpill(this.#spill(chainId), layers, erofs);
      const writer = await this.#files.create(path);
      await finish(writer, () => writer.write(erofs.image));
    }
    return {
      sizeBytes:
        (this.#files.status(path)?.sizeBytes ?? 0) +
        (this.#files.status(this.#spill(chainId))?.sizeBytes ?? 0),
    };
  }

  root(
    chainId: string,
    layers: readonly StoredLayer[],
    storage: StorageLayer,
    options: RootOptions,
  ): RootPlan {
    requireTars(this.#files, layers);
    const target = this.#paths.mount(chainId);
    const spill = this.#spill(chainId);
    const devices = layers.map((layer) => layer.tarPath);
    if (this.#files.status(spill)) devices.push(spill);
    const loops = this.#kernel.facts().erofs === "loop";
    this.#requireLoops(layers.length);
    return {
      host: [
        {
          op: "shareMount",
          lock: this.#paths.mountLock(chainId),
          mount: {
            type: "erofs",
            source: this.#image(chainId),
            // A block device is opened for writing, which a read-only one refuses, unless `ro` is said.
            options: [
              ...(loops ? ["ro"] : []),
              ...devices.map((path) => pathOption("device", path)),
            ],
            attributes: ["ro", "nosuid", "nodev"],
            ...(loops && { call: "loop" as const }),
          },
          target,
          why: `the image's ${layers.length === 1 ? "layer" : `${layers.length} layers, merged`}: the files' bytes are read from the layers' tars, and every container of the image shares this mount`,
        },
      ],
      child: [
        overlayRoot(
          this.#kernel.facts(),
          [target],
          storage,
          options,
          "the container's root: the image below, to read, and its own storage layer above, to write",
        ),
      ],
    };
  }

  async remove(chainId: string, _diffIds: readonly string[]): Promise<void> {
    // The image first: without it there is nothing that `root` would use.
    for (const path of [this.#image(chainId), this.#spill(chainId)]) {
      await this.#files.removeTree(path);
    }
    this.#files.sweep(this.#paths.snapshots(this.name), { partials: true });
  }

  list(): string[] {
    const names = this.#files.list(this.#paths.snapshots(this.name));
    return [...new Set(names.map((name) => `sha256:${name.slice(0, name.indexOf("."))}`))];
  }

  /** The metadata image and the spill have a device as well. */
  #requireLoops(layers: number): void {
    if (this.#kernel.facts().erofs !== "loop" || layers + 2 <= LOOP_LIMIT) return;
    const { release } = this.#kernel.facts();
    throw new NacreError(
      "unsupported",
      `kernel ${release} needs a loop device for each of the image's ${layers} layers, and ${LOOP_LIMIT - 2} are the most`,
      { advice: "Use --snapshotter directory, or a kernel from 6.13 on." },
    );
  }

  #image(chainId: string): string {
    return `${this.#paths.snapshots(this.name)}/${hexOf(chainId)}.erofs`;
  }

  #spill(chainId: string): string {
    return `${this.#paths.snapshots(this.name)}/${hexOf(chainId)}.spill`;
  }

  #merge(layers: readonly StoredLayer[]): ErofsImage {
    return mergeLayers(this.#core, this.#files, layers).erofs();
  }

  async #writeSpill(
    path: string,
    layers: readonly StoredLayer[],
    { spill, spillBytes }: ErofsImage,
  ): Promise<void> {
    const writer = await this.#files.create(path);
    await finish(writer, async () => {
      for (const { layer, offset, size, at } of [...spill].sort((a, b) => a.at - b.at)) {
        await pad(writer, at);
        await this.#copy(layers[layer]?.tarPath ?? "", offset, size, writer);
      }
      await pad(writer, spillBytes);
    });
  }

  async #copy(tarPath: string, offset: number, size: number, writer: FileWriter): Promise<void> {
    const reader = await this.#files.open(tarPath);
    try {
      for (let done = 0; done < size; ) {
        const bytes = await reader.read(offset + done, Math.min(COPY_BYTES, size - done));
        if (bytes.length === 0) throw new NacreError("corrupt", `${tarPath} is too short`);
        await writer.write(bytes);
        done += bytes.length;
      }
    } finally {
      await reader.close();
    }
  }

  /** The type of the file system that holds the state. Undefined for one on a block device: any of those will do. */
  #rootType(): string | undefined {
    const device = this.#files.status(this.#paths.root)?.device ?? 0n;
    // makedev(3): file systems without a block device have major number 0.
    if (((device >> 8n) & 0xfffn) !== 0n) return undefined;
    const within = this.#kernel
      .mounts()
      .filter(({ target }) =>
        `${this.#paths.root}/`.startsWith(target === "/" ? "/" : `${target}/`),
      )
      .sort((a, b) => a.target.length - b.target.length);
    return within.at(-1)?.type;
  }
}

/** Names what was written, or throws it away. */
async function finish(writer: FileWriter, write: () => Promise<void>): Promise<void> {
  try {
    await write();
    await writer.commit();
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

async function pad(writer: FileWriter, to: number): Promise<void> {
  while (writer.sizeBytes < to) {
    await writer.write(new Uint8Array(Math.min(COPY_BYTES, to - writer.sizeBytes)));
  }
}

function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1);
}
