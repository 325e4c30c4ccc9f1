import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  write,
} from "node:fs";
import { basename, dirname } from "node:path";
import type { FileWriter } from "@nacre/core/ports/files.ts";
import { attempt, errnoOf, fileError } from "./files-error.ts";
import { isAbandoned, isPartialOf, ownName, suspendedName } from "./temporary-name.ts";

/**
 * So much is written before it is sent on to the disk, while more comes: what is left for a flush at
 * the end is little. Less would cost more: each time the file system's journal is committed, too.
 */
const WRITE_BACK_BYTES = 64 << 20;

/** Appends through one descriptor, without a stream: a chunk costs one write(2) in the thread pool, so that a full dirty page cache stalls nobody else. */
export class LinuxFileWriter implements FileWriter {
  readonly path: string;
  readonly #final: string;
  readonly #resumable: boolean;
  readonly #descriptor: number;
  #sizeBytes: number;
  #open = true;
  #dirtyBytes = 0;
  #writingBack = false;
  #failure: Error | undefined;

  constructor(final: string, resumable: boolean) {
    this.#final = final;
    this.#resumable = resumable;
    this.path = ownName(final, resumable ? "partial" : "tmp");
    if (resumable) takeOver(final, this.path);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
    this.#descriptor = attempt("create", final, () => openSync(this.path, flags, 0o600));
    this.#sizeBytes = fstatSync(this.#descriptor).size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#writeBack(bytes.length);
    return new Promise((resolve, reject) => {
      const next = (at: number): void => {
        write(this.#descriptor, bytes, at, bytes.length - at, this.#sizeBytes, (error, written) => {
          if (error) {
            reject(fileError(error, "write", this.#final));
            return;
          }
          this.#sizeBytes += written;
          if (at + written < bytes.length) next(at + written);
          else resolve();
        });
      };
      next(0);
    });
  }

  async commit(): Promise<void> {
    // The kernel tells an error of the disk once, and has told us.
    if (this.#failure) throw this.#failure;
    if (this.#close()) attempt("name", this.#final, () => renameSync(this.path, this.#final));
  }

  async suspend(): Promise<void> {
    if (!this.#close()) return;
    if (!this.#resumable || this.#sizeBytes === 0) rmSync(this.path, { force: true });
    else attempt("keep", this.#final, () => renameSync(this.path, suspendedName(this.#final)));
  }

  async discard(): Promise<void> {
    if (this.#close()) attempt("remove", this.path, () => rmSync(this.path, { force: true }));
  }

  /** Nobody waits for it; that it is one flush at a time keeps a slow disk from taking all threads. */
  #writeBack(moreBytes: number): void {
    this.#dirtyBytes += moreBytes;
    if (this.#dirtyBytes < WRITE_BACK_BYTES || this.#writingBack) return;
    this.#dirtyBytes = 0;
    this.#writingBack = true;
    fdatasync(this.#descriptor, (error) => {
      this.#writingBack = false;
      // Closed meanwhile: nobody writes any more.
      if (error && this.#open) this.#failure = fileError(error, "write", this.#final);
    });
  }

  /** False if it was closed before. */
  #close(): boolean {
    const wasOpen = this.#open;
    this.#open = false;
    if (wasOpen) attempt("close", this.#final, () => closeSync(this.#descriptor));
    return wasOpen;
  }
}

/** Gives what an earlier attempt left our own name, if there is such. A rename has one winner. */
function takeOver(final: string, own: string): void {
  const directory = dirname(final);
  const base = basename(final);
  const left = attempt("read", directory, () => readdirSync(directory)).filter(
    (name) => isPartialOf(base, name) && isAbandoned(name, "partial"),
  );
  for (const candidate of [suspendedName(final), ...left.map((name) => `${directory}/${name}`)]) {
    try {
      renameSync(candidate, own);
      return;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw fileError(error, "resume", final);
    }
  }
}
