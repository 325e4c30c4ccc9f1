// Reads docker's json-file form, which nacre-init writes: one JSON object a line with `log`,
// `stream` and `time`. Bytes that are not UTF-8 arrive as U+FFFD.

import type { Files } from "@nacre/core/ports/files.ts";
import type { LogDriver, LogLine } from "@nacre/core/ports/log-driver.ts";

const CHUNK_BYTES = 64 << 10;

/** Splits chunks into lines; what has no newline yet waits for the next chunk. */
class LineSplitter {
  #rest = "";
  readonly #decoder = new TextDecoder();

  lines(bytes: Uint8Array): string[] {
    const parts = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = parts.pop() as string;
    return parts;
  }
}

/** Undefined for a line that a crash cut short: the lines around it are still good. */
export function parseLogLine(line: string): LogLine | undefined {
  let parsed: { log?: unknown; stream?: unknown; time?: unknown };
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { log, stream, time } = parsed;
  if (typeof log !== "string" || typeof time !== "string") return undefined;
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  return { stream, time, timeMs: Date.parse(time), text: log };
}

export class JsonFileLog implements LogDriver {
  readonly name = "json-file";
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
  }

  async *read(
    path: string,
    options: {
      readonly follow: boolean;
      readonly signal: AbortSignal;
      readonly ended: () => boolean;
    },
  ): AsyncIterable<LogLine> {
    if (!this.#files.status(path)) return;
    const reader = await this.#files.open(path);
    const splitter = new LineSplitter();
    const done = new AbortController();
    const signal = AbortSignal.any([options.signal, done.signal]);
    let offset = 0;
    let change: Promise<void> | undefined;
    try {
      while (!options.signal.aborted) {
        // Asked before reading: what is written before the end is read after it was seen.
        const last = !options.follow || options.ended();
        const bytes = await reader.read(offset, CHUNK_BYTES);
        offset += bytes.length;
        for (const text of splitter.lines(bytes)) {
          const line = parseLogLine(text);
          if (line) yield line;
        }
        if (bytes.length > 0) continue;
        if (last) return;
        // Watched first and looked at once more, or what came between the two would be missed.
        const watched = change !== undefined;
        change ??= this.#files.changed(path, signal);
        if (!watched) continue;
        await change;
        change = undefined;
      }
    } finally {
      done.abort();
      await reader.close();
    }
  }
}
