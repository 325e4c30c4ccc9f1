// Nobody watches, and the processes that carry a container's restarts and checks can be killed.
// Then whoever looks next sees to it that both go on.

import { describe, expect, it } from "vitest";
import { type Simulation, simulate, tools } from "../../cli/simulated.ts";

const SIGKILL = 9;
type Identity = { readonly pid: number; readonly startTime: string };

async function machine(): Promise<Simulation> {
  const simulation = await simulate({ images: { shell: { files: tools } } });
  await simulation.engine.images.pull("shell");
  return simulation;
}

const only = ({ engine }: Simulation) => engine.containers.list({ all: true })[0]!;

function kill({ kernel }: Simulation, ...identities: (Identity | undefined)[]): void {
  for (const one of identities) {
    expect(one).toBeDefined();
    kernel.signal({ pid: one!.pid, startTime: BigInt(one!.startTime) }, SIGKILL);
  }
}

/** Looks again and again, as a person does. */
async function until(simulation: Simulation, stepMs: number, condition: () => boolean) {
  for (let look = 0; look < 400 && !condition(); look++) {
    await simulation.advance(stepMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(condition()).toBe(true);
}

const base = {
  image: "shell",
  name: "web",
  detached: true,
  command: ["sleep", "1000000"],
} as const;

describe("whoever looks next", () => {
  it("starts a container again whose supervisor was killed, as its policy says", async () => {
    await using simulation = await machine();
    await simulation.engine.containers.run({ ...base, restart: { name: "always" } });
    for (let time = 1; time <= 3; time++) {
      const before = only(simulation);
      kill(simulation, before.supervisor);
      await until(simulation, 100, () => {
        const { status, process } = only(simulation);
        return status === "running" && process?.pid !== before.process?.pid;
      });
      expect(only(simulation).restarts).toBe(time);
    }
    await simulation.engine.containers.remove("web", { force: true });
  });

  it("leaves one at rest that was stopped, or has no policy", async () => {
    await using simulation = await machine();
    await simulation.engine.containers.run(base);
    kill(simulation, only(simulation).supervisor);
    await until(simulation, 100, () => only(simulation).status === "exited");
    await simulation.advance(100_000);
    expect(only(simulation)).toMatchObject({
      status: "exited",
      error: "its supervisor was killed",
    });
  });

  it("ends a wait whose sleeper was killed", async () => {
    await using simulation = await machine();
    const command = ["sh", "-c", "exit 3"];
    await simulation.engine.containers.run({ ...base, command, restart: { name: "always" } });
    await until(simulation, 500, () => {
      const { status, restartDelayMs = 0 } = only(simulation);
      return status === "restarting" && restartDelayMs > 5000 && !!only(simulation).process;
    });
    const { restarts = 0, supervisor, process } = only(simulation);
    kill(simulation, supervisor, process);
    await until(simulation, 100, () => (only(simulation).restarts ?? 0) > restarts);
    await simulation.engine.containers.remove("web", { force: true });
  });

  it("has a container checked again whose checks have stopped, and not before", async () => {
    await using simulation = await machine();
    const health = { test: ["CMD", "true"], intervalMs: 10_000, timeoutMs: 5000 };
    await simulation.engine.containers.run({ ...base, health });
    await until(simulation, 1000, () => only(simulation).health?.status === "healthy");
    const { waiter, log } = only(simulation).health!;
    kill(simulation, waiter?.supervisor, waiter?.process);
    // It may be that somebody is about it.
    await simulation.advance(20_000);
    expect(only(simulation).health?.waiter).toEqual(waiter);
    await simulation.advance(60_000);
    await until(simulation, 1000, () => {
      return (only(simulation).health?.log.at(-1)?.endMs ?? 0) > (log.at(-1)?.endMs ?? 0);
    });
    const after = only(simulation).health!.log.length;
    await until(simulation, 1000, () => only(simulation).health!.log.length > after);
    await simulation.engine.containers.remove("web", { force: true });
  });
});
