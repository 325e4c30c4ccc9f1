// A state of an older Nacre whose containers run: whoever of the newer one comes first makes it the
// present one, and nobody who runs or works beside it notices.

import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { MIGRATIONS } from "@nacre/linux/schema.ts";
import { SqliteStateStore } from "@nacre/linux/state-store.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Bench } from "./engine-bench.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.make();
  await bench.does(["pull", "-q", bench.name()]);
  await bench.nacre(["run", "--rm", bench.name(), "true"]); // says once that there is no network
});
afterAll(() => bench[Symbol.asyncDispose]());

const statePath = (): string => `${bench.root}/state.db`;
const openAs = (version: number): SqliteStateStore =>
  new SqliteStateStore(statePath(), { migrations: MIGRATIONS.slice(0, version) });
const version = (database: DatabaseSync): unknown =>
  database.prepare("PRAGMA user_version").get()?.user_version;

/** The state, in the shape that a Nacre of schema 3 left it in. */
function makeOld(): void {
  const own = `${bench.base}/old.db`;
  new SqliteStateStore(own, { migrations: MIGRATIONS.slice(0, 3) }).close();
  const database = new DatabaseSync(statePath());
  const shape = new DatabaseSync(own);
  const tables = shape
    .prepare("SELECT name, sql FROM sqlite_schema WHERE name IN ('records', 'events')")
    .all();
  expect(tables).toHaveLength(2);
  database.exec("BEGIN IMMEDIATE");
  for (const { name, sql } of tables) {
    database.exec(`ALTER TABLE ${name} RENAME TO newer_${name}; ${sql};
      INSERT INTO ${name} SELECT * FROM newer_${name}; DROP TABLE newer_${name}`);
  }
  database.exec("PRAGMA user_version = 3; COMMIT");
  database.close();
  shape.close();
}

it("is migrated under containers that run, by many commands at once", async () => {
  const run = ["run", "-d", "--network", "none"];
  const polite = ["sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done"];
  const [kept, stopped] = [
    await bench.does([...run, "--name", "kept", bench.name(), "sleep", "1000"]),
    await bench.does([...run, "--name", "stopped", bench.name(), ...polite]),
  ];
  const goes = await bench.does([...run, "--rm", "--name", "goes", bench.name(), ...polite]);
  // A signal before that would be lost on the first process of a pid namespace.
  for (const name of ["stopped", "goes"])
    await bench.until(async () => (await bench.does(["logs", name])) === "ready");
  makeOld();
  const old = openAs(3);
  expect(old.read((t) => t.list("container"))).toHaveLength(3);
  const again = Array.from({ length: 4 }, () => bench.does(["exec", "kept", "echo", "inside"]));
  const [said, shown, listed] = await Promise.all([
    Promise.all(again),
    bench.does(["inspect", "-f", "{{.State.Status}}", "kept"]),
    bench.does(["ps", "-q", "--no-trunc"]),
    bench.does(["stop", "stopped"]),
    bench.does(["run", "--rm", "--network", "none", bench.name(), "true"]),
  ]);
  expect(said).toEqual(["inside", "inside", "inside", "inside"]);
  expect(shown).toBe("running");
  expect(listed.split("\n")).toEqual(expect.arrayContaining([kept, goes]));
  expect(await bench.does(["inspect", "-f", "{{.State.ExitCode}}", stopped])).toBe("7");
  // Its supervisor was started before; what that starts is of the newer Nacre.
  await bench.does(["kill", "-s", "TERM", "goes"]);
  await bench.until(() => !existsSync(`${bench.root}/containers/${goes}`));
  await bench.until(async () => !(await bench.does(["ps", "-aq", "--no-trunc"])).includes(goes));
  expect(() => old.read((t) => t.list("container"))).toThrow(
    expect.objectContaining({ kind: "unsupported" }),
  );
  old.close();
  const database = new DatabaseSync(statePath());
  expect(version(database)).toBe(MIGRATIONS.length);
  expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  database.close();
  await bench.does(["rm", "-f", "kept", "stopped"]);
});
