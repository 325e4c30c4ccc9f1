// Many commands in a row on one machine, each with whatever its seed has in store for it: errors
// here and there, a process killed, the power lost, and that again while the next command tidies
// up. The same seed is the same run, to the last event.

import { NacreError } from "@nacre/core/error.ts";
import type { Engine } from "@nacre/engine/engine.ts";
import { type FaultOptions, fractions, type Point, type Victim } from "@nacre/simulated/faults.ts";
import { pull, runOnce } from "./beginnings.ts";
import { IMAGE } from "./network.ts";
import { cleanUp } from "./scenarios.ts";
import { Died, World } from "./world.ts";

export interface Storm {
  readonly seed: number;
  readonly operations: number;
  readonly faults: number;
  /** Of everything that happened, in order. */
  readonly events: readonly string[];
  readonly violations: readonly string[];
}

const COMMANDS = 12;
/** No command that runs well has more points. */
const POINTS = 180;
const VICTIMS: readonly Victim[] = ["engine", "engine", "supervisor", "container"];

const first = (engine: Engine): string => engine.containers.list({ all: true })[0]?.id ?? "none";

const WORKS: Readonly<Record<string, (engine: Engine) => Promise<unknown>>> = {
  pull,
  run: runOnce,
  "run -d": (engine) =>
    engine.containers.run({ image: IMAGE, command: ["sleep", "3600"], detached: true }),
  exec: async (engine) =>
    (await engine.containers.exec(first(engine), { command: ["true"] })).exited,
  stop: (engine) => engine.containers.stop(first(engine), { timeoutMs: 0 }),
  "rm -f": (engine) => engine.containers.remove(first(engine), { force: true }),
  rmi: (engine) => engine.images.remove(IMAGE),
  prune: (engine) => engine.system.prune(),
  "prune -a": (engine) => engine.system.prune({ all: true }),
  ps: async (engine) => engine.containers.list({ all: true }),
};

function weather(chance: () => number): FaultOptions {
  const kind = Math.floor(chance() * 6);
  const at = Math.floor(chance() * POINTS);
  if (kind === 0) return { rules: [{ at, fault: { do: "powerOff" } }] };
  if (kind === 1 || kind === 2) {
    const who = VICTIMS[Math.floor(chance() * VICTIMS.length)] as Victim;
    return { rules: [{ at, fault: { do: "kill", who } }] };
  }
  if (kind === 5) return {};
  return { random: { seed: Math.floor(chance() * 2 ** 32), probability: chance() * 0.04 } };
}

const say = ({ actor, call, path }: Point): string => `${actor} ${call} ${path}`;

export async function storm(seed: number): Promise<Storm> {
  const chance = fractions(seed);
  const world = new World();
  const clean = world.state();
  const events: string[] = [];
  const violations: string[] = [];
  let [operations, faults] = [0, 0];
  for (let i = 0; i < COMMANDS; i++) {
    const names = Object.keys(WORKS);
    const name = i === 0 ? "pull" : (names[Math.floor(chance() * names.length)] as string);
    const injected = world.inject({ ...weather(chance), trace: true });
    const error = await world.command(WORKS[name] as (typeof WORKS)[string]).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    world.inject(undefined);
    operations += injected?.count ?? 0;
    faults += injected?.injected.length ?? 0;
    for (const one of injected?.injected ?? []) {
      events.push(`${one.number} ${say(one.point)}: ${JSON.stringify(one.fault)}`);
    }
    events.push(`${name}: ${error instanceof Error ? error.message : "done"}`);
    const ours =
      error instanceof Died || (error instanceof NacreError && error.kind !== "internal");
    if (error !== undefined && !ours) violations.push(`${name}: ${(error as Error).stack}`);
    world.reboot();
  }
  await afterwards(world, clean, violations);
  return { seed, operations, faults, events, violations };
}

async function afterwards(
  world: World,
  clean: ReturnType<World["state"]>,
  violations: string[],
): Promise<void> {
  try {
    await world.command(cleanUp);
    await world.command(pull);
    const code = await world.command(runOnce);
    if (code !== 0) violations.push(`run: ${code}`);
    await world.command(cleanUp);
    for (const { severity, subject, reason } of await world.problems()) {
      violations.push(`${severity}: ${subject}: ${reason}`);
    }
  } catch (error) {
    violations.push(`then: ${(error as Error).stack}`);
  }
  const now = world.state();
  for (const kind of ["mounts", "cgroups", "processes", "namespaces"]) {
    const [before, after] = [clean[kind]?.join("; "), now[kind]?.join("; ")];
    if (before !== after) violations.push(`${kind}: ${after} instead of ${before}`);
  }
}
