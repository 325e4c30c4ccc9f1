import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { lstatSync, readdirSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { MIGRATIONS, type Migration } from "@nacre/linux/schema.ts";
import { SqliteStateStore } from "@nacre/linux/state-store.ts";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../contract/temporary.ts";

const WRITER = fileURLToPath(new URL("state-writer.ts", import.meta.url));
let path: string;
beforeEach(() => {
  path = `${temporaryDirectory()}/state.db`;
});

/** Writers that are asked for `count` transactions each, beginning together. */
function writers(names: readonly string[], count: number): ChildProcess[] {
  return names.map((name) =>
    spawn(process.execPath, [WRITER, path, name, String(count)], {
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once("exit", (code) => resolve(code)));

describe("many processes on one database", () => {
  it("lose nothing: 8 make it at the same time and write 200 transactions each", async () => {
    const names = [..."abcdefgh"];
    const codes = await Promise.all(writers(names, 200).map(ended));
    expect(codes).toEqual(names.map(() => 0));
    const store = new SqliteStateStore(path);
    // Each transaction adds one to a common counter, writes a record and appends an event.
    expect(store.read((t) => t.get("name", "counter"))).toEqual({ containerId: "1600" });
    for (const name of names) {
      expect(store.read((t) => t.list("name", `${name}/`))).toHaveLength(200);
    }
    const events = store.events(0, 5000);
    expect(events.map((event) => event.sequence)).toEqual(events.map((_, i) => i + 1));
    expect(events).toHaveLength(1600);
    store.close();
    expect(readdirSync(path.replace("/state.db", ""))).toEqual(["state.db"]);
  }, 60_000);

  it("stay consistent when one is killed in the middle", async () => {
    const [doomed, survivor] = writers(["doomed", "survivor"], 1_000_000);
    let said = "";
    survivor?.stdout?.on("data", (chunk) => {
      said += chunk;
    });
    await new Promise((ready) => doomed?.stdout?.once("data", ready));
    await new Promise((pause) => setTimeout(pause, 150));
    const gone = Promise.all([doomed, survivor].map((child) => child && ended(child)));
    doomed?.kill("SIGKILL");
    const before = said.length;
    await expect.poll(() => said.length, { timeout: 30_000 }).toBeGreaterThan(before);
    survivor?.kill("SIGKILL");
    await gone;
    const store = new SqliteStateStore(path);
    const count = Number(store.read((t) => t.get("name", "counter"))?.containerId);
    const records = store.read((t) => t.list("name").length - 1);
    expect(records).toBe(count);
    expect(store.events(0, 1_000_000)).toHaveLength(Math.min(count, 10_000 + (count % 256)));
    store.close();
    const check = new DatabaseSync(path);
    expect(check.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    check.close();
  }, 60_000);
});

describe("migrating", () => {
  const rename: Migration = (database) => {
    database.exec("UPDATE records SET value = json_set(value, '$.migrated', json('true'))");
  };

  it("changes what is there, once", () => {
    const old = new SqliteStateStore(path);
    old.write((t) => t.put("name", "a", { containerId: "1" }));
    old.close();
    const migrations = [...MIGRATIONS, rename];
    for (let time = 0; time < 2; time++) {
      const store = new SqliteStateStore(path, { migrations });
      expect(store.read((t) => t.get("name", "a"))).toEqual({ containerId: "1", migrated: true });
      store.close();
    }
  });

  it("happens while others have the database open, who then stop with a clear message", () => {
    const old = new SqliteStateStore(path);
    old.write((t) => t.put("name", "a", { containerId: "1" }));
    const fresh = new SqliteStateStore(path, { migrations: [...MIGRATIONS, rename] });
    fresh.write((t) => t.put("name", "b", { containerId: "2" }));
    const newer = expect.objectContaining({
      kind: "unsupported",
      message: expect.stringContaining(
        `newer Nacre (schema ${MIGRATIONS.length + 1}; this one knows ${MIGRATIONS.length})`,
      ),
    });
    expect(() => old.read((t) => t.get("name", "a"))).toThrow(newer);
    expect(() => old.write((t) => t.delete("name", "a"))).toThrow(newer);
    expect(fresh.read((t) => t.list("name"))).toHaveLength(2);
    old.close();
    fresh.close();
  });

  it("leaves everything as it was when a step fails", () => {
    new SqliteStateStore(path).close();
    const broken: Migration = (database) => {
      database.exec("DROP TABLE events");
      throw new RangeError("no");
    };
    const migrations = [...MIGRATIONS, rename, broken];
    expect(() => new SqliteStateStore(path, { migrations })).toThrow(RangeError);
    const store = new SqliteStateStore(path);
    expect(store.events(0, 1)).toEqual([]);
    store.close();
  });

  it("refuses a newer schema and a damaged file, and says what to do", () => {
    new SqliteStateStore(path, { migrations: [...MIGRATIONS, rename] }).close();
    expect(() => new SqliteStateStore(path)).toThrow(
      expect.objectContaining({ kind: "unsupported" }),
    );
    writeFileSync(path, "not a database at all, but long enough to be looked at".repeat(20));
    expect(() => new SqliteStateStore(path)).toThrow(
      expect.objectContaining({
        kind: "corrupt",
        message: expect.stringContaining(path),
        advice: expect.stringContaining("-wal"),
      }),
    );
  });

  it("names the record that is damaged as such", () => {
    new SqliteStateStore(path).close();
    const raw = new DatabaseSync(path);
    raw.exec("INSERT INTO records VALUES ('name', 'a', '{')");
    raw.close();
    const store = new SqliteStateStore(path);
    expect(() => store.read((t) => t.get("name", "a"))).toThrow(
      expect.objectContaining({ kind: "corrupt" }),
    );
    store.close();
  });
});

describe("the database file", () => {
  it("is for its owner alone, with the files beside it", () => {
    const store = new SqliteStateStore(path);
    store.write((t) => t.put("name", "a", { containerId: "1" }));
    for (const suffix of ["", "-wal", "-shm"]) {
      expect(lstatSync(path + suffix).mode & 0o7777).toBe(0o600);
    }
    store.close();
  });

  it("is opened without a word on standard error", () => {
    const script = `
      const { SqliteStateStore } = await import("@nacre/linux/state-store.ts");
      new SqliteStateStore(${JSON.stringify(path)}).close();
      process.emitWarning("still heard");`;
    const result = execFileSync(
      process.execPath,
      ["--input-type=module", "-e", `${script}`, "--"],
      { stdio: ["ignore", "pipe", "pipe"], cwd: new URL("../../..", import.meta.url).pathname },
    );
    expect(result.toString()).toBe("");
  });

  it("says in-use when another process keeps it locked", () => {
    const holder = new SqliteStateStore(path);
    const other = new SqliteStateStore(path, { busyMs: 10 });
    holder.write(() => {
      expect(() => other.write(() => 1)).toThrow(expect.objectContaining({ kind: "in-use" }));
      expect(other.read((t) => t.list("name"))).toEqual([]);
    });
    other.close();
    holder.close();
  });

  it("leaves its log to the next short command, until it has grown long", () => {
    const logBytes = () => lstatSync(`${path}-wal`).size;
    const write = (count: number) => {
      const store = new SqliteStateStore(path, { closes: false });
      for (let i = 0; i < count; i++) {
        store.write((t) => t.put("name", `${i % 7}`, { containerId: `${i}`.padEnd(5000) }));
      }
      return store;
    };
    write(10).close();
    const few = logBytes();
    expect(few).toBeGreaterThan(10 * 5000);
    new SqliteStateStore(path, { closes: false }).close();
    expect(logBytes()).toBe(few);
    const long = write(1200);
    const reader = new SqliteStateStore(path, { closes: false });
    reader.read((t) => {
      t.list("name");
      long.close();
      expect(logBytes()).toBeGreaterThan(4 << 20);
    });
    write(1).close();
    expect(logBytes()).toBe(0);
    expect(reader.read((t) => t.list("name"))).toHaveLength(7);
  });

  it("keeps the last 10,000 events, and never gives a number twice", () => {
    const store = new SqliteStateStore(path);
    const event = {
      timeMs: 1,
      type: "image",
      action: "pull",
      subject: "",
      attributes: {},
    } as const;
    store.write((t) => {
      for (let i = 0; i < 10_300; i++) t.append(event);
    });
    const events = store.events(0, 20_000);
    expect(events.length).toBeLessThanOrEqual(10_256);
    expect(events.at(-1)?.sequence).toBe(10_300);
    store.close();
  });
});
