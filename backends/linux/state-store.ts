import { existsSync, statSync } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { NacreError } from "@nacre/core/error.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import type { EventRecord, FiledKind, RecordKind, Records } from "@nacre/core/state/records.ts";
import { EVENT_LIMIT, MIGRATIONS, type Migration } from "./schema.ts";
import { createDatabase, openDatabase, sqliteError } from "./sqlite.ts";

export interface StateStoreOptions {
  /** The schema's history; another one only in tests of migrating. */
  readonly migrations?: readonly Migration[];
  /** How long another process's transaction is waited for, in milliseconds. */
  readonly busyMs?: number;
  /**
   * False leaves the closing to the end of the process: the last connection that is closed writes
   * the log back into the database and flushes both, which a short command need not wait for.
   * True if absent.
   */
  readonly closes?: boolean;
}

/** A writer holds the lock for well under a millisecond; this is for a stalled disk, or hundreds of commands at once on few processors. */
const BUSY_MS = 60_000;
/**
 * A log of this size, five hundred pages, is written back by the process that adds to it. The first
 * process after all others reads it whole, a microsecond a page, and a run adds some 15; to write it
 * back takes two waits for the disk, and longer the more pages there are.
 */
const LOG_LIMIT_BYTES = 2 << 20;
/** Old events are removed once in so many. */
const TRIM_EVERY = 256;
/** Sorts after every key that has the prefix. */
const AFTER = "\u{10ffff}";

/**
 * The state in one SQLite file (https://sqlite.org/wal.html): readers never wait, writers wait for
 * each other, a killed one leaves nothing of its transaction.
 *
 * A process that ends without `close` loses nothing and is faster for it: only the last one that
 * closes moves the write-ahead log into the file, which waits for the disk.
 */
export class SqliteStateStore implements StateStore {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #version: number;
  readonly #statements = new Map<string, StatementSync>();
  readonly #closes: boolean;
  #inTransaction = false;
  #hasWritten = false;
  #closed = false;

  /** Opens `path`, makes it if it is missing, migrates it if it is older. */
  constructor(path: string, options: StateStoreOptions = {}) {
    const { migrations = MIGRATIONS, busyMs = BUSY_MS, closes = true } = options;
    this.#closes = closes;
    this.#path = path;
    this.#version = migrations.length;
    let database: DatabaseSync | undefined;
    try {
      if (!existsSync(path)) createDatabase(path, (fresh) => migrate(fresh, migrations));
      database = openDatabase(path, busyMs);
      // That it has been made is forgotten with the process: each commit would make it anew.
      if (!closes) database.exec("PRAGMA wal_autocheckpoint = 0");
      if (versionOf(database) < migrations.length) {
        migrate(database, migrations);
        this.#hasWritten = true;
      }
    } catch (error) {
      database?.close();
      throw sqliteError(error, path);
    }
    this.#database = database;
    try {
      this.#mustFit();
    } catch (error) {
      database.close();
      throw error;
    }
  }

  read<T>(work: (transaction: Transaction) => T): T {
    return this.#transact(false, work);
  }

  write<T>(work: (transaction: Transaction) => T, options: { readonly durable?: boolean } = {}): T {
    if (!options.durable) return this.#transact(true, work);
    // Then a commit waits for the write-ahead log, and so for all transactions before it.
    this.#database.exec("PRAGMA synchronous = FULL");
    try {
      return this.#transact(true, work);
    } finally {
      this.#database.exec("PRAGMA synchronous = NORMAL");
    }
  }

  events(afterSequence: number, limit: number): EventRecord[] {
    return this.read(() =>
      this.#prepare(
        "SELECT sequence, value FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?",
      )
        .all(afterSequence, limit)
        .map((row) => ({ ...this.#parse<EventRecord>(row), sequence: Number(row.sequence) })),
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#closes) {
      if (this.#hasWritten) this.#shortenLog();
      return;
    }
    this.#statements.clear();
    this.#database.close();
  }

  /** Not where others are at work: one of those that follow will do it. */
  #shortenLog(): void {
    const log = statSync(`${this.#path}-wal`, { throwIfNoEntry: false });
    if (log === undefined || log.size <= LOG_LIMIT_BYTES) return;
    try {
      this.#database.exec("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // Nothing is lost: it stays in the log.
    }
  }

  #transact<T>(writes: boolean, work: (transaction: Transaction) => T): T {
    if (this.#closed) throw new NacreError("internal", "the state was closed");
    if (this.#inTransaction) throw new NacreError("internal", "a transaction inside another");
    try {
      this.#prepare(writes ? "BEGIN IMMEDIATE" : "BEGIN").run();
    } catch (error) {
      throw sqliteError(error, this.#path);
    }
    this.#inTransaction = true;
    this.#hasWritten ||= writes;
    const transaction = new SqliteTransaction(
      writes,
      (sql) => this.#prepare(sql),
      (row) => this.#parse(row),
    );
    try {
      this.#mustFit();
      const result = work(transaction);
      if (result instanceof Promise) {
        throw new NacreError("internal", "a transaction must not wait");
      }
      this.#prepare("COMMIT").run();
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after some errors (a full disk).
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw sqliteError(error, this.#path);
    } finally {
      transaction.end();
      this.#inTransaction = false;
    }
  }

  /** Another process may have migrated the database since we opened it. */
  #mustFit(): void {
    const found = Number(this.#prepare("PRAGMA user_version").get()?.user_version);
    if (found === this.#version) return;
    throw new NacreError(
      "unsupported",
      `the state in ${this.#path} was written by a newer Nacre (schema ${found}; this one knows ${this.#version})`,
      { advice: "Use the newer Nacre, or another --root." },
    );
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #parse<T>(row: Record<string, unknown>): T {
    try {
      return JSON.parse(String(row.value));
    } catch (cause) {
      throw new NacreError("corrupt", `a record in ${this.#path} is not JSON`, {
        cause,
        advice: "Restore the file from a backup, or move it away to begin with an empty state.",
      });
    }
  }
}

class SqliteTransaction implements Transaction {
  readonly #writes: boolean;
  readonly #prepareStatement: (sql: string) => StatementSync;
  readonly #parse: <T>(row: Record<string, unknown>) => T;
  #ended = false;

  constructor(
    writes: boolean,
    prepare: (sql: string) => StatementSync,
    parse: <T>(row: Record<string, unknown>) => T,
  ) {
    this.#writes = writes;
    this.#prepareStatement = prepare;
    this.#parse = parse;
  }

  end(): void {
    this.#ended = true;
  }

  get<K extends RecordKind>(kind: K, key: string): Records[K] | undefined {
    const row = this.#prepare("SELECT value FROM records WHERE kind = ? AND key = ?").get(
      kind,
      key,
    );
    return row && this.#parse<Records[K]>(row);
  }

  list<K extends RecordKind>(kind: K, prefix = ""): Records[K][] {
    return this.#prepare(
      "SELECT value FROM records WHERE kind = ? AND key >= ? AND key < ? ORDER BY key",
    )
      .all(kind, prefix, prefix + AFTER)
      .map((row) => this.#parse<Records[K]>(row));
  }

  listUnflushed<K extends FiledKind>(kind: K): Records[K][] {
    return this.#prepare(
      `SELECT value FROM records INDEXED BY unflushed
       WHERE kind = ? AND instr(value, '"durable":false') > 0 ORDER BY key`,
    )
      .all(kind)
      .map((row) => this.#parse<Records[K]>(row));
  }

  put<K extends RecordKind>(kind: K, key: string, record: Records[K]): void {
    this.#prepareWrite(
      "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    ).run(kind, key, JSON.stringify(record));
  }

  delete(kind: RecordKind, key: string): void {
    this.#prepareWrite("DELETE FROM records WHERE kind = ? AND key = ?").run(kind, key);
  }

  append(event: Omit<EventRecord, "sequence">): EventRecord {
    const insert = this.#prepareWrite("INSERT INTO events (value) VALUES (?)");
    const sequence = Number(insert.run(JSON.stringify(event)).lastInsertRowid);
    if (sequence % TRIM_EVERY === 0) {
      this.#prepare("DELETE FROM events WHERE sequence <= ?").run(sequence - EVENT_LIMIT);
    }
    return { ...event, sequence };
  }

  #prepareWrite(sql: string): StatementSync {
    // SQLite would make a writer of this reader here, without waiting for the others.
    if (!this.#writes) throw new NacreError("internal", "a write inside a read transaction");
    return this.#prepare(sql);
  }

  #prepare(sql: string): StatementSync {
    if (this.#ended) throw new NacreError("internal", "the transaction has ended");
    return this.#prepareStatement(sql);
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.user_version);
}

/** All missing steps in one transaction: others see the old shape or the new one. */
function migrate(database: DatabaseSync, migrations: readonly Migration[]): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    // Asked again: another process may have done it while we waited for the lock.
    for (let version = versionOf(database); version < migrations.length; version++) {
      migrations[version]?.(database);
      database.exec(`PRAGMA user_version = ${version + 1}`);
    }
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
