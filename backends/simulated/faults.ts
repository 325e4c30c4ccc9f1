// Faults on purpose. Everything that a program on a host can be failed by passes here: each call
// that the engine makes into its files, its state and the network, and each operation of a program
// for the kernel is one point, numbered from 0 in the order in which they happen. A first run
// without faults counts them; another run then fails the k-th, and one seed replays a run to its
// last event.
//
//   fault      what happens                               why it must be survivable
//   fail       nothing of the call; the errno is said     disks fill up, memory runs out, limits bite
//   short      a read or write does a part of it          POSIX promises no more; callers go on
//   delay      virtual time passes first                  disks and networks stall
//   kill       a process is gone before the call          SIGKILL and the OOM killer ask nobody
//   powerOff   so are all, and what was not synced        see disk.ts
//   cut,stall  the connection breaks, or says no more     networks do
//
// Inverses do not fail by numbers: what they undo was done. A rule can still name them.

import type { Section } from "@nacre/core/program/program.ts";
import { Errno, type ErrnoName } from "./errno.ts";
import { plausibleErrnos } from "./plausible-errnos.ts";
import type { Process } from "./process.ts";

export type Actor =
  /** The engine's own files. */
  | "files"
  /** The engine's calls of the Kernel port. */
  | "kernel"
  /** The engine's transactions. */
  | "state"
  /** The engine's requests, and each chunk of an answer. */
  | "network"
  /** nacre-init: operations of the host and parent sections, inverses, the exit record. */
  | "supervisor"
  /** A container's first process, until it executes. */
  | "child";

/** One thing that can fail. */
export interface Point {
  readonly actor: Actor;
  /** A system call, the name of an operation, `undo` and its name, `read`, `commit`, `request`, `chunk`. */
  readonly call: string;
  /** What it is about: a path, a record's kind, an address. */
  readonly path: string;
  /** Of an operation. */
  readonly section?: Section;
  readonly index?: number;
  /** Of a write. */
  readonly bytes?: number;
}

export type Victim = "engine" | "supervisor" | "container";

export type Fault =
  | { readonly do: "fail"; readonly errno: ErrnoName }
  | { readonly do: "short" }
  | { readonly do: "delay"; readonly ms: number }
  | { readonly do: "kill"; readonly who: Victim }
  | { readonly do: "powerOff" }
  | { readonly do: "cut" }
  | { readonly do: "stall" };

export interface FaultRule {
  /** The k-th point of all, from 0. */
  readonly at?: number;
  /** Or those that are like this; a string is the whole path. */
  readonly on?: Partial<Omit<Point, "path" | "bytes">> & { readonly path?: string | RegExp };
  /** How many matches pass unharmed; 0 if absent. */
  readonly after?: number;
  /** How many are hit from then on; 1 if absent. */
  readonly times?: number;
  readonly fault: Fault;
}

export interface FaultOptions {
  readonly rules?: readonly FaultRule[];
  /** Each point fails with this probability, with one of these errors, or one that is plausible for it. */
  readonly random?: {
    readonly seed: number;
    readonly probability: number;
    readonly errnos?: readonly ErrnoName[];
  };
  /** The disk is full once so many bytes have been written to it. */
  readonly fullAfterBytes?: number;
  /** Whether the points are remembered, in `Faults.trace`. */
  readonly trace?: boolean;
}

/** What faults act upon: the machine. */
export interface FaultWorld {
  pass(ms: number): void;
  kill(who: Victim, at: Process | undefined): void;
  powerOff(): void;
}

/** mulberry32: fractions in 0…1 that the seed determines. */
export function fractions(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Calls that need room on the disk. */
const NEED_ROOM: readonly string[] = ["write", "create", "makeDirectory", "commit"];

function matches({ at, on }: FaultRule, point: Point, number: number): boolean {
  if (at !== undefined) return at === number;
  const { path, ...rest } = on ?? {};
  if (path instanceof RegExp ? !path.test(point.path) : (path ?? point.path) !== point.path) {
    return false;
  }
  const wanted = Object.entries(rest) as [keyof typeof rest, unknown][];
  return wanted.every(([key, value]) => point[key] === value);
}

export class Faults {
  /** How many points were reached. */
  count = 0;
  /** All of them, where they are remembered. */
  readonly trace: Point[] = [];
  /** What was injected, in order, with the number of its point. */
  readonly injected: { readonly number: number; readonly point: Point; readonly fault: Fault }[] =
    [];
  world: FaultWorld | undefined;
  readonly #options: FaultOptions;
  readonly #next: () => number;
  /** How often each rule has matched. */
  readonly #matches = new Map<FaultRule, number>();
  #writtenBytes = 0;

  constructor(options: FaultOptions = {}) {
    this.#options = options;
    this.#next = fractions(options.random?.seed ?? 0);
  }

  /**
   * Called before a call is made. Returns what is left for the caller to do: to be short, to be
   * late where it can wait, to cut, to stall.
   * @throws Errno for what is to fail
   */
  reach(point: Point, process?: Process): Fault | undefined {
    const number = this.count++;
    if (this.#options.trace) this.trace.push(point);
    const fault = this.#choose(point, number);
    if (!fault) return undefined;
    this.injected.push({ number, point, fault });
    if (fault.do === "fail") throw new Errno(fault.errno, "on purpose");
    if (fault.do === "kill") this.world?.kill(fault.who, process);
    if (fault.do === "powerOff") this.world?.powerOff();
    return fault;
  }

  /** For calls that do not wait: a slow one makes time pass for everybody. */
  before(point: Point, process?: Process): Fault | undefined {
    const fault = this.reach(point, process);
    if (fault?.do === "delay") this.world?.pass(fault.ms);
    return fault;
  }

  #choose(point: Point, number: number): Fault | undefined {
    for (const rule of this.#options.rules ?? []) {
      if (!matches(rule, point, number)) continue;
      const before = this.#matches.get(rule) ?? 0;
      this.#matches.set(rule, before + 1);
      const { after = 0, times = 1 } = rule;
      if (before >= after && before < after + times) return rule.fault;
    }
    return this.#full(point) ?? this.#random(point);
  }

  #full({ actor, call, bytes = 0 }: Point): Fault | undefined {
    const { fullAfterBytes } = this.#options;
    if (fullAfterBytes === undefined || !NEED_ROOM.includes(call)) return undefined;
    if (actor !== "files" && actor !== "state") return undefined;
    if (this.#writtenBytes + bytes > fullAfterBytes) return { do: "fail", errno: "ENOSPC" };
    this.#writtenBytes += bytes;
    return undefined;
  }

  #random(point: Point): Fault | undefined {
    const { random } = this.#options;
    if (!random || point.call.startsWith("undo ")) return undefined;
    if (this.#next() >= random.probability) return undefined;
    const errnos = random.errnos ?? plausibleErrnos(point);
    const errno = errnos[Math.floor(this.#next() * errnos.length)];
    return errno === undefined ? undefined : { do: "fail", errno };
  }
}
