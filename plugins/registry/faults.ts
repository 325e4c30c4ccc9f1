// What can be wrong with a registry, on purpose: tests ask for a fault by what it hits and how
// often, and the server does it to the answers that would have been right.

import { Transform } from "node:stream";

export type FaultKind =
  /** Another status than the right one. */
  | { readonly do: "status"; readonly status: number; readonly headers?: Record<string, string> }
  /** The connection is cut after so many bytes of the body. */
  | { readonly do: "drop"; readonly afterBytes: number }
  /** After so many bytes of the body nothing more comes, and the connection stays. */
  | { readonly do: "stall"; readonly afterBytes: number }
  /** The body ends after so many bytes, as if that were all. */
  | { readonly do: "cut"; readonly afterBytes: number }
  /** More bytes follow the right ones. */
  | { readonly do: "pad"; readonly bytes: number }
  /** One byte is another. */
  | { readonly do: "flip"; readonly at: number }
  /** Range is ignored, or refused with 416. */
  | { readonly do: "no-range" }
  | { readonly do: "refuse-range" }
  /** Content-Range of another part than the one that follows. */
  | { readonly do: "wrong-range" }
  | { readonly do: "redirect"; readonly to: string; readonly status?: number }
  | { readonly do: "header"; readonly name: string; readonly value: string }
  /** Nothing happens until the promise settles. */
  | { readonly do: "wait"; readonly until: Promise<unknown> };

export type Fault = FaultKind & {
  readonly on: "manifest" | "blob" | "token" | "any";
  /** Only for this digest or tag. */
  readonly of?: string;
  /** How many answers it hits; all if absent. */
  readonly times?: number;
};

export class Faults {
  readonly #faults: { readonly fault: Fault; left: number }[];

  constructor(faults: readonly Fault[]) {
    this.#faults = faults.map((fault) => {
      return { fault, left: fault.times ?? Number.POSITIVE_INFINITY };
    });
  }

  /** What hits this answer: the first that is meant and not used up; one list element at most. */
  take(on: Fault["on"], of: string): Fault[] {
    const entry = this.#faults.find(({ fault, left }) => {
      const matches = fault.on === "any" || fault.on === on;
      return left > 0 && matches && (fault.of === undefined || fault.of === of);
    });
    if (!entry) return [];
    entry.left--;
    return [entry.fault];
  }
}

/** Damages a body on its way; `start` is where in the blob it begins. */
export class DamagedBody extends Transform {
  readonly #faults: readonly Fault[];
  readonly #drop: () => void;
  #at: number;
  #sent = 0;

  constructor(faults: readonly Fault[], start: number, drop: () => void) {
    super();
    this.#faults = faults;
    this.#drop = drop;
    this.#at = start;
  }

  override _transform(chunk: Buffer, _: string, done: (error?: Error | null) => void): void {
    let bytes = chunk;
    let dropped = false;
    let stalled = false;
    for (const fault of this.#faults) {
      if (fault.do === "flip" && fault.at >= this.#at && fault.at < this.#at + bytes.length) {
        bytes = Buffer.from(bytes);
        bytes[fault.at - this.#at]! ^= 0xff;
      }
      if (fault.do === "drop" || fault.do === "cut" || fault.do === "stall") {
        const left = Math.max(fault.afterBytes - this.#sent, 0);
        dropped ||= fault.do === "drop" && bytes.length > left;
        stalled ||= fault.do === "stall" && bytes.length > left;
        bytes = bytes.subarray(0, left);
      }
    }
    this.#at += chunk.length;
    this.#sent += bytes.length;
    if (bytes.length > 0) this.push(bytes);
    // What was pushed has to leave before the connection goes.
    if (dropped) setImmediate(this.#drop);
    else if (!stalled) done();
  }

  override _flush(done: (error?: Error | null) => void): void {
    for (const fault of this.#faults) {
      if (fault.do === "pad") this.push(Buffer.alloc(fault.bytes, 0x2a));
    }
    done();
  }
}
