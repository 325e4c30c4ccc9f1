import { NacreError } from "@nacre/core/error.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import type { EventRecord, RecordKind, Records } from "@nacre/core/state/records.ts";
import { SimulatedDatabase, type Table } from "./database.ts";

/** A process's connection to a database. */
export class SimulatedStateStore implements StateStore {
  readonly #database: SimulatedDatabase;
  /** Called where SQLite works on the disk: as a transaction begins, and before it is committed. */
  readonly #reach: (call: "begin" | "commit") => void;
  #inTransaction = false;
  #closed = false;

  constructor(
    database: SimulatedDatabase = new SimulatedDatabase(),
    reach: (call: "begin" | "commit") => void = () => {},
  ) {
    this.#database = database;
    this.#reach = reach;
  }

  read<T>(work: (transaction: Transaction) => T): T {
    return this.#transact(work, false);
  }

  write<T>(work: (transaction: Transaction) => T, options: { readonly durable?: boolean } = {}): T {
    const result = this.#transact(work, true);
    if (options.durable) this.#database.checkpoint();
    return result;
  }

  events(afterSequence: number, limit: number): EventRecord[] {
    this.#mustBeOpen();
    this.#reach("begin");
    return this.#database.events
      .filter((event) => event.sequence > afterSequence)
      .slice(0, limit)
      .map((event) => structuredClone(event));
  }

  close(): void {
    this.#closed = true;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new NacreError("internal", "the state was closed");
  }

  #transact<T>(work: (transaction: Transaction) => T, writes: boolean): T {
    this.#mustBeOpen();
    if (this.#inTransaction) throw new NacreError("internal", "a transaction inside another");
    this.#reach("begin");
    this.#inTransaction = true;
    const undo: (() => void)[] = [];
    const open = { writes, ended: false };
    this.#database.open = undo;
    try {
      const result = work(this.#transaction(open, undo));
      if (result instanceof Promise) {
        throw new NacreError("internal", "a transaction must not wait");
      }
      if (undo.length > 0) this.#reach("commit");
      this.#database.committed(undo);
      return result;
    } catch (error) {
      for (let step = undo.pop(); step; step = undo.pop()) step();
      throw error;
    } finally {
      this.#database.open = undefined;
      open.ended = true;
      this.#inTransaction = false;
    }
  }

  #transaction(open: { writes: boolean; ended: boolean }, undo: (() => void)[]): Transaction {
    const database = this.#database;
    const use = (kind: RecordKind, writes: boolean): Table => {
      if (open.ended) throw new NacreError("internal", "the transaction has ended");
      if (writes && !open.writes) {
        throw new NacreError("internal", "a write inside a read transaction");
      }
      return database.table(kind);
    };
    const change = (kind: RecordKind, key: string, text: string | undefined): void => {
      const table = use(kind, true);
      const before = table.get(key);
      const set = (value: string | undefined) =>
        value === undefined ? table.delete(key) : table.set(key, value);
      undo.push(() => set(before));
      set(text);
    };
    const list = <K extends RecordKind>(kind: K, prefix = ""): Records[K][] =>
      [...use(kind, false)]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, text]) => JSON.parse(text));
    return {
      get: <K extends RecordKind>(kind: K, key: string): Records[K] | undefined => {
        const text = use(kind, false).get(key);
        return text === undefined ? undefined : JSON.parse(text);
      },
      list,
      listUnflushed: (kind) => list(kind).filter(({ durable }) => !durable),
      put: (kind, key, record) => change(kind, key, JSON.stringify(record)),
      delete: (kind, key) => change(kind, key, undefined),
      append: (event) => {
        use("container", true);
        const recorded: EventRecord = { ...structuredClone(event), sequence: ++database.sequence };
        undo.push(() => {
          database.events.pop();
          database.sequence--;
        });
        database.events.push(recorded);
        return { ...recorded };
      },
    };
  }
}
