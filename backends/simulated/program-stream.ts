// A stream as a program holds it: a descriptor of its process. Reading and writing wait as system
// calls do, and a stopped process does not come back from them before it goes on.

import { concatenate } from "@nacre/core/bytes.ts";
import { SIGNALS } from "@nacre/core/program/signals.ts";
import { errnoOf } from "./errno.ts";
import type { Machine } from "./machine.ts";
import type { Descriptor } from "./pipe.ts";
import { type Process, ProcessGone } from "./process.ts";

const LINE_FEED = 10;
const encoder = new TextEncoder();

/** Makes a call that waits; `takeBack` is called if the process ends meanwhile. */
export async function waited<T>(
  machine: Machine,
  process: Process,
  call: () => Promise<T>,
  takeBack?: () => void,
): Promise<T> {
  const goOn = async (): Promise<void> => {
    if (!(await machine.processes.mayRun(process))) throw new ProcessGone();
  };
  if (!process.mayRun) await goOn();
  const result = await process.during(call(), takeBack);
  if (!process.mayRun) await goOn();
  return result;
}

export class ProgramStream {
  readonly #machine: Machine;
  readonly #process: Process;
  readonly #descriptor: Descriptor;
  /** What was read and not asked for yet. */
  #pending: Uint8Array | undefined;

  constructor(machine: Machine, process: Process, descriptor: Descriptor) {
    this.#machine = machine;
    this.#process = process;
    this.#descriptor = descriptor;
  }

  #call<T>(call: () => Promise<T>): Promise<T> {
    const machine = this.#machine;
    return waited(machine, this.#process, () => machine.as(this.#process, call));
  }

  /** open(2) of a fifo comes back when its other end is open, too; all else is open at once. */
  opened(): Promise<void> {
    return this.#call(async () => this.#descriptor.opened?.());
  }

  /** Some bytes; undefined at the end. */
  async read(): Promise<Uint8Array | undefined> {
    const pending = this.#pending;
    this.#pending = undefined;
    const process = this.#process;
    return pending ?? this.#call(() => this.#descriptor.read(() => process.alive));
  }

  /** One line with its end, or what is left at the end of the file; undefined after that. */
  async line(): Promise<string | undefined> {
    const parts: Uint8Array[] = [];
    for (let chunk = await this.read(); chunk; chunk = await this.read()) {
      const end = chunk.indexOf(LINE_FEED);
      if (end < 0) parts.push(chunk);
      else {
        parts.push(chunk.subarray(0, end + 1));
        if (end + 1 < chunk.length) this.#pending = chunk.subarray(end + 1);
        break;
      }
    }
    return parts.length === 0 ? undefined : new TextDecoder().decode(concatenate(parts));
  }

  /** All that comes until the end. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const parts: Uint8Array[] = [];
    for (let chunk = await this.read(); chunk; chunk = await this.read()) parts.push(chunk);
    return concatenate(parts);
  }
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  /** SIGPIPE, and EPIPE where that is handled, when nobody reads any more. */
  async write(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    const { processes } = this.#machine;
    try {
      await this.#call(() => this.#descriptor.write(bytes));
    } catch (error) {
      if (errnoOf(error) !== "EPIPE") throw error;
      processes.signal(this.#process, SIGNALS.PIPE, this.#process.namespaces.pid);
      if (!this.#process.alive) throw new ProcessGone();
      throw error;
    }
  }

  close(): void {
    this.#descriptor.close();
  }

  /** @internal For a child that gets it, with what was read here and not used. */
  descriptor(): Descriptor {
    const [given, rest] = [this.#descriptor.duplicate(), this.#pending];
    this.#pending = undefined;
    return rest ? preceded(rest, given) : given;
  }
}

/** A descriptor that gives some bytes before what it gives by itself. */
function preceded(bytes: Uint8Array, from: Descriptor): Descriptor {
  let first: Uint8Array | undefined = bytes;
  return {
    read: async (wanted) => {
      const taken = first;
      first = undefined;
      return taken ?? from.read(wanted);
    },
    write: (written) => from.write(written),
    duplicate: () => {
      const rest = first;
      first = undefined;
      return rest ? preceded(rest, from.duplicate()) : from.duplicate();
    },
    close: () => from.close(),
  };
}
