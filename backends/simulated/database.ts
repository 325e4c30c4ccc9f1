// The state as it lies on the disk, shared by all processes that open it. It behaves as SQLite in
// WAL mode with synchronous=NORMAL (https://sqlite.org/pragma.html#pragma_synchronous): a killed
// process loses nothing that it has committed. When the power is lost, the last transactions may
// be, back to a checkpoint or to what the kernel wrote out by itself; each is there whole or not
// at all, and none without those before it.

import type { EventRecord, RecordKind } from "@nacre/core/state/records.ts";

export type Table = Map<string, string>;

/** What takes a transaction back, step by step. */
type Undo = (() => void)[];

/** PRAGMA wal_autocheckpoint, in transactions of a page or two. */
const CHECKPOINT_EVERY = 500;
/** dirty_expire_centisecs=3000, looked at every five seconds. */
const WRITEBACK_MS = 35_000;

export class SimulatedDatabase {
  /** Records as JSON texts, so that nobody shares an object with the store, as on a disk. */
  readonly #tables = new Map<RecordKind, Table>();
  readonly events: EventRecord[] = [];
  sequence = 0;
  /** What takes back the transaction that is being made, if there is one. */
  open: Undo | undefined;
  /** Transactions since the last checkpoint, the oldest first. */
  #log: { readonly atMs: number; readonly undo: Undo }[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => 0) {
    this.#nowMs = nowMs;
  }

  table(kind: RecordKind): Table {
    let table = this.#tables.get(kind);
    if (!table) {
      table = new Map();
      this.#tables.set(kind, table);
    }
    return table;
  }

  /** A transaction has ended well. */
  committed(undo: Undo): void {
    if (undo.length === 0) return;
    this.#log.push({ atMs: this.#nowMs(), undo });
    if (this.#log.length >= CHECKPOINT_EVERY) this.checkpoint();
  }

  /** Everything is durable from here on. */
  checkpoint(): void {
    this.#log = [];
  }

  /** Loses some of what was not durable; `chance` gives fractions in 0…1. Returns how many transactions. */
  powerLoss(chance: () => number): number {
    for (let step = this.open?.pop(); step; step = this.open?.pop()) step();
    const until = this.#nowMs() - WRITEBACK_MS;
    const settled = this.#log.filter(({ atMs }) => atMs <= until).length;
    const kept = settled + Math.floor(chance() * (this.#log.length - settled + 1));
    const lost = this.#log.splice(kept).reverse();
    for (const { undo } of lost) for (const step of undo.toReversed()) step();
    this.checkpoint();
    return lost.length;
  }

  /** Another one with the same records. */
  clone(nowMs: () => number = this.#nowMs): SimulatedDatabase {
    const copy = new SimulatedDatabase(nowMs);
    for (const [kind, table] of this.#tables) copy.#tables.set(kind, new Map(table));
    copy.events.push(...this.events.map((event) => structuredClone(event)));
    copy.sequence = this.sequence;
    return copy;
  }
}
