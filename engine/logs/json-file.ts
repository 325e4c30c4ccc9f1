// Reads docker's json-file form, which nacre-init writes: one JSON object a line with `log`,
// `stream` and `time`. Bytes that are not UTF-8 arrive as U+FFFD.
//
// A log of limited size is several files: the one that grows has the log's own name, older ones
// have NAME.1, NAME.2 and so on, and are renamed as a new one begins. They are told apart by their
// inodes. One that no longer has the log's own name is complete, and is read to its end before the
// next is opened: so a reader loses nothing and repeats nothing, unless it is so slow that a file
// is deleted before it comes to it.

import { whenFound } from "@nacre/core/error.ts";
import type { FileReader, Files } from "@nacre/core/ports/files.ts";
import type { LogDriver, LogLine, LogReadOptions } from "@nacre/core/ports/log-driver.ts";

const CHUNK_BYTES = 64 << 10;
/** How often a file is looked for that may be moving. */
const MOST_LOOKS = 100;

/** With it every line begins; within one its quotation marks would have a backslash each. */
const BEGINNING = '{"log":"';

/** What a crash or a full disk cut short has no end: the next line follows in the same one. */
const whole = (line: string): string => line.slice(Math.max(0, line.lastIndexOf(BEGINNING)));

/** Undefined for a line that was cut short: the lines around it are still good. */
function parseLogLine(line: string): LogLine | undefined {
  let parsed: { log?: unknown; stream?: unknown; time?: unknown };
  try {
    parsed = JSON.parse(whole(line));
  } catch {
    return undefined;
  }
  const { log, stream, time } = parsed;
  if (typeof log !== "string" || typeof time !== "string") return undefined;
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  return { stream, time, timeMs: Date.parse(time), text: log };
}

/** One file, read on and on as it grows; what has no newline yet waits for the next bytes. */
class LogFile {
  readonly reader: FileReader;
  readonly #decoder = new TextDecoder();
  #offset = 0;
  #rest = "";

  constructor(reader: FileReader) {
    this.reader = reader;
  }

  /** Those that came since the last call. */
  async *lines(signal: AbortSignal): AsyncGenerator<LogLine> {
    while (!signal.aborted) {
      const bytes = await this.reader.read(this.#offset, CHUNK_BYTES);
      if (bytes.length === 0) return;
      this.#offset += bytes.length;
      const parts = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
      this.#rest = parts.pop() as string;
      for (const text of parts) {
        const line = parseLogLine(text);
        if (line) yield line;
      }
    }
  }
}

/** The files of a log, the newest first: age 0 has the log's own name. */
class LogFiles {
  readonly #files: Files;
  readonly #path: string;

  constructor(files: Files, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /** Undefined where there is no log. */
  async oldest(): Promise<FileReader | undefined> {
    for (;;) {
      const age = this.#ages().at(-1);
      if (age === undefined) return undefined;
      const opened = await this.#open(age);
      // What was renamed meanwhile is not the oldest any more.
      if (opened && this.#ages().at(-1) === age) return opened;
      await opened?.close();
    }
  }

  /** The one that was begun after it; undefined if it still grows. */
  async after({ inode }: FileReader): Promise<FileReader | undefined> {
    for (let looks = 1; ; looks++) {
      const newest = this.#inode(0);
      const age = this.#ageOf(inode);
      // It may have been renamed ahead of a look that took as long: only one during which no other
      // file was begun says that it is deleted.
      const moving = newest === undefined || this.#inode(0) !== newest;
      if (age === undefined && moving && looks < MOST_LOOKS) continue;
      // One that was deleted is followed by the oldest that is left.
      const next = age === undefined ? this.#ages().at(-1) : age - 1;
      if (next === undefined || next < 0) return undefined;
      const opened = await this.#open(next);
      if (!opened && next === 0) return undefined; // it is just being made
      const moved = age !== undefined && this.#inode(age) !== inode;
      if (opened && !moved && opened.inode !== inode) return opened;
      await opened?.close();
    }
  }

  #ages(): number[] {
    return [...this.#looks()].map(({ age }) => age);
  }

  /** Files only grow older, so one that is there is met on the way up, whatever is renamed meanwhile. */
  #ageOf(inode: bigint): number | undefined {
    for (const file of this.#looks()) if (file.inode === inode) return file.age;
    return undefined;
  }

  /** Each at its own time. While they are renamed one may be missing, never two. */
  *#looks(): Generator<{ readonly age: number; readonly inode: bigint }> {
    for (let age = 0, missing = 0; missing < 2; age++) {
      const inode = this.#inode(age);
      missing = inode === undefined ? missing + 1 : 0;
      if (inode !== undefined) yield { age, inode };
    }
  }

  #name = (age: number): string => (age === 0 ? this.#path : `${this.#path}.${age}`);
  #inode = (age: number): bigint | undefined => this.#files.status(this.#name(age))?.inode;

  #open(age: number): Promise<FileReader | undefined> {
    return whenFound(() => this.#files.open(this.#name(age)));
  }
}

export class JsonFileLog implements LogDriver {
  readonly name: string;
  readonly #files: Files;

  constructor(files: Files, name = "json-file") {
    this.#files = files;
    this.name = name;
  }

  async *read(path: string, options: LogReadOptions): AsyncIterable<LogLine | undefined> {
    const files = new LogFiles(this.#files, path);
    const open: FileReader[] = [];
    const done = new AbortController();
    try {
      yield* this.#follow(files, path, open, {
        ...options,
        signal: AbortSignal.any([options.signal, done.signal]),
      });
    } finally {
      done.abort();
      for (const reader of open) await reader.close();
    }
  }

  /** `open`: what its caller closes. */
  async *#follow(
    files: LogFiles,
    path: string,
    open: FileReader[],
    { follow, signal, ended }: LogReadOptions,
  ): AsyncGenerator<LogLine | undefined> {
    let reader = await files.oldest();
    let file = reader && new LogFile(reader);
    let caughtUp = false;
    let change: Promise<void> | undefined;
    while (file && !signal.aborted) {
      if (reader) open.push(reader);
      // Both asked before reading: what is written before the end, or before another file is
      // begun, is read after that was seen.
      const last = !follow || ended();
      reader = await files.after(file.reader);
      let some = false;
      for await (const line of file.lines(signal)) {
        yield line;
        some = true;
      }
      if (reader) {
        file = new LogFile(reader);
        await open.shift()?.close();
        change = undefined;
      } else if (!some) {
        if (!caughtUp) yield undefined;
        caughtUp = true;
        if (last) return;
        // Watched first and looked at once more, or what came between the two would be missed.
        const watched = change !== undefined;
        change ??= this.#files.changed(path, signal);
        if (!watched) continue;
        await change;
        change = undefined;
      }
    }
  }
}
