// What is left on the simulated disk, and in the database on it, when the power is lost.

import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedDatabase } from "@nacre/simulated/database.ts";
import { Disk, type DiskImage } from "@nacre/simulated/disk.ts";
import { fractions } from "@nacre/simulated/faults.ts";
import { SimulatedStateStore } from "@nacre/simulated/state-store.ts";
import { describe, expect, it } from "vitest";

const NEW = { mode: 0o644, uid: 0, gid: 0 };
const bytes = (text: string) => new TextEncoder().encode(text);
const BLOCK = 4096;

function machine() {
  const clock = new SimulatedClock();
  const now = () => ({ seconds: Math.floor(clock.nowMs() / 1000), nanoseconds: 0 });
  return { clock, disk: new Disk(1, now), from: (image: DiskImage) => Disk.from(image, 1, now) };
}

/** All that 200 losses of power leave, as text. */
function losses(disk: Disk, from: (image: DiskImage) => Disk, look: (disk: Disk) => string) {
  const seen = new Set<string>();
  for (let seed = 0; seed < 200; seed++) seen.add(look(from(disk.powerLoss(fractions(seed)))));
  return [...seen].sort();
}

const names = (disk: Disk) => [...disk.root.names()].sort().join(" ");
function content(disk: Disk, name: string): string {
  const inode = disk.root.lookup(name);
  return inode ? new TextDecoder().decode(inode.read(0, inode.size)) : "absent";
}

describe("a loss of power", () => {
  it("keeps names in the order in which they were made", () => {
    const { disk, from } = machine();
    for (const name of ["a", "b", "c"]) disk.root.create(name, "file", NEW);
    expect(losses(disk, from, names)).toEqual(["", "a", "a b", "a b c"]);
  });

  it("keeps what was synced, and all names before it", () => {
    const { disk, from } = machine();
    disk.root.create("a", "file", NEW);
    const b = disk.root.create("b", "file", NEW);
    b.write(0, bytes("pearl"));
    b.sync();
    disk.root.create("c", "file", NEW);
    expect(losses(disk, from, names)).toEqual(["a b", "a b c"]);
    expect(losses(disk, from, (left) => content(left, "b"))).toEqual(["pearl"]);
  });

  it("may leave a name without its bytes, or some blocks of them", () => {
    const { disk, from } = machine();
    const a = disk.root.create("a", "file", NEW);
    disk.root.create("marker", "file", NEW).sync(); // a's name, not its bytes
    a.write(0, new Uint8Array(4 * BLOCK).fill(65));
    const left = losses(disk, from, (one) => {
      const text = content(one, "a");
      return `${text.length / BLOCK} ${/^A*$/.test(text) ? "whole" : "torn"}`;
    });
    expect(left).toContain("0 whole");
    expect(left).toContain("4 whole");
    expect(left).toContain("4 torn");
    expect(left).toContain("2 whole");
  });

  it("leaves the old content or the new where a file was replaced by rename", () => {
    const { disk, from } = machine();
    disk.root.create("a", "file", NEW).write(0, bytes("old"));
    disk.sync();
    disk.root.create("a.tmp", "file", NEW).write(0, bytes("new"));
    disk.root.rename("a.tmp", disk.root, "a");
    expect(losses(disk, from, (left) => content(left, "a"))).toEqual(["new", "old"]);
  });

  it("takes nothing that is older than the disk's patience", async () => {
    const { clock, disk, from } = machine();
    disk.root.create("a", "file", NEW).write(0, bytes("pearl"));
    await clock.advance(6_000);
    expect(losses(disk, from, names)).toEqual(["a"]);
    await clock.advance(30_000);
    expect(losses(disk, from, (left) => content(left, "a"))).toEqual(["pearl"]);
  });

  it("keeps modes, owners, links, attributes and hard links of what is durable", () => {
    const { disk, from } = machine();
    const directory = disk.root.makeDirectory("d", { ...NEW, mode: 0o711 });
    const file = directory.create("f", "file", { ...NEW, uid: 7 });
    file.setAttribute("user.x", bytes("y"));
    directory.link("g", file);
    disk.root.makeSymlink("s", "d/f", NEW);
    disk.sync();
    const left = from(disk.powerLoss(fractions(1)));
    const found = left.root.lookup("d");
    expect(found?.mode).toBe(0o711);
    expect(found?.lookup("f")).toBe(found?.lookup("g"));
    expect(found?.lookup("f")).toMatchObject({ uid: 7, links: 2 });
    expect(found?.lookup("f")?.attribute("user.x")).toEqual(bytes("y"));
    expect(left.root.lookup("s")?.readLink()).toBe("d/f");
  });

  it("never changes the disk that goes on", () => {
    const { disk, from } = machine();
    const a = disk.root.create("a", "file", NEW);
    a.write(0, bytes("one"));
    disk.sync();
    const image = disk.image();
    a.write(0, bytes("two"));
    expect(content(from(image), "a")).toBe("one");
    expect(content(disk, "a")).toBe("two");
  });
});

describe("the database after a loss of power", () => {
  const claim = (id: string) => ({ containerId: id });

  it("has lost the latest transactions, whole, and none without those after it", () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const database = new SimulatedDatabase();
      const store = new SimulatedStateStore(database);
      for (const id of ["1", "2", "3"]) {
        store.write((t) => {
          t.put("name", `${id}a`, claim(id));
          t.put("name", `${id}b`, claim(id));
        });
      }
      database.powerLoss(fractions(seed));
      const left = new SimulatedStateStore(database).read((t) => t.list("name"));
      seen.add(left.map(({ containerId }) => containerId).join(""));
    }
    expect([...seen].sort()).toEqual(["", "11", "1122", "112233"]);
  });

  it("keeps a durable transaction and all before it, and nothing of one that was being made", () => {
    for (let seed = 0; seed < 50; seed++) {
      const database = new SimulatedDatabase();
      let lose = false;
      const store = new SimulatedStateStore(database, (call) => {
        if (!lose || call !== "commit") return;
        database.powerLoss(fractions(seed));
        throw new Error("the power is lost");
      });
      store.write((t) => t.put("name", "a", claim("1")));
      store.write((t) => t.put("name", "b", claim("2")), { durable: true });
      lose = true;
      expect(() => store.write((t) => t.delete("name", "a"))).toThrow("the power is lost");
      const left = new SimulatedStateStore(database).read((t) => t.list("name"));
      expect(left).toEqual([claim("1"), claim("2")]);
    }
  });
});
