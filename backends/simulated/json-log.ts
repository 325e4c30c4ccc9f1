// The log that a supervisor writes: docker's json-file form, one object a line. Lines longer than
// the supervisor's buffer come in parts; one without an end is written when its stream ends.

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

export class JsonLog {
  readonly #append: (line: Uint8Array) => void;
  readonly #nowMs: () => number;
  readonly #pending = { stdout: [] as number[], stderr: [] as number[] };

  constructor(append: (line: Uint8Array) => void, nowMs: () => number) {
    this.#append = append;
    this.#nowMs = nowMs;
  }

  write(stream: "stdout" | "stderr", bytes: Uint8Array): void {
    const pending = this.#pending[stream];
    for (const byte of bytes) {
      pending.push(byte);
      if (byte === LINE_FEED) this.#line(stream, pending.length);
      else if (pending.length === BUFFER_BYTES) this.#line(stream, wholeCharacters(pending));
    }
  }

  end(stream: "stdout" | "stderr"): void {
    if (this.#pending[stream].length > 0) this.#line(stream, this.#pending[stream].length);
  }

  #line(stream: "stdout" | "stderr", length: number): void {
    const log = escaped(decoder.decode(Uint8Array.from(this.#pending[stream].splice(0, length))));
    const time = new Date(this.#nowMs()).toISOString().replace("Z", "000000Z");
    const text = `{"log":"${log}","stream":"${stream}","time":"${time}"}\n`;
    try {
      this.#append(new TextEncoder().encode(text));
    } catch {
      // A full disk loses lines of the log, never the container.
    }
  }
}
