import {
  type BigIntStats,
  chmodSync,
  close,
  closeSync,
  constants,
  type FSWatcher,
  fstatSync,
  fsync,
  lstatSync,
  open,
  openSync,
  read,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  watch,
  writeFileSync,
  writeSync,
} from "node:fs";
import type {
  DeviceNode,
  FileReader,
  FileStatus,
  Files,
  FileWriter,
  FoundEntry,
  TreeEntry,
  WalkOptions,
} from "@nacre/core/ports/files.ts";
import { type Addon, loadAddon } from "./addon.ts";
import { find, openBeneath, readBeneath, walk } from "./beneath.ts";
import { unpackDevice } from "./device-number.ts";
import { LinuxFileWriter } from "./file-writer.ts";
import { attempt, errnoOf, fileError } from "./files-error.ts";
import { makeDirectories } from "./make-directories.ts";
import { removeTree } from "./remove-tree.ts";
import { isAbandoned, ownName } from "./temporary-name.ts";

/** How long a change may go unseen that no watch told of. */
const LOOK_AGAIN_MS = 200;

export class LinuxFiles implements Files {
  readonly #addonPath: string | undefined;
  readonly #root: string | undefined;
  #addon: Addon | undefined | null = null;

  /**
   * @param addonPath that of addon.node, if there is one; `walk` needs it
   * @param root a directory that is there and is not made again, should somebody delete it
   */
  constructor(addonPath?: string, root?: string) {
    this.#addonPath = addonPath;
    this.#root = root;
  }

  readText(path: string): string {
    return attempt("read", path, () => readFileSync(path, "utf8"));
  }

  readBytes(path: string): Uint8Array<ArrayBuffer> {
    return attempt("read", path, () => {
      const bytes = readFileSync(path);
      // A small read may be a slice of Node's shared pool; those bytes must not leave with the buffer.
      const whole = bytes.byteLength === bytes.buffer.byteLength;
      return new Uint8Array(whole ? bytes.buffer : Uint8Array.from(bytes).buffer);
    });
  }

  readRange(path: string, offset: number, length: number): Uint8Array<ArrayBuffer> {
    return attempt("read", path, () => {
      const descriptor = openSync(path, constants.O_RDONLY);
      try {
        const bytes = new Uint8Array(length);
        let done = 0;
        while (done < length) {
          const got = readSync(descriptor, bytes, done, length - done, offset + done);
          if (got === 0) break;
          done += got;
        }
        return done === length ? bytes : bytes.slice(0, done);
      } finally {
        closeSync(descriptor);
      }
    });
  }

  readBeneath(directory: string, path: string, limitBytes: number): Uint8Array | undefined {
    // A name alone is a few calls; to load the addon for it takes longer.
    const addon = this.#addon === null && !path.includes("/") ? undefined : this.#loadedAddon();
    return readBeneath(addon, directory, path, limitBytes);
  }

  walk(directory: string, options?: WalkOptions): Iterable<TreeEntry> {
    return walk(this.#loadedAddon(), directory, options);
  }

  find(directory: string, path: Uint8Array, follow: boolean): FoundEntry | undefined {
    return find(this.#loadedAddon(), directory, path, follow);
  }

  #loadedAddon(): Addon | undefined {
    if (this.#addon === null) {
      this.#addon = this.#addonPath === undefined ? undefined : loadAddon(this.#addonPath);
    }
    return this.#addon;
  }

  async openBeneath(directory: string, path: Uint8Array): Promise<FileReader | undefined> {
    const descriptor = openBeneath(directory, path);
    return descriptor === undefined ? undefined : new LinuxFileReader(directory, descriptor);
  }

  status(path: string): FileStatus | undefined {
    return attempt("look at", path, () => {
      const found = lstatOrNothing(path);
      if (found === undefined) return undefined;
      let kind: FileStatus["kind"] = "other";
      if (found.isFile()) kind = "file";
      else if (found.isDirectory()) kind = "directory";
      else if (found.isSymbolicLink()) kind = "symlink";
      return {
        kind,
        sizeBytes: Number(found.size),
        allocatedBytes: Number(found.blocks) * 512,
        mode: Number(found.mode) & 0o7777,
        uid: Number(found.uid),
        gid: Number(found.gid),
        inode: found.ino,
        device: found.dev,
        modifiedMs: Number(found.mtimeNs / 1_000_000n),
      };
    });
  }

  readLink(path: string): string | undefined {
    try {
      return readlinkSync(path);
    } catch (error) {
      // EINVAL: it is no link; ESRCH: its process is going.
      const absent = ["ENOENT", "ENOTDIR", "EINVAL", "ESRCH"].includes(errnoOf(error) ?? "");
      if (absent) return undefined;
      throw fileError(error, "read", path);
    }
  }

  deviceAt(path: string): DeviceNode | undefined {
    return attempt("look at", path, () => {
      const found = statSync(path, { throwIfNoEntry: false });
      if (!found?.isCharacterDevice() && !found?.isBlockDevice()) return undefined;
      const type = found.isBlockDevice() ? "block" : "character";
      return { type, ...unpackDevice(BigInt(found.rdev)) };
    });
  }

  list(path: string): string[] {
    try {
      return readdirSync(path);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw fileError(error, "list", path);
    }
  }

  makeDirectory(path: string, mode = 0o700): void {
    attempt("make directory", path, () => {
      // mkdir(2) subtracts the umask.
      if (makeDirectories(path, this.#root) && mode !== 0o700) chmodSync(path, mode);
    });
  }

  replace(path: string, content: string | Uint8Array): void {
    const own = ownName(path, "tmp");
    attempt("write", path, () => {
      try {
        writeFileSync(own, content, { flag: "wx", mode: 0o600 });
        renameSync(own, path);
      } catch (error) {
        rmSync(own, { force: true });
        throw error;
      }
    });
  }

  control(path: string, text: string): void {
    attempt("write", path, () => {
      const descriptor = openSync(path, constants.O_WRONLY);
      try {
        writeSync(descriptor, text);
      } finally {
        closeSync(descriptor);
      }
    });
  }

  rename(from: string, to: string): void {
    attempt("rename", from, () => renameSync(from, to));
  }

  remove(path: string): void {
    attempt("remove", path, () => {
      if (lstatOrNothing(path)?.isDirectory()) rmdirSync(path);
      else unlinkSync(path);
    });
  }

  removeTree(path: string): Promise<void> {
    return removeTree(path);
  }

  async create(path: string, options: { readonly resume?: boolean } = {}): Promise<FileWriter> {
    return new LinuxFileWriter(path, options.resume ?? false);
  }

  sweep(directory: string, options: { readonly partials: boolean }): string[] {
    const left = this.list(directory).filter(
      (name) => isAbandoned(name, "tmp") || (options.partials && isAbandoned(name, "partial")),
    );
    for (const name of left) {
      attempt("remove", `${directory}/${name}`, () =>
        rmSync(`${directory}/${name}`, { force: true, recursive: true }),
      );
    }
    return left;
  }

  open(path: string): Promise<FileReader> {
    return new Promise((resolve, reject) => {
      open(path, constants.O_RDONLY, (error, descriptor) => {
        if (error) reject(fileError(error, "open", path));
        else resolve(new LinuxFileReader(path, descriptor));
      });
    });
  }

  sync(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const descriptor = attempt("open", path, () => openSync(path, constants.O_RDONLY));
      fsync(descriptor, (error) => {
        closeSync(descriptor);
        if (error) reject(fileError(error, "flush", path));
        else resolve();
      });
    });
  }

  freeBytes(path: string): number {
    return attempt("look at", path, () => {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    });
  }

  changed(path: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const watcher = watchOrNothing(path);
      // What changed between the caller's last look and the watch is not told by the watch.
      const timer = setTimeout(() => end(), LOOK_AGAIN_MS);
      const end = (error?: Error): void => {
        clearTimeout(timer);
        watcher?.close();
        signal.removeEventListener("abort", onAbort);
        if (error) reject(fileError(error, "watch", path));
        else resolve();
      };
      const onAbort = (): void => end();
      signal.addEventListener("abort", onAbort, { once: true });
      watcher?.once("change", () => end());
      watcher?.once("error", end);
    });
  }
}

class LinuxFileReader implements FileReader {
  readonly inode: bigint;
  readonly sizeBytes: number;
  readonly #path: string;
  readonly #descriptor: number;

  constructor(path: string, descriptor: number) {
    this.#path = path;
    this.#descriptor = descriptor;
    const { ino, size } = fstatSync(descriptor, { bigint: true });
    this.inode = ino;
    this.sizeBytes = Number(size);
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    return new Promise((resolve, reject) => {
      const next = (at: number): void => {
        read(this.#descriptor, bytes, at, bytes.length - at, offset + at, (error, count) => {
          if (error) reject(fileError(error, "read", this.#path));
          else if (count === 0 || at + count === bytes.length) {
            resolve(bytes.subarray(0, at + count));
          } else next(at + count);
        });
      };
      next(0);
    });
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      close(this.#descriptor, (error) => {
        if (error) reject(fileError(error, "close", this.#path));
        else resolve();
      });
    });
  }
}

/** Undefined where there is nothing to watch any more. */
function watchOrNothing(path: string): FSWatcher | undefined {
  try {
    return watch(path);
  } catch (error) {
    // EMFILE, ENOSPC: the machine's watches are used up. Looking again does as well, if later.
    if (["ENOENT", "EMFILE", "ENOSPC"].includes(errnoOf(error) ?? "")) return undefined;
    throw fileError(error, "watch", path);
  }
}

/** Undefined where there is nothing, also because a part of the path is no directory. */
function lstatOrNothing(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (errnoOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}
