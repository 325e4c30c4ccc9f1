import type { EventRecord, FiledKind, RecordKind, Records } from "../state/records.ts";
import { token } from "./token.ts";

/** Reads and writes inside one transaction; worthless after it. */
export interface Transaction {
  get<K extends RecordKind>(kind: K, key: string): Records[K] | undefined;
  /** All records of a kind, ordered by key; with `prefix` those whose key begins with it. */
  list<K extends RecordKind>(kind: K, prefix?: string): Records[K][];
  /** Those whose files are not `durable`, ordered by key. They are few, and none of the others is read for them. */
  listUnflushed<K extends FiledKind>(kind: K): Records[K][];
  put<K extends RecordKind>(kind: K, key: string, record: Records[K]): void;
  delete(kind: RecordKind, key: string): void;
  /** Appends an event; its sequence number is given here. */
  append(event: Omit<EventRecord, "sequence">): EventRecord;
}

/**
 * The engine's state, shared by every process that uses the same root.
 *
 * Lifecycle: `write` runs its function in a serialised transaction (no other writer runs
 * meanwhile, on this machine); what it threw undoes everything it put. `read` sees one consistent
 * state. Both are synchronous and must stay short: no waiting, no kernel work inside. The
 * function may be run once only. A machine that goes down loses the latest transactions, but for
 * those that are `durable`, and what came before them: such a one waits for the disk, and is for
 * what must be known before something is destroyed.
 *
 * Errors: NacreError `unsupported` if the state was written by a newer Nacre, `corrupt` if it
 * cannot be read, `no-space`.
 */
export interface StateStore {
  read<T>(work: (transaction: Transaction) => T): T;
  write<T>(work: (transaction: Transaction) => T, options?: { readonly durable?: boolean }): T;
  /** Events after a sequence number, oldest first, at most `limit`. */
  events(afterSequence: number, limit: number): EventRecord[];
  close(): void;
}

export const StateStore = token<StateStore>("StateStore");
