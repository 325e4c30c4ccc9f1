// Every order of commands: the engine does what the table of test/contract/life-model.ts says, the
// kernel shows the same, and once all is removed nothing is left.

import { NacreError } from "@nacre/core/error.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Simulation, simulate, tools } from "../../cli/simulated.ts";
import {
  LIFE_COMMANDS,
  type LifeCommand,
  type LifeKind,
  type LifeStatus,
  lifeStep,
} from "../contract/life-model.ts";

const IMAGE = "shell";
const PLAIN: LifeKind = { autoRemove: false, always: false };
const SIGKILL = 9;
/** Longer than any wait of a restart policy between a few failures. */
const SETTLE_MS = 200_000;

/** NACRE_LIVES=all: orders of three commands, and more lives; some minutes. */
const ALL = process.env.NACRE_LIVES === "all";
const [DEPTH, LIVES, LONG_MS] = ALL ? [3, 3000, 600_000] : [2, 60, 60_000];

function everyOrder(length: number): LifeCommand[][] {
  if (length === 0) return [[]];
  return everyOrder(length - 1).flatMap((order) => LIFE_COMMANDS.map((one) => [...order, one]));
}

class Life implements AsyncDisposable {
  readonly #simulation: Simulation;
  readonly #kinds: readonly LifeKind[];
  /** By container; what it is called changes. */
  readonly #names: string[];
  readonly #statuses: LifeStatus[];
  readonly #clean: string;
  #renames = 0;

  private constructor(simulation: Simulation, kinds: readonly LifeKind[]) {
    this.#simulation = simulation;
    this.#kinds = kinds;
    this.#names = kinds.map((_, i) => `c${i}`);
    this.#statuses = kinds.map(() => "absent");
    this.#clean = this.#machine();
  }

  static async begin(kinds: readonly LifeKind[]): Promise<Life> {
    const simulation = await simulate({ images: { [IMAGE]: { files: tools } } });
    await simulation.engine.images.pull(IMAGE);
    // What the first container leaves for those after it (directories of the state root).
    await simulation.run(IMAGE, ["true"]);
    return new Life(simulation, kinds);
  }

  /** What must be as it was: all but the records and what is counted. */
  #machine(): string {
    const { mounts, cgroups, processes, namespaces, files } = this.#simulation.kernel.state();
    const kept = Object.keys(files).filter((path) => !path.includes("/log"));
    const shown = processes.map((line) => line.slice(line.indexOf(" ") + 1));
    return JSON.stringify([mounts.map(({ target }) => target), cgroups, shown, namespaces, kept]);
  }

  async #do(command: LifeCommand, at: number): Promise<unknown> {
    const { containers } = this.#simulation.engine;
    const name = this.#names[at] as string;
    const kind = this.#kinds[at] as LifeKind;
    switch (command) {
      case "create":
        return containers.create({
          ...{ image: IMAGE, name, command: ["sleep", "100000000"], detached: true },
          autoRemove: kind.autoRemove,
          ...(kind.always && { restart: { name: "always" } }),
        });
      case "start":
        return containers.start(name);
      case "stop":
        return containers.stop(name, { timeoutMs: 0 });
      case "kill": {
        const { id } = containers.get(name);
        await containers.kill(name, SIGKILL);
        return this.#until(() => !this.#runs(id));
      }
      case "pause":
        return containers.pause(name);
      case "unpause":
        return containers.unpause(name);
      case "restart":
        return containers.restart(name, { timeoutMs: 0 });
      case "rename": {
        const other = `renamed${this.#renames++}`;
        await containers.rename(name, other);
        this.#names[at] = other;
        return;
      }
      case "update":
        return containers.update(name, { pids: 100 });
      case "exec":
        return (await containers.exec(name, { command: ["true"] })).exited;
      case "wait":
        return containers.wait(name);
      case "rm":
        return containers.remove(name);
      case "rm -f":
        return containers.remove(name, { force: true });
      case "end":
        return this.#end(at);
    }
  }

  async #end(at: number): Promise<void> {
    const { engine, kernel } = this.#simulation;
    const name = this.#names[at];
    const record = engine.containers.list({ all: true }).find((one) => one.name === name);
    if (record?.status !== "running" || !record.process) return;
    const { pid, startTime } = record.process;
    kernel.signal({ pid, startTime: BigInt(startTime) }, SIGKILL);
    const again = () => {
      const now = engine.containers.list({ all: true }).find(({ id }) => id === record.id);
      return now?.status === "running" && now.process?.pid !== pid;
    };
    const { always } = this.#kinds[at] as LifeKind;
    await this.#until(always ? again : () => !this.#runs(record.id));
  }

  #runs(id: string): boolean {
    const all = this.#simulation.engine.containers.list({ all: true });
    const status = all.find((one) => one.id === id)?.status;
    return status !== undefined && status !== "exited";
  }

  /** Lets time pass, and what waits for more than time go on. */
  async #until(condition: () => boolean): Promise<void> {
    for (let turn = 0; turn < 1000 && !condition(); turn++) {
      await this.#simulation.advance(SETTLE_MS / 1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** A command, its answer and all states after it. False if it was left out, since it would wait for ever. */
  async step(command: LifeCommand, at: number): Promise<boolean> {
    const kind = this.#kinds[at] as LifeKind;
    const expected = lifeStep(this.#statuses[at] as LifeStatus, command, kind);
    if (!expected) return false;
    const answer = await this.#do(command, at).then(
      () => "done",
      (error: unknown) => (error instanceof NacreError ? error.kind : String(error)),
    );
    expect({ command, at, answer }).toEqual({ command, at, answer: expected.answer });
    this.#statuses[at] = expected.next;
    if (expected.next === "absent") this.#names[at] = `c${at}`;
    expect(this.#seen(), `after ${command} of ${at}`).toEqual(this.#statuses);
    return true;
  }

  /** As the list has it, held against the kernel's processes and freezers. */
  #seen(): string[] {
    const { engine, kernel } = this.#simulation;
    const all = engine.containers.list({ all: true });
    return this.#names.map((name) => {
      const record = all.find((one) => one.name === name);
      if (!record) return "absent";
      const { status, process } = record;
      const alive =
        process !== undefined &&
        kernel.alive({ pid: process.pid, startTime: BigInt(process.startTime) });
      expect([name, status, alive], JSON.stringify(record)).toEqual([
        name,
        status,
        ["running", "paused"].includes(status),
      ]);
      return status;
    });
  }

  /** Removes all, and looks for what is left. */
  async end(): Promise<void> {
    const { containers } = this.#simulation.engine;
    for (const { id } of containers.list({ all: true })) {
      await containers.remove(id, { force: true });
    }
    await this.#until(() => this.#machine() === this.#clean);
    expect(containers.list({ all: true })).toEqual([]);
    expect(this.#machine()).toBe(this.#clean);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#simulation[Symbol.asyncDispose]();
  }
}

describe("the life of containers, in every order of commands", () => {
  const kinds: readonly [string, LifeKind][] = [
    ["plain", PLAIN],
    ["with --rm", { autoRemove: true, always: false }],
    ["with --restart always", { autoRemove: false, always: true }],
  ];

  it.each(kinds)("a container %s: each after each", { timeout: LONG_MS }, async (_, kind) => {
    await using life = await Life.begin([kind]);
    const orders = everyOrder(DEPTH);
    for (const order of orders) {
      for (const command of ["create", "start", ...order] as const) await life.step(command, 0);
      await life.step("rm -f", 0);
    }
    expect(orders).toHaveLength(LIFE_COMMANDS.length ** DEPTH);
    await life.end();
  });

  it("several containers: long ones by chance", { timeout: LONG_MS }, async () => {
    const all = [...kinds.map(([, kind]) => kind), PLAIN];
    const commands = fc.array(
      fc.tuple(fc.constantFrom(...LIFE_COMMANDS), fc.nat({ max: all.length - 1 })),
      { minLength: 10, maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(commands, async (steps) => {
        await using life = await Life.begin(all);
        for (const [command, at] of steps) await life.step(command, at);
        await life.end();
      }),
      { numRuns: LIVES },
    );
  });
});

describe("a container that runs again", () => {
  it("is not waited for by whoever sees to the end before", async () => {
    await using simulation = await simulate({ images: { [IMAGE]: { files: tools } } });
    const { containers } = simulation.engine;
    const request = { image: IMAGE, command: ["sleep", "1000"], detached: true };
    const { container } = await containers.run(request);
    const before = simulation.nowMs();
    await containers.settle(container.id);
    expect(simulation.nowMs() - before).toBeLessThan(1000);
    await containers.remove(container.id, { force: true });
  });
});
