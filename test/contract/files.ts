// What every implementation of Files does. For plugin authors as for our own backends:
//
//   filesContract("my files", async () => ({ files: new MyFiles(), root: "/somewhere/empty" }));

import type { Files } from "@nacre/core/ports/files.ts";
import { beforeEach, describe, expect, it } from "vitest";

export interface FilesSubject {
  readonly files: Files;
  /** An existing empty directory. */
  readonly root: string;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

export function filesContract(name: string, makeSubject: () => Promise<FilesSubject>): void {
  describe(`${name} as Files`, () => {
    let files: Files;
    let root: string;
    beforeEach(async () => {
      ({ files, root } = await makeSubject());
    });

    describe("small files", () => {
      it("reads back what it replaced, as text and as bytes", () => {
        files.replace(`${root}/a`, "naïve\n");
        expect(files.readText(`${root}/a`)).toBe("naïve\n");
        expect(files.readBytes(`${root}/a`)).toEqual(bytesOf("naïve\n"));
        files.replace(`${root}/a`, Uint8Array.of(0, 255));
        expect([...files.readBytes(`${root}/a`)]).toEqual([0, 255]);
      });

      it("hands out bytes of their own buffer", () => {
        files.replace(`${root}/a`, "12345");
        expect(files.readBytes(`${root}/a`).buffer.byteLength).toBe(5);
      });

      it("reads any range, shorter at the end", () => {
        files.replace(`${root}/a`, "0123456789");
        expect(files.readRange(`${root}/a`, 2, 3)).toEqual(bytesOf("234"));
        expect(files.readRange(`${root}/a`, 8, 5)).toEqual(bytesOf("89"));
        expect(files.readRange(`${root}/a`, 10, 5)).toHaveLength(0);
        expect(files.readRange(`${root}/a`, 20, 5)).toHaveLength(0);
        expect(files.readRange(`${root}/a`, 0, 0)).toHaveLength(0);
        expect(() => files.readRange(root, 0, 5)).toThrow(root);
      });

      it("leaves nothing beside a replaced file, and nothing at all of a failed one", () => {
        files.replace(`${root}/a`, "1");
        expect(() => files.replace(`${root}/none/b`, "1")).toThrow();
        expect(files.list(root)).toEqual(["a"]);
      });

      it("says not-found with the path", () => {
        for (const call of [
          () => files.readText(`${root}/none`),
          () => files.readBytes(`${root}/none`),
          () => files.readRange(`${root}/none`, 0, 1),
          () => files.control(`${root}/none`, "1"),
          () => files.rename(`${root}/none`, `${root}/b`),
          () => files.remove(`${root}/none`),
          () => files.replace(`${root}/none/b`, "1"),
          () => files.freeBytes(`${root}/none`),
        ]) {
          expect(call).toThrow(expect.objectContaining({ kind: "not-found" }));
          expect(call).toThrow(root);
        }
      });

      it("writes into a control file without creating or truncating it", () => {
        files.replace(`${root}/memory.max`, "max\n");
        files.control(`${root}/memory.max`, "64");
        expect(files.readText(`${root}/memory.max`)).toBe("64x\n");
      });

      it("sees no link where there is none", () => {
        files.replace(`${root}/a`, "1");
        for (const path of [root, `${root}/a`, `${root}/none`, `${root}/a/b`]) {
          expect(files.readLink(path)).toBeUndefined();
        }
      });

      it("renames over what has the name", () => {
        files.replace(`${root}/a`, "1");
        files.replace(`${root}/b`, "2");
        files.rename(`${root}/a`, `${root}/b`);
        expect(files.list(root)).toEqual(["b"]);
        expect(files.readText(`${root}/b`)).toBe("1");
      });
    });

    describe("directories", () => {
      it("makes missing parents, keeps what exists, and keeps them from other users", () => {
        files.makeDirectory(`${root}/a/b`);
        files.replace(`${root}/a/b/c`, "1");
        files.makeDirectory(`${root}/a/b`);
        expect(files.list(`${root}/a/b`)).toEqual(["c"]);
        expect(files.status(`${root}/a`)).toMatchObject({ kind: "directory", mode: 0o700 });
        expect(files.status(`${root}/a/b`)).toMatchObject({ kind: "directory", mode: 0o700 });
        expect(files.status(`${root}/a/b/c`)).toMatchObject({ kind: "file", mode: 0o600 });
      });

      it("gives another mode to the last directory alone", () => {
        files.makeDirectory(`${root}/a/upper`, 0o755);
        expect(files.status(`${root}/a`)?.mode).toBe(0o700);
        expect(files.status(`${root}/a/upper`)?.mode).toBe(0o755);
      });

      it("lists an absent directory as empty, and a file not at all", () => {
        files.replace(`${root}/a`, "1");
        expect(files.list(`${root}/none`)).toEqual([]);
        expect(() => files.list(`${root}/a`)).toThrow(
          expect.objectContaining({ kind: "not-found" }),
        );
      });

      it("removes files and empty directories, and says in-use of others", () => {
        files.makeDirectory(`${root}/a/b`);
        expect(() => files.remove(`${root}/a`)).toThrow(
          expect.objectContaining({ kind: "in-use" }),
        );
        files.remove(`${root}/a/b`);
        files.remove(`${root}/a`);
        expect(files.list(root)).toEqual([]);
      });

      it("removes a tree, a file, and nothing", async () => {
        files.makeDirectory(`${root}/a/b/c`);
        files.replace(`${root}/a/b/d`, "1");
        files.replace(`${root}/e`, "1");
        await files.removeTree(`${root}/a`);
        await files.removeTree(`${root}/e`);
        await files.removeTree(`${root}/none`);
        expect(files.list(root)).toEqual([]);
      });
    });

    describe("status", () => {
      it("is undefined where there is nothing, also below a file", () => {
        files.replace(`${root}/a`, "1");
        expect(files.status(`${root}/none`)).toBeUndefined();
        expect(files.status(`${root}/a/b`)).toBeUndefined();
      });

      it("gives sizes, and an inode that a rename keeps", () => {
        files.replace(`${root}/a`, "x".repeat(5000));
        const before = files.status(`${root}/a`);
        expect(before).toMatchObject({ kind: "file", sizeBytes: 5000 });
        expect(before?.allocatedBytes).toBeGreaterThanOrEqual(0);
        files.rename(`${root}/a`, `${root}/b`);
        expect(files.status(`${root}/b`)?.inode).toBe(before?.inode);
      });
    });

    describe("reading beneath a directory", () => {
      it("reads a small file and nothing else", () => {
        files.makeDirectory(`${root}/upper/etc`);
        files.replace(`${root}/upper/etc/passwd`, "root");
        const read = (path: string, limit = 4) => files.readBeneath(`${root}/upper`, path, limit);
        expect(read("etc/passwd")).toEqual(bytesOf("root"));
        expect(read("etc/passwd", 3)).toBeUndefined();
        expect(read("etc/group")).toBeUndefined();
        expect(read("etc/passwd/x")).toBeUndefined();
        expect(read("etc")).toBeUndefined();
        expect(read("etc/../etc/passwd")).toBeUndefined();
        expect(read("/etc/passwd")).toBeUndefined();
      });
    });

    describe("walking a tree", () => {
      const text = new TextDecoder();
      const beneath = async (path: string): Promise<string | undefined> => {
        const reader = await files.openBeneath(`${root}/t`, bytesOf(path));
        const bytes = await reader?.read(0, reader.sizeBytes);
        await reader?.close();
        return bytes && text.decode(bytes);
      };

      it("shows directories before what they hold, in the order of bytes", () => {
        files.makeDirectory(`${root}/t/b/é`, 0o755);
        files.makeDirectory(`${root}/t/b-`);
        files.replace(`${root}/t/b/Z`, "12345");
        files.replace(`${root}/t/a`, "");
        const entries = [...files.walk(`${root}/t`)];
        const paths = entries.map(({ path }) => text.decode(path));
        expect(paths).toEqual(["a", "b", "b/Z", "b/é", "b-"]);
        expect(entries[2]).toMatchObject({ kind: "file", mode: 0o600, sizeBytes: 5, links: 1 });
        expect(entries[3]).toMatchObject({ kind: "directory", mode: 0o755, sizeBytes: 0 });
        expect(entries[2]?.inode).toBe(files.status(`${root}/t/b/Z`)?.inode);
        expect(entries.every(({ mtimeNanoseconds: n }) => n >= 0 && n < 1e9)).toBe(true);
        expect(entries[2]?.attributes).toEqual([]);
      });

      it("finds nothing in an empty directory, and says not-found of none", () => {
        files.makeDirectory(`${root}/t`);
        expect([...files.walk(`${root}/t`)]).toEqual([]);
        expect(() => [...files.walk(`${root}/none`)]).toThrow(
          expect.objectContaining({ kind: "not-found" }),
        );
      });

      it("shows a part of a tree, and enters what it shall", () => {
        for (const path of ["a/b", "a/c", "d"]) files.makeDirectory(`${root}/t/${path}/in`);
        const paths = (options: Parameters<Files["walk"]>[1]) =>
          [...files.walk(`${root}/t`, options)].map(({ path }) => text.decode(path));
        const below = bytesOf("a");
        expect(paths({ below })).toEqual(["a/b", "a/b/in", "a/c", "a/c/in"]);
        const enters = ({ path }: { readonly path: Uint8Array }) => text.decode(path) !== "a";
        expect(paths({ enters })).toEqual(["a", "d", "d/in"]);
        for (const none of ["x", "d/../a", "a/"]) {
          expect(paths({ below: bytesOf(none) })).toEqual([]);
        }
      });

      it("finds where a path leads, and what could be there", () => {
        files.makeDirectory(`${root}/t/b`);
        files.replace(`${root}/t/b/c`, "123");
        files.replace(`${root}/outside`, "outside");
        const find = (path: string) => {
          const found = files.find(`${root}/t`, bytesOf(path), false);
          return found && [text.decode(found.path), found.entry?.kind];
        };
        for (const path of ["b/c", "/b//c", "./b/../b/./c", "../../b/c", "b/c"]) {
          expect(find(path)).toEqual(["b/c", "file"]);
        }
        for (const path of ["", "/", "..", "b/..", "../.."]) {
          expect(find(path)).toEqual(["", "directory"]);
        }
        expect(find("b/")).toEqual(["b", "directory"]);
        for (const path of ["b/new", "b/new/"]) expect(find(path)).toEqual(["b/new", undefined]);
        for (const path of ["b/c/", "b/c/x", "new/x", "b/c/.."]) expect(find(path)).toBeUndefined();
        expect(find("../outside")).toEqual(["outside", undefined]);
        expect(() => files.find(`${root}/none`, bytesOf("x"), false)).toThrow(
          expect.objectContaining({ kind: "not-found" }),
        );
      });

      it("opens the files that it found, and nothing else", async () => {
        files.makeDirectory(`${root}/t/b`);
        files.replace(`${root}/t/b/c`, "123");
        files.replace(`${root}/d`, "outside");
        expect(await beneath("b/c")).toBe("123");
        for (const path of ["b", "none", "b/none", "b/c/x", "../d", "b/../../d", "/d", ""]) {
          expect(await beneath(path)).toBeUndefined();
        }
      });
    });

    describe("writers", () => {
      it("give the name with commit alone, and replace what has it", async () => {
        files.replace(`${root}/a`, "old");
        const writer = await files.create(`${root}/a`);
        await writer.write(bytesOf("ne"));
        await writer.write(bytesOf("w"));
        expect(writer.sizeBytes).toBe(3);
        expect(files.readText(`${root}/a`)).toBe("old");
        expect(files.readText(writer.path)).toBe("new");
        await writer.commit();
        await writer.commit();
        expect(files.readText(`${root}/a`)).toBe("new");
        expect(files.list(root)).toEqual(["a"]);
      });

      it("leave nothing when they discard, or suspend without resume", async () => {
        const first = await files.create(`${root}/a`);
        await first.write(bytesOf("1"));
        await first.discard();
        await first.discard();
        const second = await files.create(`${root}/a`);
        await second.write(bytesOf("1"));
        await second.suspend();
        expect(files.list(root)).toEqual([]);
      });

      it("do not disturb each other", async () => {
        const one = await files.create(`${root}/a`, { resume: true });
        const two = await files.create(`${root}/a`, { resume: true });
        await one.write(bytesOf("one"));
        await two.write(bytesOf("two!"));
        await one.commit();
        expect(files.readText(`${root}/a`)).toBe("one");
        await two.commit();
        expect(files.readText(`${root}/a`)).toBe("two!");
      });

      it("go on where a suspended one stopped, one of them alone", async () => {
        const first = await files.create(`${root}/a`, { resume: true });
        expect(first.sizeBytes).toBe(0);
        await first.write(bytesOf("he"));
        await first.suspend();
        const second = await files.create(`${root}/a`, { resume: true });
        const third = await files.create(`${root}/a`, { resume: true });
        expect([second.sizeBytes, third.sizeBytes]).toEqual([2, 0]);
        await second.write(bytesOf("llo"));
        await second.commit();
        await third.discard();
        expect(files.readText(`${root}/a`)).toBe("hello");
        expect(files.list(root)).toEqual(["a"]);
      });

      it("do not take over what was meant for another name", async () => {
        const first = await files.create(`${root}/a.b`, { resume: true });
        await first.write(bytesOf("he"));
        await first.suspend();
        const second = await files.create(`${root}/a`, { resume: true });
        expect(second.sizeBytes).toBe(0);
        await second.discard();
      });

      it("are swept away only if nobody writes, suspended ones only where asked", async () => {
        const suspended = await files.create(`${root}/a`, { resume: true });
        await suspended.write(bytesOf("1"));
        await suspended.suspend();
        const living = await files.create(`${root}/b`, { resume: true });
        await living.write(bytesOf("1"));
        files.replace(`${root}/c`, "1");
        expect(files.sweep(root, { partials: false })).toEqual([]);
        expect(files.sweep(root, { partials: true })).toHaveLength(1);
        await living.commit();
        expect(files.list(root).sort()).toEqual(["b", "c"]);
      });

      it("write large chunks whole", async () => {
        const chunk = new Uint8Array(3 << 20).map((_, i) => i * 31);
        const writer = await files.create(`${root}/a`);
        await writer.write(chunk);
        await writer.write(chunk.subarray(1, 4));
        await writer.commit();
        const bytes = files.readBytes(`${root}/a`);
        expect(bytes.length).toBe(chunk.length + 3);
        expect(bytes.subarray(0, chunk.length).every((byte, i) => byte === chunk[i])).toBe(true);
        expect(bytes.subarray(chunk.length)).toEqual(chunk.subarray(1, 4));
      });
    });

    describe("readers", () => {
      it("read any range, shorter at the end", async () => {
        files.replace(`${root}/a`, "0123456789");
        const reader = await files.open(`${root}/a`);
        expect(reader.sizeBytes).toBe(10);
        expect(await reader.read(2, 3)).toEqual(bytesOf("234"));
        expect(await reader.read(8, 5)).toEqual(bytesOf("89"));
        expect(await reader.read(10, 5)).toHaveLength(0);
        expect(await reader.read(20, 5)).toHaveLength(0);
        await reader.close();
      });

      it("keep the file that they opened", async () => {
        files.replace(`${root}/a`, "old");
        const reader = await files.open(`${root}/a`);
        files.replace(`${root}/a`, "new");
        expect(await reader.read(0, 3)).toEqual(bytesOf("old"));
        await reader.close();
      });

      it("reject with not-found", async () => {
        await expect(files.open(`${root}/none`)).rejects.toMatchObject({ kind: "not-found" });
      });
    });

    describe("the disk", () => {
      it("flushes files and directories, and has room", async () => {
        files.replace(`${root}/a`, "1");
        await files.sync(`${root}/a`);
        await files.sync(root);
        expect(files.freeBytes(root)).toBeGreaterThan(0);
        await expect(files.sync(`${root}/none`)).rejects.toMatchObject({ kind: "not-found" });
      });
    });

    describe("waiting for a change", () => {
      it("ends when a file in the directory is written", async () => {
        const change = files.changed(root, new AbortController().signal);
        files.replace(`${root}/a`, "1");
        await change;
      });

      it("ends when the file itself is written", async () => {
        files.replace(`${root}/a`, "1");
        const change = files.changed(`${root}/a`, new AbortController().signal);
        files.control(`${root}/a`, "2");
        await change;
      });

      it("ends when the signal aborts, before or meanwhile", async () => {
        const controller = new AbortController();
        const change = files.changed(root, controller.signal);
        controller.abort();
        await change;
        await files.changed(root, controller.signal);
      });
    });
  });
}
