// Files and state where the kernel refuses: a full disk, a read-only one, a mount in the way.

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { FileContentStore } from "@nacre/engine/content/content-store.ts";
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { LinuxCodec } from "@nacre/linux/codec.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { SqliteStateStore } from "@nacre/linux/state-store.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { wasmCore } from "../core/wasm-core.ts";
import { scratch } from "./native.ts";

const files = new LinuxFiles();
let place: ReturnType<typeof scratch>;
let disk: string;

beforeEach(() => {
  place = scratch();
  disk = `${place.path}/disk`;
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "nacre-test", disk]);
});
afterEach(() => {
  execFileSync("umount", [disk]);
  place[Symbol.dispose]();
});

const noSpace = expect.objectContaining({
  kind: "no-space",
  advice: expect.stringContaining("system prune"),
});

describe("a full disk", () => {
  it("refuses files with one clear message, and leaves nothing of them", async () => {
    files.replace(`${disk}/old`, "old");
    expect(() => files.replace(`${disk}/old`, new Uint8Array(2 << 20))).toThrow(noSpace);
    expect(files.readText(`${disk}/old`)).toBe("old");
    const writer = await files.create(`${disk}/new`);
    await expect(writer.write(new Uint8Array(2 << 20))).rejects.toEqual(noSpace);
    await writer.discard();
    expect(readdirSync(disk)).toEqual(["old"]);
    expect(files.freeBytes(disk)).toBeGreaterThan(900_000);
  });

  it("lets a blob go on once there is room", async () => {
    const store = new FileContentStore(wasmCore, files, new LinuxCodec(), new StatePaths(disk));
    const blob = new Uint8Array(600_000).fill(97);
    const hasher = new LinuxCodec().hasher("sha256");
    hasher.update(blob);
    const digest = hasher.digest();
    writeFileSync(`${disk}/other`, new Uint8Array(600_000));
    const first = await store.writer(digest, blob.length);
    await first.write(blob.subarray(0, 300_000));
    await expect(first.write(blob.subarray(300_000))).rejects.toEqual(noSpace);
    await first.suspend();
    files.remove(`${disk}/other`);
    const second = await store.writer(digest, blob.length);
    expect(second.offset).toBeGreaterThanOrEqual(300_000);
    await second.write(blob.subarray(second.offset));
    await second.commit();
    expect(await store.read(digest, blob.length)).toEqual(blob);
  });

  it("undoes a transaction as a whole, and goes on once there is room", () => {
    const store = new SqliteStateStore(`${disk}/state.db`);
    store.write((t) => t.put("name", "kept", { containerId: "1" }));
    writeFileSync(`${disk}/other`, new Uint8Array(files.freeBytes(disk)));
    const large = "x".repeat(200_000);
    expect(() =>
      store.write((t) => {
        t.put("name", "kept", { containerId: "2" });
        for (let n = 0; n < 10; n++) t.put("name", `lost-${n}`, { containerId: large });
      }),
    ).toThrow(noSpace);
    expect(store.read((t) => t.list("name"))).toEqual([{ containerId: "1" }]);
    files.remove(`${disk}/other`);
    store.write((t) => t.put("name", "kept", { containerId: "3" }));
    expect(store.read((t) => t.list("name"))).toEqual([{ containerId: "3" }]);
    store.close();
  });

  it("refuses a new database, and leaves nothing of it", () => {
    writeFileSync(`${disk}/other`, new Uint8Array(files.freeBytes(disk)));
    expect(() => new SqliteStateStore(`${disk}/state.db`)).toThrow(noSpace);
    expect(readdirSync(disk)).toEqual(["other"]);
  });
});

describe("a disk that is mounted read-only", () => {
  it("is named as such", () => {
    files.makeDirectory(`${disk}/sub`);
    execFileSync("mount", ["-o", "remount,ro", disk]);
    const denied = expect.objectContaining({
      kind: "denied",
      errno: "EROFS",
      advice: expect.stringContaining("read-only"),
    });
    expect(() => files.replace(`${disk}/a`, "1")).toThrow(denied);
    expect(() => files.makeDirectory(`${disk}/a`)).toThrow(denied);
    expect(() => new SqliteStateStore(`${disk}/state.db`)).toThrow(denied);
  });
});

describe("a tree in which something is mounted", () => {
  it("is not removed, nor what is mounted there", async () => {
    mkdirSync(`${place.path}/tree/a b`, { recursive: true });
    writeFileSync(`${disk}/kept`, "1");
    execFileSync("mount", ["--bind", disk, `${place.path}/tree/a b`]);
    try {
      await expect(files.removeTree(`${place.path}/tree`)).rejects.toMatchObject({
        kind: "in-use",
        message: expect.stringContaining(`${place.path}/tree/a b`),
      });
    } finally {
      execFileSync("umount", [`${place.path}/tree/a b`]);
    }
    expect(readdirSync(disk)).toEqual(["kept"]);
    await files.removeTree(`${place.path}/tree`);
  });
});
