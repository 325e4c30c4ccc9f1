// node:sqlite as this backend uses it: loaded without its warning, its errors in the words of the
// house, its files for root alone.

import { closeSync, linkSync, openSync, rmSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { type ErrorKind, NacreError } from "@nacre/core/error.ts";
import { attempt } from "./files-error.ts";
import { ownName } from "./temporary-name.ts";

type Sqlite = typeof import("node:sqlite");

/**
 * Node before 24 warns that sqlite is experimental when it is first loaded. Users cannot act on
 * that; every other warning goes its way. There is no flag for one warning but on the command line.
 */
function loadSqlite(): Sqlite {
  const emit = process.emitWarning;
  process.emitWarning = ((warning: string | Error, ...rest: never[]) => {
    const text = typeof warning === "string" ? warning : warning.message;
    if (!text.startsWith("SQLite is an experimental feature")) emit(warning, ...rest);
  }) as typeof process.emitWarning;
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    process.emitWarning = emit;
  }
}

let sqlite: Sqlite | undefined;

/** Opens a database that exists. Locks of other processes are waited for up to `busyMs`. */
export function openDatabase(path: string, busyMs: number): DatabaseSync {
  sqlite ??= loadSqlite();
  const database = new sqlite.DatabaseSync(path, { timeout: busyMs });
  // In WAL mode this is safe against a crash of processes; a power cut may lose the last
  // transactions, never the consistency. Nothing waits for the disk but checkpoints.
  database.exec("PRAGMA synchronous = NORMAL");
  return database;
}

/**
 * Makes a database in WAL mode with what `fill` puts there, under a name of its own, and gives it
 * its name by link(2): of many processes that come first at the same time, one wins, and all see a
 * complete one. (Switching to WAL is not covered by SQLite's own waiting for locks.)
 */
export function createDatabase(path: string, fill: (database: DatabaseSync) => void): void {
  const own = ownName(path, "tmp");
  try {
    // SQLite would take 0644; its -wal and -shm files take the mode of this one.
    attempt("create", path, () => closeSync(openSync(own, "wx", 0o600)));
    const database = openDatabase(own, 0);
    try {
      database.exec("PRAGMA journal_mode = WAL");
      fill(database);
    } finally {
      database.close();
    }
    attempt("name", path, () => linkSync(own, path));
  } catch (error) {
    if (!(error instanceof NacreError && error.kind === "exists")) throw error;
  } finally {
    for (const suffix of ["", "-wal", "-shm"]) discard(own + suffix);
  }
}

/** Where it cannot be removed it could not be made either, and that is the error to tell. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The error of the making is on its way.
  }
}

interface Meaning {
  readonly kind: ErrorKind;
  readonly advice: (path: string) => string;
}

const damaged: Meaning = {
  kind: "corrupt",
  advice: (path) =>
    `Restore it from a backup, or move ${path} and its -wal and -shm away: Nacre then begins with an empty state, and images must be pulled again.`,
};

/** Primary result codes (sqlite.org/rescode.html); the others are a defect or the disk's. */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  3: { kind: "denied", advice: () => "Run as root." }, // PERM
  5: {
    kind: "in-use",
    advice: (path) => `Another process writes for long: \`fuser -v ${path}\` shows which.`,
  }, // BUSY
  8: { kind: "denied", advice: () => "Run as root, or choose a --root that can be written." }, // READONLY
  10: { kind: "kernel", advice: () => "The disk reports an error: see `dmesg`." }, // IOERR
  11: damaged, // CORRUPT
  13: {
    kind: "no-space",
    advice: () => "Free some space there (`nacre system prune` removes what is unused).",
  }, // FULL
  14: { kind: "denied", advice: () => "Run as root, or choose a --root that can be written." }, // CANTOPEN
  26: damaged, // NOTADB
};

/** An error of node:sqlite on the database at `path` as a NacreError; any other as it is. */
export function sqliteError(error: unknown, path: string): unknown {
  const { code, errcode, errstr, message } = error as {
    code?: string;
    errcode?: number;
    errstr?: string;
    message?: string;
  };
  if (code !== "ERR_SQLITE_ERROR" || errcode === undefined) return error;
  const meaning = MEANINGS[errcode & 0xff];
  return new NacreError(
    meaning?.kind ?? "internal",
    `the state in ${path} cannot be used: ${message ?? errstr}`,
    { cause: error, ...(meaning && { advice: meaning.advice(path) }) },
  );
}
