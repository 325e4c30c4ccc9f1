// What every implementation of StateStore does.

import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { EventRecord } from "@nacre/core/state/records.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const EVENT: Omit<EventRecord, "sequence"> = {
  timeMs: 1,
  type: "container",
  action: "start",
  subject: "c1",
  attributes: { image: "debian" },
};

export function stateStoreContract(name: string, makeSubject: () => Promise<StateStore>): void {
  describe(`${name} as StateStore`, () => {
    let store: StateStore;
    beforeEach(async () => {
      store = await makeSubject();
    });
    afterEach(() => store.close());

    it("keeps records by kind and key", () => {
      store.write((t) => {
        t.put("name", "a", { containerId: "1" });
        t.put("tag", "a", { reference: "a", imageId: "i", digest: "d", updatedMs: 1 });
      });
      store.read((t) => {
        expect(t.get("name", "a")).toEqual({ containerId: "1" });
        expect(t.get("tag", "a")?.updatedMs).toBe(1);
        expect(t.get("name", "b")).toBeUndefined();
      });
    });

    it("replaces and deletes, and lets what is absent be deleted", () => {
      store.write((t) => t.put("name", "a", { containerId: "1" }));
      store.write((t) => t.put("name", "a", { containerId: "2" }));
      expect(store.read((t) => t.get("name", "a"))).toEqual({ containerId: "2" });
      store.write((t) => {
        t.delete("name", "a");
        t.delete("name", "none");
        expect(t.get("name", "a")).toBeUndefined();
      });
      expect(store.read((t) => t.list("name"))).toEqual([]);
    });

    it("lists by key, with a prefix those that begin with it", () => {
      const keys = ["b", "a%", "ab", "aa", "a", "a_", "c"];
      store.write((t) => {
        for (const key of keys) t.put("name", key, { containerId: key });
      });
      const list = (prefix?: string) =>
        store.read((t) => t.list("name", prefix).map((record) => record.containerId));
      expect(list()).toEqual([...keys].sort());
      expect(list("a")).toEqual(["a", "a%", "a_", "aa", "ab"]);
      expect(list("a%")).toEqual(["a%"]);
      expect(list("x")).toEqual([]);
    });

    it("lists those whose files are not durable yet", () => {
      const layer = (diffId: string, durable: boolean) => {
        return { diffId, digest: "d", tarBytes: 1, durable, bootId: "b" };
      };
      const unflushed = () =>
        store.read((t) => t.listUnflushed("layer").map(({ diffId }) => diffId));
      store.write((t) => {
        for (const key of ["c", "b", "a"]) t.put("layer", key, layer(key, key === "b"));
        // Of another kind, and one that only looks so.
        t.put("blob", "x", { ...layer("x", false), sizeBytes: 1, mediaType: "m" });
        t.put("layer", "d", { ...layer("d", true), digest: '"durable":false' });
      });
      expect(unflushed()).toEqual(["a", "c"]);
      store.write((t) => t.put("layer", "a", layer("a", true)));
      store.write((t) => t.put("layer", "b", layer("b", false)));
      expect(unflushed()).toEqual(["b", "c"]);
      store.write((t) => t.delete("layer", "c"));
      expect(unflushed()).toEqual(["b"]);
    });

    it("sees its own writes, and undoes all of them when the function throws", () => {
      store.write((t) => t.put("name", "a", { containerId: "1" }));
      expect(() =>
        store.write((t) => {
          t.put("name", "a", { containerId: "2" });
          t.put("name", "b", { containerId: "3" });
          t.append(EVENT);
          expect(t.list("name")).toHaveLength(2);
          throw new RangeError("no");
        }),
      ).toThrow(RangeError);
      expect(store.read((t) => t.list("name"))).toEqual([{ containerId: "1" }]);
      expect(store.events(0, 10)).toEqual([]);
    });

    it("returns what the function returns", () => {
      expect(store.write(() => 7)).toBe(7);
      expect(store.read(() => "x")).toBe("x");
    });

    it("shares no object with its callers", () => {
      const record = { containerId: "1" };
      store.write((t) => t.put("name", "a", record));
      record.containerId = "2";
      const read = store.read((t) => t.get("name", "a")) as { containerId: string };
      read.containerId = "3";
      expect(store.read((t) => t.get("name", "a"))).toEqual({ containerId: "1" });
    });

    it("numbers events upwards and gives them after a number, oldest first", () => {
      const numbers = store.write((t) =>
        ["create", "start", "die"].map((action) => t.append({ ...EVENT, action }).sequence),
      );
      const [first = 0, second = 0] = numbers;
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      expect(first).toBeGreaterThan(0);
      expect(store.events(0, 10).map((e) => e.action)).toEqual(["create", "start", "die"]);
      expect(store.events(first, 1)).toEqual([{ ...EVENT, action: "start", sequence: second }]);
    });

    it("refuses to write while it reads, to nest, to wait, and to be used afterwards", () => {
      const internal = expect.objectContaining({ kind: "internal" });
      expect(() => store.read((t) => t.put("name", "a", { containerId: "1" }))).toThrow(internal);
      expect(() => store.read((t) => t.append(EVENT))).toThrow(internal);
      expect(() => store.write(() => store.read(() => 1))).toThrow(internal);
      expect(() => store.write(async () => 1)).toThrow(internal);
      const escaped = store.write((t) => t);
      expect(() => escaped.get("name", "a")).toThrow(internal);
      expect(store.read((t) => t.list("name"))).toEqual([]);
    });

    it("can be closed twice, and used no more", () => {
      store.close();
      store.close();
      expect(() => store.read(() => 1)).toThrow(expect.objectContaining({ kind: "internal" }));
    });
  });
}
