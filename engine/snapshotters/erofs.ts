// Layers that are never unpacked. An image's layers are merged into one metadata image whose
// files' bytes stay where they are, in the layers' tars; the kernel mounts the image with the tars
// as its devices. All containers of an image share that mount, because every further mount of the
// same file would have a page cache of its own.
//
//   snapshots/erofs/HEX.erofs   the metadata image of the chain ID HEX
//   snapshots/erofs/HEX.spill   what cannot be shown from the tars; nearly no image has it
//   mounts/HEX                  where it is mounted while containers run, counted by locks/HEX
//
// Gates: 6.13 for mounting plain files (6.12 can, but statx(2) on such a mount crashes it). Before
// that EROFS needs a loop device for each layer. That is not done here: those kernels get the
// directory snapshotter.

import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { ErofsImage } from "@nacre/core/image-tree.ts";
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
    const { erofs, release } = this.#kernel.facts();
    if (erofs === "none") return `kernel ${release} does not know the EROFS file system`;
    if (erofs === "loop") {
      return `kernel ${release} mounts EROFS images from block devices only; 6.13 and newer mount plain files`;
    }
    const type = this.#rootType();
    if (type === undefined || !UNMOUNTABLE.has(type)) return undefined;
    return `${this.#paths.root} is on ${type}, whose files cannot be mounted`;
  }

  has(chainId: string): boolean {
    return (this.#files.status(this.#image(chainId))?.sizeBytes ?? 0) > 0;
  }

  async commit(chainId: string, layers: readonly StoredLayer[]): Promise<{ sizeBytes: number }> {
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
    return {
      host: [
        {
          op: "shareMount",
          lock: this.#paths.mountLock(chainId),
          mount: {
            type: "erofs",
            source: this.#image(chainId),
            options: devices.map((path) => pathOption("device", path)),
            attributes: ["ro", "nosuid", "nodev"],
          },
          target,
          why: `the image's ${layers.length === 1 ? "layer" : `${layers.length} layers, merged`}: the files' bytes are read from the layers' tars, and every container of the image shares this mount`,
        },
      ],
      child: [
        overlayRoot(
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
  }

  #image(chainId: string): string {
    return `${this.#paths.snapshots(this.name)}/${hexOf(chainId)}.erofs`;
  }

  #spill(chainId: string): string {
    return `${this.#paths.snapshots(this.name)}/${hexOf(chainId)}.spill`;
  }

  #merge(layers: readonly StoredLayer[]): ErofsImage {
    return mergeLayers(this.#core().fork(), this.#files, layers).erofs();
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
