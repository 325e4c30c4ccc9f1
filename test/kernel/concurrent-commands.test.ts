// Many processes at once: 200 commands on the same few containers, all started together. Whatever
// comes of it, each container's answers and its last state are those of some order of its commands
// one after the other, and once all are removed the machine is as it was.

import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { LifeCommand, LifeKind, LifeStatus } from "../contract/life-model.ts";
import { type Observed, serialOrder } from "../contract/serial-order.ts";
import { benchForTests, type Outcome } from "./engine-bench.ts";

const COMMANDS = 200;
const ROUNDS = Number(process.env.NACRE_ROUNDS ?? 1);

/** What is given to a container, and how often among 50. */
const USUAL: readonly (readonly [LifeCommand, number])[] = [
  ["start", 8],
  ["stop", 6],
  ["kill", 4],
  ["pause", 6],
  ["unpause", 7],
  ["restart", 4],
  ["rename", 4],
  ["update", 5],
  ["exec", 6],
];

interface Subject {
  readonly kind: LifeKind;
  readonly options: readonly string[];
  readonly removals: readonly LifeCommand[];
}
const PLAIN: LifeKind = { autoRemove: false, always: false };
const SUBJECTS: readonly Subject[] = [
  { kind: PLAIN, options: [], removals: [] },
  { kind: PLAIN, options: [], removals: ["rm", "rm", "rm"] },
  { kind: PLAIN, options: [], removals: ["rm -f", "rm", "rm -f"] },
  { kind: { autoRemove: true, always: false }, options: ["--rm"], removals: ["rm"] },
];

const bench = benchForTests();

let renames = 0;
function wordsOf(command: LifeCommand, id: string): string[] {
  switch (command) {
    case "stop":
    case "restart":
      return [command, "-t", "0", id];
    case "rename":
      return [command, id, `other${renames++}`];
    case "update":
      return [command, "--pids-limit", "100", id];
    case "exec":
      return [command, id, "true"];
    case "rm -f":
      return ["rm", "-f", id];
    default:
      return [command, id];
  }
}

/** What it answered; the whole of it where that is nothing that a command may answer. */
function answerOf(command: LifeCommand, { code, stdout, stderr }: Outcome): string {
  if (code === 0) return "done";
  if (command === "exec" && code === 137) return "lost";
  if (/no such container/.test(stderr)) return "not-found";
  if (/cannot \w+( \w+)* container .*: it (is|has) /.test(stderr)) return "conflict";
  if (/removal of container .* is already in progress/.test(stderr)) return "conflict";
  return `${code}: ${stdout}${stderr}`;
}

/** The same for the same seed: Fisher and Yates's way. */
function shuffled<T>(all: readonly T[], seed: number): T[] {
  const result = [...all];
  let state = seed;
  for (let i = result.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

async function statusOf(id: string): Promise<LifeStatus> {
  const { code, stdout } = await bench.nacre(["inspect", "-f", "{{.State.Status}}", id]);
  return code === 0 ? (stdout.trim() as LifeStatus) : "absent";
}

async function atOnce(seed: number): Promise<void> {
  const ids = await Promise.all(
    SUBJECTS.map(({ options }) =>
      bench.does(["run", "-d", ...options, bench.name(), "sleep", "1000"]),
    ),
  );
  const all = SUBJECTS.flatMap(({ removals }, at) => {
    const usual = USUAL.flatMap(([command, count]) => Array<LifeCommand>(count).fill(command));
    const some = usual.slice(0, COMMANDS / SUBJECTS.length - removals.length);
    return [...some, ...removals].map((command) => ({ command, at }));
  });
  expect(all).toHaveLength(COMMANDS);
  const observed: Observed[][] = SUBJECTS.map(() => []);
  const odd: string[] = [];
  await Promise.all(
    shuffled(all, seed).map(async ({ command, at }) => {
      const outcome = await bench.nacre(wordsOf(command, ids[at] as string));
      const answer = answerOf(command, outcome);
      if (answer.includes(" ")) odd.push(`${command} of ${at}: ${answer}`);
      observed[at]?.push({ command, answer: answer as Observed["answer"] });
    }),
  );
  expect(odd).toEqual([]);
  for (const [at, { kind }] of SUBJECTS.entries()) {
    const last = await statusOf(ids[at] as string);
    const seen = observed[at] as Observed[];
    const order = serialOrder("running", seen, last, kind);
    const told = seen.map(({ command, answer }) => `${command}: ${answer}`).sort();
    expect(order?.length, `${at} is ${last} after ${told.join(", ")}`).toBe(seen.length);
  }
  for (const id of ids) await bench.nacre(["rm", "-f", id]);
}

describe(`${COMMANDS} commands at once`, () => {
  it("leave what some order of them leaves, and nothing else", { timeout: 300_000 }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      await bench.unchanged(() => atOnce(round + 1));
    }
  });

  it("that wait are told the same end", { timeout: 60_000 }, async () => {
    const id = await bench.does(["run", "-d", bench.name(), "sleep", "1000"]);
    const waiting = Array.from({ length: 12 }, () => bench.nacre(["wait", id]));
    await sleep(1000);
    await bench.does(["stop", "-t", "0", id]);
    const codes = (await Promise.all(waiting)).map(({ stdout }) => stdout.trim());
    expect(codes).toEqual(Array(12).fill("137"));
    await bench.does(["rm", id]);
  });

  it("for one name give it to one, and leave nothing of the others", {
    timeout: 60_000,
  }, async () => {
    await bench.unchanged(async () => {
      const words = ["create", "--name", "wanted", bench.name(), "true"];
      const outcomes = await Promise.all(Array.from({ length: 12 }, () => bench.nacre(words)));
      const codes = outcomes.map(({ code }) => code).sort();
      expect(codes).toEqual([0, ...Array(11).fill(1)]);
      expect((await bench.does(["ps", "-aq"])).split("\n")).toHaveLength(1);
      await bench.does(["rm", "wanted"]);
    });
  });
});
