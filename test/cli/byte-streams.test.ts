import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { passingBytes } from "../../cli/byte-streams.ts";

const folder = mkdtempSync(join(tmpdir(), "nacre-bytes-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(bytes: Uint8Array): string {
  const path = join(folder, "file");
  writeFileSync(path, bytes);
  return path;
}

/** How often we have a file open; what the test's own runner opens meanwhile does not count. */
function descriptorsOf(path: string): number {
  return readdirSync("/proc/self/fd").filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`) === path;
    } catch {
      return false;
    }
  }).length;
}

describe("the bytes of a file that pass", () => {
  it("are all of them, in two buffers that take turns", async () => {
    for (const size of [0, 1, 512 * 1024, 3_000_001]) {
      const bytes = Buffer.alloc(size, "mother-of-pearl, ");
      const buffers = new Set<ArrayBufferLike>();
      const copies: Uint8Array[] = [];
      for await (const chunk of passingBytes(file(bytes))) {
        buffers.add(chunk.buffer);
        copies.push(Uint8Array.from(chunk));
      }
      expect(Buffer.concat(copies).equals(bytes)).toBe(true);
      expect(buffers.size).toBeLessThanOrEqual(2);
    }
  });

  it("leave no file open where nobody wants the rest", async () => {
    const path = file(Buffer.alloc(3_000_000));
    for await (const _ of passingBytes(path)) {
      expect(descriptorsOf(path)).toBe(1);
      break;
    }
    expect(descriptorsOf(path)).toBe(0);
  });

  it("are refused by name where there are none", async () => {
    const read = async (path: string) => {
      for await (const _ of passingBytes(path));
    };
    const absent = {
      kind: "not-found",
      message: `"${folder}/absent" cannot be read: no such file or directory`,
    };
    await expect(read(`${folder}/absent`)).rejects.toMatchObject(absent);
    const directory = {
      kind: "denied",
      message: `${JSON.stringify(folder)} cannot be read: it is a directory`,
    };
    await expect(read(folder)).rejects.toMatchObject(directory);
  });
});
