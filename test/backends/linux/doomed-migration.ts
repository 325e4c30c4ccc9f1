// A process of schema.test.ts: opens PATH, and kills itself in the middle of its migrations, when
// it has executed so many of their statements. It ends with 0 where there are not as many.

import type { DatabaseSync } from "node:sqlite";
import { MIGRATIONS, type Migration } from "@nacre/linux/schema.ts";
import { SqliteStateStore } from "@nacre/linux/state-store.ts";

const [path = "", statements = "0"] = process.argv.slice(2);
let left = Number(statements);

/** The database, as one that executes statement after statement. */
function counted(database: DatabaseSync): DatabaseSync {
  const exec = (sql: string): void => {
    const bare = sql.replace(/^\s*--.*$/gm, "");
    for (const statement of bare.split(";").filter((part) => part.trim() !== "")) {
      if (left-- === 0) process.kill(process.pid, "SIGKILL");
      database.exec(statement);
    }
  };
  return { exec } as DatabaseSync;
}

const migrations = MIGRATIONS.map(
  (step): Migration =>
    (database) =>
      step(counted(database)),
);
new SqliteStateStore(path, { migrations });
