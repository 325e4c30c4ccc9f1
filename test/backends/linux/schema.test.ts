// What becomes of the states of older versions of Nacre, whoever else is at work on them.

import { type ChildProcess, spawn } from "node:child_process";
import { lstatSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";
import { EVENT_LIMIT, MIGRATIONS } from "@nacre/linux/schema.ts";
import { SqliteStateStore } from "@nacre/linux/state-store.ts";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../contract/temporary.ts";

let path: string;
beforeEach(() => {
  path = `${temporaryDirectory()}/state.db`;
});

/** The state as a Nacre with so many migrations has it. */
const openAs = (version: number): SqliteStateStore =>
  new SqliteStateStore(path, { migrations: MIGRATIONS.slice(0, version) });

const script = (name: string, ...words: string[]): ChildProcess =>
  spawn(process.execPath, [fileURLToPath(new URL(name, import.meta.url)), path, ...words], {
    stdio: ["ignore", "ignore", "inherit"],
  });

/** Its code, or the signal that has ended it. */
const ended = (child: ChildProcess): Promise<number | string | null> =>
  new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));

/** As large as a record of an image with many layers: several pages. */
const IMAGE_BYTES = 20_000;
const IMAGES = 300;

function fill(store: SqliteStateStore, events: number): void {
  store.write((t) => {
    for (let i = 0; i < IMAGES; i++) {
      const image = { id: `${i}`, passwd: "p".repeat(IMAGE_BYTES) } as ImageRecord;
      t.put("image", `sha256:${i}`, image);
      t.put("name", `name${i}`, { containerId: `${i}` });
    }
    for (let i = 0; i < events; i++) {
      t.append({ timeMs: i, type: "image", action: "pull", subject: `${i}`, attributes: {} });
    }
  });
}

function everything(store: SqliteStateStore): object {
  const records = store.read((t) => [t.list("image"), t.list("name")]);
  return { records, events: store.events(0, 2 * EVENT_LIMIT) };
}

describe("the state of an older version", () => {
  it("is taken over whole from each, and its events are numbered on", () => {
    for (let version = 1; version < MIGRATIONS.length; version++) {
      path = `${temporaryDirectory()}/state.db`;
      const old = openAs(version);
      // The oldest events have gone already.
      fill(old, EVENT_LIMIT + 300);
      const before = everything(old);
      old.close();
      const store = new SqliteStateStore(path);
      expect(everything(store)).toEqual(before);
      const event = { timeMs: 1, type: "image", action: "tag", subject: "x", attributes: {} };
      const { sequence } = store.write((t) => t.append(event as Parameters<typeof t.append>[0]));
      expect(sequence).toBe(EVENT_LIMIT + 301);
      store.close();
    }
  });

  it("gives containers the mounts that they were asked for", () => {
    const mounts = [{ type: "tmpfs", target: "/t", options: [] }];
    const old = openAs(2);
    const record = { id: "a", request: { image: "i", mounts } };
    old.write((t) => t.put("container", "a", record as unknown as ContainerRecord));
    old.close();
    const store = new SqliteStateStore(path);
    expect(store.read((t) => t.get("container", "a"))).toEqual({ ...record, mounts });
    store.close();
  });

  it("is migrated once by many processes that come at the same time and lose nothing", async () => {
    const old = openAs(3);
    fill(old, 0);
    old.close();
    const names = [..."abcdefgh"];
    const writers = names.map((name) => script("state-writer.ts", name, "50"));
    expect(await Promise.all(writers.map(ended))).toEqual(names.map(() => 0));
    const store = new SqliteStateStore(path);
    expect(store.read((t) => t.get("name", "counter"))).toEqual({ containerId: "400" });
    for (const name of names) {
      expect(store.read((t) => t.list("name", `${name}/`))).toHaveLength(50);
    }
    expect(store.read((t) => t.list("image"))).toHaveLength(IMAGES);
    expect(store.events(0, 1000).map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 400 }, (_, i) => i + 1),
    );
    store.close();
  });

  it("is as it was wherever a migration is killed, and is migrated by whoever comes next", async () => {
    const old = openAs(1);
    fill(old, 100);
    const before = everything(old);
    let statements = 0;
    for (; ; statements++) {
      const end = await ended(script("doomed-migration.ts", `${statements}`));
      if (end === 0) break;
      expect(end).toBe("SIGKILL");
      // Also for a Nacre of that version, which had it open all the time.
      expect(everything(old)).toEqual(before);
    }
    expect(statements).toBeGreaterThanOrEqual(MIGRATIONS.length - 1);
    expect(() => everything(old)).toThrow(expect.objectContaining({ kind: "unsupported" }));
    old.close();
    const store = new SqliteStateStore(path);
    expect(everything(store)).toEqual(before);
    store.close();
  });

  it("leaves no long log behind for each of the commands that follow", () => {
    const old = openAs(3);
    fill(old, 0);
    old.close();
    const reader = openAs(3);
    new SqliteStateStore(path, { closes: false }).close();
    expect(lstatSync(`${path}-wal`).size).toBe(0);
    reader.close();
  });

  it("is refused by each older version, with what to do", () => {
    new SqliteStateStore(path).close();
    for (let version = 1; version < MIGRATIONS.length; version++) {
      expect(() => openAs(version)).toThrow(
        expect.objectContaining({
          kind: "unsupported",
          message: expect.stringContaining(
            `newer Nacre (schema ${MIGRATIONS.length}; this one knows ${version})`,
          ),
          advice: expect.stringContaining("--root"),
        }),
      );
    }
  });
});

describe("a look-up", () => {
  /** What this thread has read from files, whether they were in memory or not. */
  const readBytes = (): number =>
    Number(/^rchar: (\d+)$/m.exec(readFileSync("/proc/thread-self/io", "utf8"))?.[1]);

  it("reads no record but the one that is looked for", () => {
    const first = new SqliteStateStore(path);
    fill(first, 0);
    first.close();
    const store = new SqliteStateStore(path);
    const before = readBytes();
    for (let i = 0; i < IMAGES; i += 30) {
      expect(store.read((t) => t.get("name", `name${i}`))).toEqual({ containerId: `${i}` });
    }
    // The records of names and the index over all keys.
    expect(readBytes() - before).toBeLessThan(5 * IMAGE_BYTES);
    store.close();
  });

  it("of what is to be flushed reads nothing that has been", () => {
    const first = new SqliteStateStore(path);
    const layer = { digest: "d".repeat(500), tarBytes: 1, bootId: "b" };
    first.write((t) => {
      for (let i = 0; i < 2000; i++) {
        t.put("layer", `${i}`, { ...layer, diffId: `${i}`, durable: i !== 1234 });
      }
    });
    first.close();
    const store = new SqliteStateStore(path);
    const before = readBytes();
    expect(store.read((t) => t.listUnflushed("layer").map((one) => one.diffId))).toEqual(["1234"]);
    expect(readBytes() - before).toBeLessThan(50_000);
    store.close();
  });
});
