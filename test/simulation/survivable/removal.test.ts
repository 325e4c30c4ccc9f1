// A removal cannot get stuck: killed at any of its points, it is finished by the next command, be
// that only a look; failing there, it leaves a container that is seen, and goes by the next.

import { NacreError } from "@nacre/core/error.ts";
import type { Fault, Point } from "@nacre/simulated/faults.ts";
import { plausibleErrnos } from "@nacre/simulated/plausible-errnos.ts";
import { describe, expect, it } from "vitest";
import { pull } from "./beginnings.ts";
import { IMAGE } from "./network.ts";
import { Died, World } from "./world.ts";

const NAME = "pearl";
const request = { image: IMAGE, command: ["sleep", "3600"], name: NAME, pull: "never" } as const;

async function machine(): Promise<World> {
  const world = new World();
  await world.command(pull);
  await world.command((engine) => engine.containers.run({ ...request, detached: true }));
  return world;
}

const remove = (world: World) =>
  world.command((engine) => engine.containers.remove(NAME, { force: true }));
const statuses = (world: World) =>
  world.command(async (engine) => engine.containers.list({ all: true }).map((c) => c.status));

async function points(): Promise<readonly Point[]> {
  const world = await machine();
  const faults = world.inject({ trace: true });
  await remove(world);
  return faults?.trace ?? [];
}

/** At each point in turn: what came of the removal, what is seen then, and at the look after that. */
async function broken(faultAt: (point: Point) => Fault | undefined): Promise<string[][]> {
  const seen: string[][] = [];
  for (const [at, point] of (await points()).entries()) {
    const fault = faultAt(point);
    if (!fault) continue;
    const world = await machine();
    world.inject({ rules: [{ at, fault }] });
    const outcome = await remove(world).then(
      () => "done",
      (error: unknown) => {
        if (error instanceof Died) return "died";
        if (error instanceof NacreError) return error.kind;
        throw error;
      },
    );
    world.inject(undefined);
    const [first, second] = [await statuses(world), await statuses(world)];
    seen.push([outcome, first[0] ?? "gone", second[0] ?? "gone"]);
    // Whatever is seen, its name is free once that is removed, and for a new one at once where nothing is.
    if (second.length > 0) await remove(world);
    await world.command((engine) => engine.containers.create(request));
    await world.command((engine) => engine.containers.remove(NAME));
    expect(await statuses(world)).toEqual([]);
  }
  return seen;
}

describe("a removal", () => {
  it("that is killed is finished by the next look, or has not begun", async () => {
    const seen = await broken(() => ({ do: "kill", who: "engine" }));
    expect(seen.length).toBeGreaterThan(20);
    for (const [, first, second] of seen) {
      // It runs on, or its end was seen; or else the first look has taken it away.
      expect(["running", "exited", "gone"]).toContain(first);
      expect(second).toBe(first);
    }
    expect(seen.filter(([, first]) => first === "gone").length).toBeGreaterThan(3);
  }, 60_000);

  it("that fails leaves nothing between, and what is dead is gone at the look after", async () => {
    const seen = await broken((point) => {
      const [errno] = plausibleErrnos(point);
      return errno && { do: "fail", errno };
    });
    for (const [outcome, first, second] of seen) {
      expect(["running", "exited", "dead", "gone"], outcome).toContain(first);
      if (first === "dead") expect(second).toBe("gone");
    }
    expect(seen.some(([, first]) => first === "dead")).toBe(true);
  }, 60_000);
});
