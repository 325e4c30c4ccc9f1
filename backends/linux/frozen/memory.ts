// What a stopped process has in its memory, by /proc/PID (proc_pid_maps(5), proc_pid_pagemap(5)).

import { closeSync, openSync, readFileSync, readSync } from "node:fs";

export const PAGE = 4096;

/** A line of /proc/PID/maps; addresses in bytes. */
export interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  readonly shared: boolean;
  readonly offset: number;
  /** 0 where no file is mapped. */
  readonly inode: number;
  /** A path, a name in brackets, or nothing. */
  readonly name: string;
}

/** Bytes of a mapping that are its own: not the file's, and not all of them 0. */
export interface Span {
  readonly start: number;
  readonly length: number;
}

const LINE = /^([\da-f]+)-([\da-f]+) ([r-])([w-])([x-])([ps]) ([\da-f]+) \S+ (\d+) *(.*)$/;

export function parseMappings(text: string): Mapping[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const fields = LINE.exec(line);
      if (!fields) throw new Error(`a mapping that is none: ${line}`);
      const [, start, end, read, write, execute, kind, offset, inode, name] = fields as string[];
      return {
        ...{ start: Number.parseInt(start!, 16), end: Number.parseInt(end!, 16) },
        ...{ read: read === "r", write: write === "w", execute: execute === "x" },
        ...{ shared: kind === "s", offset: Number.parseInt(offset!, 16), inode: Number(inode) },
        name: name!,
      };
    });
}

export const mappingsOf = (pid: number): Mapping[] =>
  parseMappings(readFileSync(`/proc/${pid}/maps`, "latin1"));

/** Bits of the upper half of an entry of the page map. */
const PRESENT = 0x8000_0000;
const SWAPPED = 0x4000_0000;
const OF_FILE = 0x2000_0000;

/** One span costs a mapping in each process that is made of it; a page that is all 0 costs 4 kB of a file. */
const GAP_PAGES = 16;

/** `entries`: of the mapping's pages, eight bytes each, as the page map has them. */
export function spansOf(mapping: Mapping, entries: Buffer): Span[] {
  const spans: { start: number; length: number }[] = [];
  for (let page = 0; page < entries.length / 8; page++) {
    const bits = entries.readUInt32LE(page * 8 + 4);
    const own = (bits & (PRESENT | SWAPPED)) !== 0 && (bits & OF_FILE) === 0;
    if (!own) continue;
    const start = mapping.start + page * PAGE;
    const last = spans.at(-1);
    if (last && start - (last.start + last.length) <= GAP_PAGES * PAGE) {
      last.length = start + PAGE - last.start;
    } else {
      spans.push({ start, length: PAGE });
    }
  }
  return spans;
}

/** The memory of a process that does not run on meanwhile. */
export class StoppedMemory implements Disposable {
  readonly #pages: number;
  readonly #bytes: number;

  constructor(pid: number) {
    this.#pages = openSync(`/proc/${pid}/pagemap`, "r");
    this.#bytes = openSync(`/proc/${pid}/mem`, "r");
  }

  spans(mapping: Mapping): Span[] {
    const entries = Buffer.alloc(((mapping.end - mapping.start) / PAGE) * 8);
    readWhole(this.#pages, entries, (mapping.start / PAGE) * 8);
    return spansOf(mapping, entries);
  }

  read({ start, length }: Span): Buffer {
    const bytes = Buffer.allocUnsafeSlow(length);
    readWhole(this.#bytes, bytes, start);
    return bytes;
  }

  [Symbol.dispose](): void {
    closeSync(this.#pages);
    closeSync(this.#bytes);
  }
}

function readWhole(file: number, into: Buffer, position: number): void {
  for (let at = 0; at < into.length; ) {
    const count = readSync(file, into, at, into.length - at, position + at);
    if (count === 0) throw new Error(`no memory at ${(position + at).toString(16)}`);
    at += count;
  }
}
