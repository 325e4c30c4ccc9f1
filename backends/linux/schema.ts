// The shape of state.db, and how an older one becomes the present one.
//
// PRAGMA user_version counts the migrations that have run. A migration runs in one exclusive
// transaction while other processes have the database open and containers run: whoever begins a
// transaction looks at the number first, so a process of an older Nacre stops with a clear message
// instead of reading rows that it does not understand. Running containers do not read the
// database; their supervisors leave exit records in files.

import type { DatabaseSync } from "node:sqlite";

/** Takes a database from version i to i + 1, where i is its place in the list. Never changed once released. */
export type Migration = (database: DatabaseSync) => void;

export const MIGRATIONS: readonly Migration[] = [
  (database) => {
    database.exec(`
      CREATE TABLE records (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (kind, key)
      ) WITHOUT ROWID;
      -- AUTOINCREMENT: a number is never given twice, so "after n" stays true when old ones go.
      CREATE TABLE events (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        value TEXT NOT NULL
      );
    `);
  },
  // Who starts a container is no longer kept as its supervisor, but as what holds it.
  (database) => {
    database.exec(`
      UPDATE records
      SET value = json_remove(
        json_set(value, '$.holder', json_extract(value, '$.supervisor')), '$.supervisor')
      WHERE kind = 'container'
        AND json_extract(value, '$.status') = 'starting'
        AND json_extract(value, '$.supervisor') IS NOT NULL;
    `);
  },
  // What is mounted is no longer what was asked for, but what that came to.
  (database) => {
    database.exec(`
      UPDATE records
      SET value = json_set(value, '$.mounts', json_extract(value, '$.request.mounts'))
      WHERE kind = 'container';
    `);
  },
  // Records lie apart from the index over their keys. In a table without rowids they lie in the
  // pages of the keys: some records of images need several pages each, and whoever looked for
  // another one read all those whose keys it met on its way.
  // Numbers of events need no AUTOINCREMENT, which writes a page of its own for each: only the
  // oldest events are ever removed, so the next number is above all that were given.
  (database) => {
    database.exec(`
      CREATE TABLE moved_records (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        UNIQUE (kind, key)
      );
      INSERT INTO moved_records SELECT kind, key, value FROM records ORDER BY kind, key;
      DROP TABLE records;
      ALTER TABLE moved_records RENAME TO records;
      CREATE TABLE moved_events (sequence INTEGER PRIMARY KEY, value TEXT NOT NULL);
      INSERT INTO moved_events SELECT sequence, value FROM events ORDER BY sequence;
      DROP TABLE events;
      ALTER TABLE moved_events RENAME TO events;
    `);
  },
  // What is to be flushed is looked for after every build and pull. Records are JSON of our own:
  // within a text of others quotes are escaped.
  (database) => {
    database.exec(`
      CREATE INDEX unflushed ON records (kind, key) WHERE instr(value, '"durable":false') > 0;
    `);
  },
];

/** How many events are kept; older ones go as new ones come. */
export const EVENT_LIMIT = 10_000;
