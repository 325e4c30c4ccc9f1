// How often everyday commands ask the state. Each command is a process of its own, in which a
// transaction takes longer than what it looks up.

import type { Engine } from "@nacre/engine/engine.ts";
import { beforeEach, describe, expect, it } from "vitest";
import { NAME, pull, runDetached, runOnce } from "./survivable/beginnings.ts";
import { IMAGE } from "./survivable/network.ts";
import { World } from "./survivable/world.ts";

let world: World;
beforeEach(async () => {
  world = new World();
  await world.command(pull);
  await world.command(runOnce);
});

/** The transactions of a command: those that only read, and those that change something. */
async function transactions(work: (engine: Engine) => Promise<unknown>) {
  const faults = world.inject({ trace: true });
  await world.command(work);
  world.inject(undefined);
  const calls = (faults?.trace ?? []).filter(({ actor }) => actor === "state");
  const writes = calls.filter(({ call }) => call === "commit").length;
  return { reads: calls.length - 2 * writes, writes };
}

describe("the state", () => {
  it("is read no more often for an image of several layers than for one", async () => {
    const layers = async (engine: Engine) => engine.images.get(IMAGE).image.layers.length;
    expect(await world.command(layers)).toBeGreaterThan(1);
    // The image, its layers, its root; whether somebody copies; the layers to mount.
    expect((await transactions(runOnce)).reads).toBe(5);
  });

  it("is changed five times by a run that leaves nothing", async () => {
    // The container is made, claimed, started, ended for good, and gone.
    expect((await transactions(runOnce)).writes).toBe(5);
  });

  it("is changed three times by a run in the background", async () => {
    expect(await transactions(runDetached)).toEqual({ reads: 5, writes: 3 });
  });

  it("is read twice for a command in a container, and not changed", async () => {
    await world.command(runDetached);
    const exec = async (engine: Engine) =>
      (await engine.containers.exec(NAME, { command: ["true"] })).exited;
    expect(await transactions(exec)).toEqual({ reads: 2, writes: 0 });
  });
});
