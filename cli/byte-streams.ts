// Bytes of archives, from and to files and standard streams.

import {
  closeSync,
  createReadStream,
  fchmodSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { NacreError } from "@nacre/core/error.ts";

/** A file that gets its name when it is whole. One of `commit` and `discard` must be called. */
export interface OutputFile {
  write(bytes: Uint8Array): void;
  commit(): void;
  discard(): void;
}

const MODE = 0o600;
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EEXIST: "it is there already",
  EISDIR: "it is a directory",
  ENOENT: "no such file or directory",
  ENOSPC: "no space is left on the disk",
  ENOTDIR: "a part of its path is no directory",
  EROFS: "the file system is read-only",
};
const PASSING_BYTES = 512 * 1024;

/** @throws NacreError `not-found`, `denied` */
export function outputFile(path: string): OutputFile {
  const own = `${path}.${process.pid}.tmp`;
  const descriptor = attempt("written", path, () => openSync(own, "wx", MODE));
  return {
    write(bytes) {
      attempt("written", path, () => {
        for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
      });
    },
    commit() {
      attempt("written", path, () => {
        fchmodSync(descriptor, MODE);
        closeSync(descriptor);
        renameSync(own, path);
      });
    },
    discard() {
      closeSync(descriptor);
      rmSync(own, { force: true });
    },
  };
}

/** A file's bytes, or for `-` those of standard input. */
export async function* inputBytes(path: string): AsyncGenerator<Uint8Array> {
  const stream = path === "-" ? process.stdin : createReadStream(path, { highWaterMark: 1 << 18 });
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    throw failure("read", path, error);
  }
}

/**
 * A file's bytes in two buffers that take turns: one is read into while the consumer works on the
 * other. A new buffer for each chunk would have V8 collect garbage all the time.
 */
export async function* passingBytes(path: string): AsyncGenerator<Uint8Array> {
  const buffers = [new Uint8Array(PASSING_BYTES), new Uint8Array(PASSING_BYTES)] as const;
  try {
    await using file = await open(path);
    const read = async (turn: number): Promise<Uint8Array> => {
      const buffer = buffers[turn & 1]!;
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      return buffer.subarray(0, bytesRead);
    };
    let next = read(0);
    try {
      for (let turn = 1; ; turn++) {
        const chunk = await next;
        if (chunk.length === 0) return;
        next = read(turn);
        // Looked at above, or not at all if the consumer gives up first.
        next.catch(() => {});
        yield chunk;
      }
    } finally {
      // The file must not be closed below it.
      await next.catch(() => {});
    }
  } catch (error) {
    throw failure("read", path, error);
  }
}

function attempt<T>(verb: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failure(verb, path, error);
  }
}

function failure(verb: string, path: string, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  if (code === undefined) return error;
  const kind = code === "ENOENT" ? "not-found" : code === "ENOSPC" ? "no-space" : "denied";
  const reason = REASONS[code] ?? code;
  return new NacreError(kind, `${JSON.stringify(path)} cannot be ${verb}: ${reason}`, {
    cause: error,
  });
}
