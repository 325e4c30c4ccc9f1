// The lines of a container's output, as its supervisor tells them apart: lines longer than its
// buffer come in parts; one without an end is written when its stream ends. A line becomes an object
// of docker's json-file form, or a datagram to journald.

import type { Supervision } from "@nacre/core/program/program.ts";
import { because } from "./errno.ts";
import { LogFiles } from "./log-files.ts";
import type { Machine } from "./machine.ts";
import { lookup } from "./path-lookup.ts";
import type { Process } from "./process.ts";

const BUFFER_BYTES = 16 << 10;
const LINE_FEED = 10;
const decoder = new TextDecoder();

/** As nacre-init escapes: quotes, backslashes and control characters, nothing else. */
function escaped(text: string): string {
  return text.replace(/["\\\u0000-\u001f\u007f]/g, (c) => {
    if (c === "\n") return "\\n";
    if (c === '"' || c === "\\") return `\\${c}`;
    return `\\u00${c.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** How much of a full buffer to take: not the start of a character whose rest is to come. */
function wholeCharacters(bytes: readonly number[]): number {
  let back = 1;
  while (back < 4 && ((bytes[bytes.length - back] ?? 0) & 0xc0) === 0x80) back++;
  const lead = bytes[bytes.length - back] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return length > back ? bytes.length - back : bytes.length;
}

type StreamName = "stdout" | "stderr";

export class LineLog {
  readonly #write: (stream: StreamName, line: Uint8Array<ArrayBuffer>) => void;
  readonly #pending = { stdout: [] as number[], stderr: [] as number[] };

  constructor(write: (stream: StreamName, line: Uint8Array<ArrayBuffer>) => void) {
    this.#write = write;
  }

  write(stream: StreamName, bytes: Uint8Array): void {
    const pending = this.#pending[stream];
    for (const byte of bytes) {
      pending.push(byte);
      if (byte === LINE_FEED) this.#line(stream, pending.length);
      else if (pending.length === BUFFER_BYTES) this.#line(stream, wholeCharacters(pending));
    }
  }

  end(stream: StreamName): void {
    if (this.#pending[stream].length > 0) this.#line(stream, this.#pending[stream].length);
  }

  #line(stream: StreamName, length: number): void {
    try {
      this.#write(stream, Uint8Array.from(this.#pending[stream].splice(0, length)));
    } catch {
      // A full disk loses lines of the log, never the container.
    }
  }
}

function jsonLine(stream: StreamName, line: Uint8Array, nowMs: number): Uint8Array {
  const time = new Date(nowMs).toISOString().replace("Z", "000000Z");
  const text = `{"log":"${escaped(decoder.decode(line))}","stream":"${stream}","time":"${time}"}\n`;
  return new TextEncoder().encode(text);
}

/** In journald's native protocol: fields by lines, the message with its length before it. */
function journalDatagram(fields: string, stream: StreamName, line: Uint8Array): Uint8Array {
  const whole = line.at(-1) === LINE_FEED;
  const message = whole ? line.subarray(0, -1) : line;
  const partial = whole ? "" : "CONTAINER_PARTIAL_MESSAGE=true\n";
  const priority = stream === "stderr" ? 3 : 6;
  const head = new TextEncoder().encode(`${fields}PRIORITY=${priority}\n${partial}MESSAGE\n`);
  const datagram = new Uint8Array(head.length + 8 + message.length + 1);
  datagram.set(head);
  new DataView(datagram.buffer).setBigUint64(head.length, BigInt(message.length), true);
  datagram.set(message, head.length + 8);
  datagram[datagram.length - 1] = LINE_FEED;
  return datagram;
}

/** The log of a program, if it has one. Errno where it cannot be opened. */
export function openLog(
  machine: Machine,
  process: Process,
  { output, terminal, logPath, logLimits, journal }: Supervision,
): LineLog | undefined {
  if (output === "inherit" && terminal !== "detached") return undefined;
  if (journal) {
    because(`open ${journal.socket}`, () => lookup(process, journal.socket));
    return new LineLog((stream, line) => {
      machine.journal.push(journalDatagram(journal.fields, stream, line));
    });
  }
  if (logPath === undefined) return undefined;
  const log = new LogFiles(process, logPath, logLimits);
  return new LineLog((stream, line) => {
    machine.as(process, () => log.append(jsonLine(stream, line, machine.clock.nowMs())));
  });
}
