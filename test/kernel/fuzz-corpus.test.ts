// What fuzzing has found (npm run fuzz), read once more by the instrumented nacre-init: it says of
// each message whether it is one, and ends in peace.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { unpackCorpus } from "../fuzz/corpus.ts";
import { seeds } from "../fuzz/seeds.ts";
import { build, reports } from "./native.ts";

const HEADER = 12;
const corpus = unpackCorpus(readFileSync(new URL("../fuzz/corpus.bin", import.meta.url)));

/** With the head that makes it a message of its size. */
function message(bytes: Uint8Array): Buffer {
  const whole = Buffer.from(bytes);
  whole.write("NACREPR1", "latin1");
  whole.writeUInt32LE(whole.length - HEADER, 8);
  return whole;
}

describe("the kept messages of fuzzing", () => {
  const messages = corpus.filter(({ length }) => length > HEADER).map(message);

  it("are many, valid and not", async () => {
    expect(messages.length).toBeGreaterThan(60);
    const answers = await reports(build("asan"), Buffer.concat(messages), ["--check"]);
    expect(answers).toHaveLength(messages.length);
    const lines = answers.map((answer) =>
      answer.kind === "malformed" ? answer.line : answer.kind,
    );
    expect(new Set(lines)).toEqual(new Set(["valid", "malformed"]));
  });

  it("began with programs that are whole", async () => {
    const begin = seeds();
    const answers = await reports(build("asan"), Buffer.concat(begin), ["--check"]);
    expect(answers).toEqual(begin.map(() => ({ kind: "malformed", line: "valid" })));
  });
});
