// What the suite has found, each by its name. Where the points of a command change, these stay.

import type { Fault, FaultRule } from "@nacre/simulated/faults.ts";
import { describe, expect, it } from "vitest";
import { pull, runOnce, type Scenario } from "./beginnings.ts";
import { SCENARIOS } from "./scenarios.ts";
import { attemptRule } from "./survive.ts";
import { World } from "./world.ts";

const scenario = (name: string): Scenario => {
  const found = SCENARIOS.find((one) => one.name === name);
  if (!found) throw new Error(`no scenario ${name}`);
  return found;
};

const KILL: Fault = { do: "kill", who: "engine" };
const EIO: Fault = { do: "fail", errno: "EIO" };
const OFF: Fault = { do: "powerOff" };

type Case = readonly [what: string, command: string, rule: FaultRule];

const CASES: readonly Case[] = [
  [
    "an image that is mounted for a copy does not stay so when the supervisor is killed",
    "cp",
    { on: { actor: "supervisor", call: "clone" }, fault: { do: "kill", who: "supervisor" } },
  ],
  [
    "who shows a root for a copy does not live on without its supervisor",
    "cp",
    { on: { actor: "child", call: "newSession" }, fault: { do: "kill", who: "supervisor" } },
  ],
  [
    "nothing is copied to the machine itself where the container's process has ended",
    "cp",
    { on: { actor: "supervisor", call: "openRoot" }, fault: { do: "kill", who: "container" } },
  ],
  [
    "a container that cannot be seen to stand still is let go again",
    "commit of one that runs",
    { on: { call: "read", path: /freezer\.state$/ }, fault: EIO },
  ],
  [
    "an image whose removal fails between two renames is not left without a layer",
    "rmi",
    { on: { call: "rename", path: /trash.*\.idx$/ }, fault: EIO },
  ],
  [
    "an image whose removal is killed before it is committed is not left without its layers",
    "rmi",
    { on: { actor: "state", call: "commit" }, after: 1, fault: KILL },
  ],
  [
    "an image whose files are deleted is not remembered by a machine that goes down",
    "rmi",
    { on: { call: "remove", path: /trash/ }, fault: OFF },
  ],
  [
    "a container whose files are deleted is not remembered by a machine that goes down",
    "rm -f",
    { on: { call: "remove", path: /removed\/log/ }, fault: OFF },
  ],
  [
    "a container that ran when the machine went down is not left without its files",
    "stop",
    { on: { actor: "state", call: "commit" }, fault: OFF },
  ],
  [
    "a container whose start cannot be recorded does not run on, unknown",
    "run -d",
    { on: { actor: "state", call: "commit" }, after: 2, fault: EIO },
  ],
  [
    "a container whose supervisor is killed while the child is at work does not run on",
    "run -d",
    { on: { actor: "child", call: "enterRoot" }, fault: { do: "kill", who: "supervisor" } },
  ],
  [
    "a supervisor that is killed between two cgroups leaves none",
    "run",
    { on: { call: "makeCgroup" }, after: 3, fault: { do: "kill", who: "supervisor" } },
  ],
  [
    "lock and mount point of an image go when the machine went down with them",
    "rm -f",
    { on: { actor: "kernel", call: "signal" }, fault: OFF },
  ],
  [
    "a killed pull leaves no intent after a prune",
    "pull",
    { on: { call: "rename", path: /layers.*\.tar$/ }, fault: KILL },
  ],
  [
    "a merged root that was not recorded goes with a prune",
    "pull",
    { on: { call: "rename", path: /\.erofs$/ }, fault: KILL },
  ],
  [
    "a merged root whose record the machine lost goes with a prune",
    "pull",
    { on: { call: "sync", path: /blobs/ }, fault: OFF },
  ],
  [
    "a manifest that breaks off is asked for again",
    "pull",
    { on: { call: "chunk", path: /manifests/ }, fault: { do: "cut" } },
  ],
  [
    "a container whose creation was killed before it had its directories can go",
    "run",
    { on: { call: "makeDirectory", path: /upper$/ }, fault: KILL },
  ],
];

describe("what was not survivable once", () => {
  it.each(CASES)("%s", async (_, command, rule) => {
    expect(await attemptRule(scenario(command), rule)).toEqual([]);
  });

  it("blobs and layers that a machine has torn as it went down are fetched again by the next pull", async () => {
    const rule: FaultRule = { on: { call: "sync" }, fault: OFF };
    for (let seed = 0; seed < 12; seed++) {
      expect(await attemptRule(scenario("pull"), rule, seed), `seed ${seed}`).toEqual([]);
    }
  });
});

it("an uncompressed blob whose removal is killed or fails goes with the next prune", async () => {
  const removal = { call: "remove", path: /\/blobs\/sha256\/[0-9a-f]+$/ } as const;
  const lostTrash = { on: { call: "makeDirectory", path: /trash/ }, fault: EIO } as const;
  for (const rules of [
    [{ on: removal, fault: KILL }],
    [{ on: removal, fault: EIO }, lostTrash],
  ] satisfies FaultRule[][]) {
    const world = new World();
    world.inject({ rules });
    await expect(world.command(pull)).rejects.toThrow();
    world.inject(undefined);
    world.reboot();
    await world.command(pull);
    await world.command((engine) => engine.system.prune());
    expect(await world.problems()).toEqual([]);
    expect(await world.command(runOnce)).toBe(0);
  }
});
