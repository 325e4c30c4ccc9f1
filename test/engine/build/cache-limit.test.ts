// How large the build cache may become, by records alone: what is counted, when, and what goes.

import type { RecordKind, Records } from "@nacre/core/state/records.ts";
import { CacheLimit } from "@nacre/engine/build/cache-limit.ts";
import { CacheUpkeep } from "@nacre/engine/build/cache-upkeep.ts";
import { StepCache } from "@nacre/engine/build/step-cache.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedStateStore } from "@nacre/simulated/state-store.ts";
import { beforeEach, expect, it } from "vitest";

const LIMIT_BYTES = 100;

let state: SimulatedStateStore;
let clock: SimulatedClock;
let cache: StepCache;
let limit: CacheLimit;
/** Kinds of which all records were read. */
let listed: RecordKind[];

beforeEach(() => {
  state = new SimulatedStateStore();
  clock = new SimulatedClock();
  listed = [];
  const seen = {
    read: (work: Parameters<typeof state.read>[0]) => state.read((t) => work(listing(t))),
    write: (work: Parameters<typeof state.write>[0]) => state.write((t) => work(listing(t))),
  } as unknown as SimulatedStateStore;
  const images = { sweep: async () => 0 } as never;
  const upkeep = new CacheUpkeep({} as never, seen, clock, images, {} as never);
  cache = new StepCache(seen, clock, {} as never);
  limit = new CacheLimit(seen, async () => upkeep, LIMIT_BYTES);
});

function listing<T extends Parameters<Parameters<typeof state.read>[0]>[0]>(transaction: T): T {
  return Object.assign(Object.create(transaction), {
    get: transaction.get.bind(transaction),
    put: transaction.put.bind(transaction),
    delete: transaction.delete.bind(transaction),
    list: <K extends RecordKind>(kind: K) => {
      listed.push(kind);
      return transaction.list(kind);
    },
  });
}

/** A step whose layer has so many bytes, as a build records it at its end. */
async function built(name: string, tarBytes: number): Promise<void> {
  clock.pass(1);
  const layer = { diffId: name, tarBytes } as Records["layer"];
  state.write((t) => t.put("layer", name, layer));
  cache.put(name, `RUN ${name}`, name, clock.nowMs());
  await limit.hold();
}

const steps = (): string[] => state.read((t) => t.list("step").map(({ key }) => key)).sort();

const image = (...layers: string[]): Records["image"] =>
  ({ config: { rootfs: { type: "layers", diff_ids: layers } } }) as unknown as Records["image"];

it("lets go what was not used for longest", async () => {
  for (const name of ["a", "b", "c"]) await built(name, 40);
  expect(steps()).toEqual(["b", "c"]);
  await built("d", 40);
  expect(steps()).toEqual(["c", "d"]);
});

it("counts all of it once, and again only when it may have become too much", async () => {
  await built("a", 40);
  expect(listed).toContain("image");
  listed = [];
  await built("b", 40);
  expect(listed).toEqual([]);
  await built("c", 40);
  expect(listed).toContain("image");
});

it("takes a layer for what it is when its image goes", async () => {
  state.write((t) => t.put("image", "i", image("a", "b")));
  for (const name of ["a", "b", "c"]) await built(name, 40);
  expect(steps()).toEqual(["a", "b", "c"]);
  state.write((t) => t.delete("image", "i"));
  await built("d", 1);
  expect(steps()).toEqual(["b", "c", "d"]);
});

it("counts a layer that several steps came to once", async () => {
  await built("a", 60);
  for (const key of ["again", "and again"]) {
    cache.put(key, "RUN a", "a", clock.nowMs());
    await limit.hold();
  }
  expect(steps()).toEqual(["a", "again", "and again"]);
});
