import { NacreError } from "@nacre/core/error.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import type { EventRecord, RecordKind, Records } from "@nacre/core/state/records.ts";

type Table = Map<string, string>;

/** Records as JSON texts in memory, so that nobody shares an object with the store, as on a disk. */
export class SimulatedStateStore implements StateStore {
  readonly #tables = new Map<RecordKind, Table>();
  readonly #events: EventRecord[] = [];
  #sequence = 0;
  #inTransaction = false;
  #closed = false;

  read<T>(work: (transaction: Transaction) => T): T {
    return this.#transact(work, false);
  }

  write<T>(work: (transaction: Transaction) => T): T {
    return this.#transact(work, true);
  }

  events(afterSequence: number, limit: number): EventRecord[] {
    this.#mustBeOpen();
    return this.#events
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
    this.#inTransaction = true;
    const undo: (() => void)[] = [];
    const open = { writes, ended: false };
    try {
      const result = work(this.#transaction(open, undo));
      if (result instanceof Promise) {
        throw new NacreError("internal", "a transaction must not wait");
      }
      return result;
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    } finally {
      open.ended = true;
      this.#inTransaction = false;
    }
  }

  #table(kind: RecordKind): Table {
    let table = this.#tables.get(kind);
    if (!table) {
      table = new Map();
      this.#tables.set(kind, table);
    }
    return table;
  }

  #transaction(open: { writes: boolean; ended: boolean }, undo: (() => void)[]): Transaction {
    const use = (kind: RecordKind, writes: boolean): Table => {
      if (open.ended) throw new NacreError("internal", "the transaction has ended");
      if (writes && !open.writes) {
        throw new NacreError("internal", "a write inside a read transaction");
      }
      return this.#table(kind);
    };
    const change = (kind: RecordKind, key: string, text: string | undefined): void => {
      const table = use(kind, true);
      const before = table.get(key);
      const set = (value: string | undefined) =>
        value === undefined ? table.delete(key) : table.set(key, value);
      undo.push(() => set(before));
      set(text);
    };
    return {
      get: <K extends RecordKind>(kind: K, key: string): Records[K] | undefined => {
        const text = use(kind, false).get(key);
        return text === undefined ? undefined : JSON.parse(text);
      },
      list: <K extends RecordKind>(kind: K, prefix = ""): Records[K][] =>
        [...use(kind, false)]
          .filter(([key]) => key.startsWith(prefix))
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([, text]) => JSON.parse(text)),
      put: (kind, key, record) => change(kind, key, JSON.stringify(record)),
      delete: (kind, key) => change(kind, key, undefined),
      append: (event) => {
        use("container", true);
        const recorded: EventRecord = { ...structuredClone(event), sequence: ++this.#sequence };
        undo.push(() => {
          this.#events.pop();
          this.#sequence--;
        });
        this.#events.push(recorded);
        return { ...recorded };
      },
    };
  }
}
