// Every operation of the real kernel is survivable: the interpreter is told to fail at each of a
// program's operations, or to die there, and the engine's process is killed at each of its calls.
// The machine is as it was each time. The simulated kernel is held to the same, with more ways to
// fail, in test/simulation/survivable.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { Engine } from "@nacre/engine/engine.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OWN_NODE } from "../own-node.ts";
import { benchForTests, outcomeOf } from "./engine-bench.ts";
import { inserted, type Place, placesIn, tampering, wrappedEngine } from "./wrapped-engine.ts";

const DOOMED = fileURLToPath(new URL("./doomed-engine.ts", import.meta.url));
/** Everything with NACRE_SURVIVE=all, else one in a few. */
const ALL = process.env.NACRE_SURVIVE === "all";
const PLACES_EVERY = ALL ? 1 : 5;
const CALLS_EVERY = ALL ? 1 : 13;
const TIMEOUT_MS = ALL ? 900_000 : 60_000;
/** Numbers of ENOSPC, ENOMEM and EPERM, and what the engine calls them. */
const ERRNOS = [
  [28, "no-space"],
  [12, "kernel"],
  [1, "denied"],
] as const;

const say = (text: string) => process.stdout.write(`survivable, real kernel: ${text}\n`);

const bench = benchForTests();

const one = <T>(list: readonly T[], every: number): T[] => list.filter((_, i) => i % every === 0);
type Work = (engine: Engine) => Promise<unknown>;

const request = () => ({ image: bench.name(), network: "none", pull: "never" }) as const;
const WORKS: Readonly<Record<string, Work>> = {
  run: async ({ containers }) => {
    const running = await containers.run({ ...request(), command: ["true"], autoRemove: true });
    return running.exited;
  },
  "run --init": async ({ containers }) => {
    const more = { command: ["true"], autoRemove: true, init: true };
    return (await containers.run({ ...request(), ...more })).exited;
  },
  "run -d": ({ containers }) =>
    containers.run({ ...request(), command: ["sleep", "60"], detached: true, autoRemove: true }),
  exec: async ({ containers }) => (await containers.exec("prize", { command: ["true"] })).exited,
};

/** What a command hands to the kernel, changed on its way. */
async function during(work: Work, tamper: (program: KernelProgram) => KernelProgram) {
  const engine = wrappedEngine(bench.root, { kernel: tampering(tamper) });
  try {
    await work(engine);
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await engine[Symbol.asyncDispose]();
  }
}

/** The program of a command's process, as it is when nothing fails. */
async function programOf(work: Work): Promise<KernelProgram> {
  const seen: KernelProgram[] = [];
  await during(work, (program) => {
    if (program.process) seen.push(program);
    // It need not run for this.
    return program.process ? { ...program, host: [{ op: "fail", errno: 5 }] } : program;
  });
  expect(seen).toHaveLength(1);
  return seen[0] as KernelProgram;
}

/** Whether the command's working directory is entered there, which has to exist. */
function begins({ process }: KernelProgram, [section, index]: readonly [Place, number]): boolean {
  const operation = section === "child" ? process?.child[index] : undefined;
  return operation?.op === "changeDirectory" && operation.mustExist === true;
}

/** Runs a command whose program has operations in between at one place. */
const broken = (work: Work, place: readonly [Place, number], operations: readonly Operation[]) =>
  during(work, (program) => (program.process ? inserted(program, place, operations) : program));

describe.each(["run", "run --init", "run -d", "exec"])(
  "the program of %s",
  { timeout: TIMEOUT_MS },
  (name) => {
    const work = WORKS[name] as Work;
    const every = name === "exec" ? 1 : PLACES_EVERY;
    const places = async () => one(placesIn(await programOf(work)), every);
    beforeAll(async () => {
      if (name === "exec") {
        await bench.does(["run", "-d", "--name", "prize", bench.name(), "sleep", "600"]);
      }
    });
    afterAll(async () => {
      if (name === "exec") await bench.does(["rm", "-f", "prize"]);
    });

    it("leaves nothing when an operation fails", async () => {
      await bench.unchanged(async () => {
        const program = await programOf(work);
        const all = one(placesIn(program), every);
        for (const [i, place] of all.entries()) {
          const [errno, kind] = ERRNOS[i % ERRNOS.length] as (typeof ERRNOS)[number];
          const error = await bench.unchanged(() => broken(work, place, [{ op: "fail", errno }]));
          // What stands there is known by its place, so the fault counts as a directory's.
          const expected = begins(program, place)
            ? { kind: "command-not-executable", message: expect.stringContaining("chdir to cwd") }
            : { kind, cause: { index: place[1] } };
          expect(error, place.join(" ")).toMatchObject(expected);
        }
        say(`${name}: ${all.length} operations failed`);
      });
    });

    it("leaves nothing when who carries it out dies there", async () => {
      await bench.unchanged(async () => {
        const all = await places();
        for (const place of all) {
          const fatal: Operation = { op: "fail", errno: 0, fatal: true };
          const error = await broken(work, place, [fatal]);
          expect(error, place.join(" ")).toMatchObject({ kind: "interrupted" });
          // The image's mount may wait for whoever removes something next.
          await bench.does(["system", "prune", "-f"]);
        }
        say(`${name}: ${all.length} deaths`);
      });
    });
  },
);

describe("an engine whose process is killed before one of its calls", {
  timeout: TIMEOUT_MS,
}, () => {
  const doomed = (command: string, call: number) => {
    const words = [DOOMED, bench.root, String(call), bench.name(), command];
    return outcomeOf(spawn(OWN_NODE, ["--disable-warning=ExperimentalWarning", ...words]));
  };
  const prepare = async (command: string): Promise<void> => {
    if (command === "rmi") await bench.does(["pull", "-q", bench.name()]);
    if (command !== "rm") return;
    await bench.does(["run", "-d", "--name", "prize", bench.name(), "sleep", "60"]);
  };
  const tidy = async (): Promise<void> => {
    await bench.does(["ps", "-a"]);
    const left = (await bench.does(["ps", "-aq"])).split("\n").filter(Boolean);
    if (left.length > 0) await bench.does(["rm", "-f", ...left]);
    await bench.does(["system", "prune", "-f"]);
  };

  it.each(["run", "run -d", "rm", "rmi"])(
    "leaves nothing of %s after what follows",
    async (command) => {
      await bench.unchanged(async () => {
        await prepare(command);
        const whole = await doomed(command, 0);
        expect(whole).toMatchObject({ code: 0, stderr: "" });
        const calls = Number(whole.stdout);
        expect(calls).toBeGreaterThan(5);
        await tidy();
        let killed = 0;
        for (let call = 1; call <= calls; call += CALLS_EVERY) {
          await prepare(command);
          killed += (await doomed(command, call)).code === -1 ? 1 : 0;
          await tidy();
          if (command === "rmi") await bench.does(["pull", "-q", bench.name()]);
          expect(await bench.prints([], ["echo", "whole"])).toBe("whole");
        }
        // How often somebody is waited for differs from run to run.
        expect(killed).toBeGreaterThan(calls / CALLS_EVERY / 2);
        say(`${command}: killed before ${killed} of ${calls} calls`);
      });
    },
  );
});
