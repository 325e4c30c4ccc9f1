// What fuzzing has found (npm run fuzz), read once more by the instrumented nacre-init: it says of
// each message whether it is one, and ends in peace.

import { readFileSync } from "node:fs";
import { encodeProgram } from "@nacre/core/program/wire.ts";
import { describe, expect, it } from "vitest";
import { unpackCorpus } from "../fuzz/corpus.ts";
import { reached } from "../fuzz/reached.ts";
import { STANDING, seeds } from "../fuzz/seeds.ts";
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

const asked = (messages: readonly Uint8Array[]) =>
  reports(build("asan"), Buffer.concat(messages), ["--check"]).then((answers) =>
    answers.map((answer) => (answer.kind === "malformed" ? answer.line : answer.kind)),
  );

describe("the kept messages of fuzzing", () => {
  const messages = corpus.filter(({ length }) => length > HEADER).map(message);

  it("are many, valid and not", async () => {
    expect(messages.length).toBeGreaterThan(60);
    const lines = await asked(messages);
    expect(lines).toHaveLength(messages.length);
    expect(new Set(lines)).toEqual(new Set(["valid", "malformed"]));
  });

  it("have each operation in each place where it may stand", async () => {
    const lines = await asked(messages);
    const whole = messages.filter((_, i) => lines[i] === "valid");
    const found = new Set(whole.flatMap(reached));
    const wanted = STANDING.filter(({ sound }) => sound);
    const missing = wanted.map(({ place, operation }) => `${place} ${operation.op}`);
    expect(missing.filter((one) => !found.has(one))).toEqual([]);
    expect([...found].some((one) => one.startsWith("host inverse"))).toBe(true);
  });

  it("began with programs that are whole", async () => {
    const begin = seeds();
    expect(await asked(begin)).toEqual(begin.map(() => "valid"));
  });
});

describe("an operation", () => {
  it("may stand where the simulated kernel lets it, and nowhere else", async () => {
    const lines = await asked(STANDING.map(({ program }) => encodeProgram(program)));
    const named = STANDING.map(({ place, operation }) => `${operation.op} ${place}`);
    expect(named.filter((_, i) => lines[i] === "valid")).toEqual(
      named.filter((_, i) => STANDING[i]?.sound),
    );
  });
});
