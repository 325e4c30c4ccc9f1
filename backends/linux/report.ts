// What nacre-init says on its report descriptor, as it comes:
//
//   ready PID STARTTIME             the child section has ended in execve(2)
//   done                            a program of the host section alone is complete
//   failed SECTION INDEX ERRNO …    and a detail; the inverses run after it
//   undo-failed INDEX ERRNO …       an inverse failed; the others went on
//   exited BYTES                    followed by an exit record of so many bytes
//   left                            the keys were typed by which one leaves; nothing is said after it
//   malformed                       the program was refused before anything was done

import type { Section } from "@nacre/core/program/program.ts";

export interface Failure {
  readonly index: number;
  /** The kernel's number. */
  readonly errno: number;
  readonly detail: string;
}

export type Report =
  | { readonly kind: "ready"; readonly pid: number; readonly startTime: bigint }
  | { readonly kind: "done" }
  | { readonly kind: "left" }
  | ({ readonly kind: "failed"; readonly section: Section } & Failure)
  | ({ readonly kind: "undo-failed" } & Failure)
  | { readonly kind: "exited"; readonly record: string }
  | { readonly kind: "malformed"; readonly line: string };

const failure = (words: readonly string[]): Failure => ({
  index: Number(words[0]),
  errno: Number(words[1]),
  detail: words.slice(2).join(" "),
});

function parseLine(line: string): Report {
  const [word, ...rest] = line.split(" ");
  switch (word) {
    case "ready":
      return { kind: "ready", pid: Number(rest[0]), startTime: BigInt(rest[1] ?? 0) };
    case "done":
    case "left":
      return { kind: word };
    case "failed":
      return { kind: "failed", section: rest[0] as Section, ...failure(rest.slice(1)) };
    case "undo-failed":
      return { kind: "undo-failed", ...failure(rest) };
    default:
      return { kind: "malformed", line };
  }
}

/** Feeds on chunks of any size, gives what is complete. */
export class ReportReader {
  #bytes: Buffer<ArrayBufferLike> = Buffer.alloc(0);

  push(chunk: Buffer): Report[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const reports: Report[] = [];
    for (let end = this.#bytes.indexOf(10); end >= 0; end = this.#bytes.indexOf(10)) {
      const line = this.#bytes.toString("utf8", 0, end);
      let next = end + 1;
      if (line.startsWith("exited ")) {
        next += Number(line.slice("exited ".length));
        if (this.#bytes.length < next) break;
        reports.push({ kind: "exited", record: this.#bytes.toString("utf8", end + 1, next) });
      } else reports.push(parseLine(line));
      this.#bytes = this.#bytes.subarray(next);
    }
    return reports;
  }
}
