// The descriptors of this process, as containers of the simulated kernel have them.

import { read } from "node:fs";
import type { Descriptor } from "@nacre/simulated/pipe.ts";
import { rawTerminal } from "./process-host.ts";
import { writeAll } from "./write-all.ts";

/** By their numbers. Behind the standard streams every number that is asked for is open. */
export class OwnDescriptors extends Map<number, Descriptor> {
  constructor() {
    super();
    this.set(0, new Input());
    for (const number of [1, 2]) this.set(number, new Output(number));
  }

  override get(number: number): Descriptor {
    return super.get(number) ?? new Passed(number);
  }
}

class Output implements Descriptor {
  readonly #number: number;

  constructor(number: number) {
    this.#number = number;
  }
  async read(): Promise<Uint8Array | undefined> {
    return undefined;
  }
  async write(bytes: Uint8Array): Promise<void> {
    writeAll(this.#number, bytes);
  }
  duplicate(): Descriptor {
    return this;
  }
  close(): void {}
}

class Input implements Descriptor {
  #chunks: AsyncIterator<Uint8Array> | undefined;
  #uses = 1;

  async read(): Promise<Uint8Array | undefined> {
    this.#chunks ??= process.stdin[Symbol.asyncIterator]();
    const { value, done } = await this.#chunks.next();
    return done ? undefined : value;
  }
  async write(): Promise<void> {}
  lend(resized: (size: { rows: number; columns: number }) => void): () => void {
    const { stdin, stdout } = process;
    if (!stdin.isTTY) return () => {};
    const giveBack = rawTerminal();
    const resize = (): void => resized({ rows: stdout.rows, columns: stdout.columns });
    stdout.on("resize", resize);
    return () => {
      stdout.off("resize", resize);
      giveBack();
    };
  }
  duplicate(): Descriptor {
    this.#uses++;
    return this;
  }
  /** What waits for input must not keep this process alive once nobody wants it any more. */
  close(): void {
    this.#uses--;
    // The machine keeps one for whoever comes next.
    if (this.#uses <= 1 && this.#chunks) process.stdin.unref();
  }
}

const CHUNK_BYTES = 1 << 16;

class Passed extends Output {
  readonly #number: number;

  constructor(number: number) {
    super(number);
    this.#number = number;
  }
  override read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      read(
        this.#number,
        new Uint8Array(CHUNK_BYTES),
        0,
        CHUNK_BYTES,
        null,
        (error, size, bytes) => {
          if (error) reject(error);
          else resolve(size === 0 ? undefined : bytes.subarray(0, size));
        },
      );
    });
  }
}
