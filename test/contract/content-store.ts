// What every implementation of ContentStore does.

import { createHash } from "node:crypto";
import type { ContentStore } from "@nacre/core/ports/content-store.ts";
import { beforeEach, describe, expect, it } from "vitest";

const digestOf = (bytes: Uint8Array): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

const BLOB = new TextEncoder().encode("0123456789".repeat(1000));
const DIGEST = digestOf(BLOB);

export function contentStoreContract(name: string, makeSubject: () => Promise<ContentStore>): void {
  describe(`${name} as ContentStore`, () => {
    let store: ContentStore;
    beforeEach(async () => {
      store = await makeSubject();
    });

    const put = async (bytes: Uint8Array): Promise<string> => {
      const digest = digestOf(bytes);
      const writer = await store.writer(digest, bytes.length);
      await writer.write(bytes);
      await writer.commit();
      return digest;
    };

    it("has a blob when it was committed, and not before", async () => {
      const writer = await store.writer(DIGEST, BLOB.length);
      expect(writer.offset).toBe(0);
      await writer.write(BLOB.subarray(0, 10));
      await writer.write(BLOB.subarray(10));
      expect(writer.offset).toBe(BLOB.length);
      expect(store.has(DIGEST)).toBe(false);
      await writer.commit();
      expect(store.has(DIGEST)).toBe(true);
      expect(store.sizeBytes(DIGEST)).toBe(BLOB.length);
      expect(await store.read(DIGEST, BLOB.length)).toEqual(BLOB);
      expect(store.list()).toEqual([DIGEST]);
    });

    it("keeps an empty blob", async () => {
      const empty = await put(new Uint8Array());
      expect(store.has(empty)).toBe(true);
      expect(await store.read(empty, 0)).toHaveLength(0);
    });

    it("reads any range of a blob", async () => {
      const reader = await store.reader(await put(BLOB));
      expect(reader.sizeBytes).toBe(BLOB.length);
      expect(await reader.read(15, 3)).toEqual(BLOB.subarray(15, 18));
      await reader.close();
    });

    it("refuses other bytes, and keeps none of them", async () => {
      const wrong = BLOB.slice();
      wrong[7] = 0;
      const writer = await store.writer(DIGEST, BLOB.length);
      await writer.write(wrong);
      await expect(writer.commit()).rejects.toMatchObject({ kind: "corrupt" });
      expect(store.has(DIGEST)).toBe(false);
      expect((await store.writer(DIGEST, BLOB.length)).offset).toBe(0);
    });

    it("refuses a blob that is shorter or longer than promised", async () => {
      const short = await store.writer(DIGEST, BLOB.length);
      await short.write(BLOB.subarray(1));
      await expect(short.commit()).rejects.toMatchObject({ kind: "corrupt" });
      const long = await store.writer(DIGEST, 100);
      await long.write(BLOB.subarray(0, 100));
      await expect(long.write(BLOB.subarray(100, 101))).rejects.toMatchObject({ kind: "corrupt" });
      expect(store.list()).toEqual([]);
    });

    it("goes on where an attempt was suspended", async () => {
      const first = await store.writer(DIGEST, BLOB.length);
      await first.write(BLOB.subarray(0, 4321));
      await first.suspend();
      const second = await store.writer(DIGEST, BLOB.length);
      expect(second.offset).toBe(4321);
      await second.write(BLOB.subarray(4321));
      await second.commit();
      expect(await store.read(DIGEST, BLOB.length)).toEqual(BLOB);
    });

    it("begins anew when the earlier attempt has more bytes than the blob", async () => {
      const first = await store.writer(DIGEST, BLOB.length);
      await first.write(BLOB);
      await first.suspend();
      expect((await store.writer(DIGEST, 100)).offset).toBe(0);
    });

    it("finds out at commit that what an earlier attempt left was wrong", async () => {
      const first = await store.writer(DIGEST, BLOB.length);
      await first.write(new Uint8Array(10));
      await first.suspend();
      const second = await store.writer(DIGEST, BLOB.length);
      await second.write(BLOB.subarray(10));
      await expect(second.commit()).rejects.toMatchObject({ kind: "corrupt" });
      await put(BLOB);
      expect(store.has(DIGEST)).toBe(true);
    });

    it("forgets what is discarded", async () => {
      const first = await store.writer(DIGEST, BLOB.length);
      await first.write(BLOB);
      await first.discard();
      expect((await store.writer(DIGEST, BLOB.length)).offset).toBe(0);
    });

    it("lets two write the same blob, both with success", async () => {
      const one = await store.writer(DIGEST, BLOB.length);
      const two = await store.writer(DIGEST, BLOB.length);
      await one.write(BLOB.subarray(0, 100));
      await two.write(BLOB.subarray(0, 200));
      await one.write(BLOB.subarray(100));
      await one.commit();
      await two.write(BLOB.subarray(200));
      await two.commit();
      await one.commit();
      expect(await store.read(DIGEST, BLOB.length)).toEqual(BLOB);
    });

    it("removes, and lets what is absent be removed", async () => {
      await put(BLOB);
      await store.remove(DIGEST);
      await store.remove(DIGEST);
      expect(store.has(DIGEST)).toBe(false);
      expect(store.list()).toEqual([]);
      await expect(store.reader(DIGEST)).rejects.toMatchObject({ kind: "not-found" });
      await expect(store.read(DIGEST, 1)).rejects.toMatchObject({ kind: "not-found" });
    });

    it("reads whole only what is within the limit", async () => {
      await put(BLOB);
      await expect(store.read(DIGEST, BLOB.length - 1)).rejects.toMatchObject({ kind: "invalid" });
    });

    it("takes nothing but digests for names", async () => {
      for (const name of [
        "",
        "sha256",
        "sha256:",
        "sha256:../../../../etc/passwd",
        `sha256:${"a".repeat(63)}`,
        `sha256:${"A".repeat(64)}`,
        `sha256:${"a".repeat(64)}/..`,
        `md5:${"a".repeat(32)}`,
        `../sha256:${"a".repeat(64)}`,
      ]) {
        const invalid = { kind: "invalid" };
        expect(() => store.has(name)).toThrow(expect.objectContaining(invalid));
        await expect(store.writer(name, 1)).rejects.toMatchObject(invalid);
        await expect(store.read(name, 1)).rejects.toMatchObject(invalid);
        await expect(store.remove(name)).rejects.toMatchObject(invalid);
      }
    });
  });
}
