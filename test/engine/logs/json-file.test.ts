// A log in several files, as a supervisor leaves it, read while more of them come.

import { appendFileSync, existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { JsonFileLog } from "@nacre/engine/logs/json-file.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../contract/temporary.ts";

let path: string;
beforeEach(() => {
  path = join(temporaryDirectory(), "log.json");
});

const write = (...texts: readonly (string | number)[]) => {
  for (const text of texts) {
    const time = "2026-01-02T03:04:05.000000000Z";
    appendFileSync(path, `${JSON.stringify({ log: `${text}\n`, stream: "stdout", time })}\n`);
  }
};

/** As nacre-init does it: never a cut file, and for a moment none of the log's own name. */
function rotate(most: number): void {
  if (most === 1) rmSync(path);
  let age = 1;
  while (age < most - 1 && existsSync(`${path}.${age}`)) age++;
  for (; age > 0 && most > 1; age--) {
    renameSync(age === 1 ? path : `${path}.${age - 1}`, `${path}.${age}`);
  }
}

const SIGNAL = new AbortController().signal;

async function* texts(
  follow: boolean,
  ended = () => false,
  files = new LinuxFiles(),
): AsyncGenerator<string | undefined> {
  const driver = new JsonFileLog(files);
  for await (const line of driver.read(path, { containerId: "c", follow, signal: SIGNAL, ended })) {
    yield line?.text.trimEnd();
  }
}

async function all(lines: AsyncIterable<string | undefined>): Promise<string[]> {
  const found: string[] = [];
  for await (const text of lines) if (text !== undefined) found.push(text);
  return found;
}

describe("a log in several files", () => {
  it("is read from the oldest on", async () => {
    for (const part of [1, 2, 3]) {
      write(`${part}a`, `${part}b`);
      if (part < 3) rotate(4);
    }
    expect(await all(texts(false))).toEqual(["1a", "1b", "2a", "2b", "3a", "3b"]);
  });

  it("is read where the newest is just being made", async () => {
    write("a");
    rotate(3);
    write("b");
    rotate(3);
    expect(existsSync(path)).toBe(false);
    expect(await all(texts(false))).toEqual(["a", "b"]);
  });

  it.each([2, 3, 5])("is followed through rotations: %i files", async (most) => {
    write(0);
    const seen: string[] = [];
    let ended = false;
    for await (const text of texts(true, () => ended)) {
      if (text === undefined) continue;
      seen.push(text);
      const next = Number(text) + 1;
      if (next === 40) ended = true;
      // What is written before and after the rename is in two files.
      else if (next % 4 === 0) write(next);
      else if (next % 4 === 1) {
        write(next, next + 1, next + 2);
        rotate(most);
      }
    }
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => String(i)));
  });

  it("is followed through a rotation whose every rename falls between two looks", async () => {
    const file = (age: number) => (age === 0 ? path : `${path}.${age}`);
    for (let first = 1; first <= 36; first++) {
      for (const apart of [0, 1, 3, 6]) {
        path = join(temporaryDirectory(), "log.json");
        for (const [age, text] of [
          [2, "a"],
          [1, "b"],
          [0, "c"],
        ] as const) {
          write(text);
          if (age > 0) renameSync(path, file(age));
        }
        const steps = [2, 1, 0].map((age) => () => renameSync(file(age), file(age + 1)));
        steps.push(() => write("d"));
        const files = new LinuxFiles();
        let looks = 0;
        const status = files.status.bind(files);
        files.status = (of) => {
          looks++;
          while (steps.length > 0 && looks >= first + apart * (4 - steps.length)) steps.shift()?.();
          return status(of);
        };
        const seen = await all(texts(true, () => steps.length === 0, files));
        expect(seen, `${first} ${apart}`).toEqual(["a", "b", "c", "d"]);
      }
    }
  });

  it("is followed through the deletion of the only one", async () => {
    write("a");
    let ended = false;
    const seen: string[] = [];
    for await (const text of texts(true, () => ended)) {
      if (text === undefined) continue;
      seen.push(text);
      ended = text === "d";
      if (text !== "a") continue;
      write("b");
      rotate(1);
      write("c", "d");
    }
    expect(seen).toEqual(["a", "b", "c", "d"]);
  });

  it("goes on with the oldest there is for one who was too slow", async () => {
    write("a");
    const reading = texts(true, () => true);
    expect((await reading.next()).value).toBe("a");
    for (const text of ["b", "c", "d"]) {
      rotate(2);
      write(text);
    }
    expect(await all(reading)).toEqual(["c", "d"]);
  });

  it("leaves out a line that a crash has cut, and reads on in the next file", async () => {
    write("a");
    appendFileSync(path, '{"log":"cut');
    rotate(3);
    write("b");
    expect(await all(texts(false))).toEqual(["a", "b"]);
  });

  it("has the line that follows one that was cut, in the same file", async () => {
    write("a");
    appendFileSync(path, '{"log":"cut');
    write('b "{"log":"c');
    appendFileSync(path, "\0\0\0");
    write("d");
    expect(await all(texts(false))).toEqual(["a", 'b "{"log":"c', "d"]);
  });
});
