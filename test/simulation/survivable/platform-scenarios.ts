// The commands on images for several platforms, and on indexes that are made here.

import type { Engine } from "@nacre/engine/engine.ts";
import { collected, MADE, once, pull, pulled, type Scenario, storedAfter } from "./beginnings.ts";
import { IMAGE, SEVERAL } from "./network.ts";
import { World } from "./world.ts";

const pullAll = (engine: Engine) => engine.images.pull(SEVERAL, { allPlatforms: true });
const create = (engine: Engine) => engine.indexes.create(MADE, [IMAGE, `docker://${SEVERAL}`]);

const all = once(() => storedAfter(pull, pullAll));
const indexed = once(() => storedAfter(pull, create));

const archive = once(async () => {
  const world = new World(await all());
  return world.command((engine) => collected(engine.images.save([SEVERAL])));
});

async function* archived(): AsyncGenerator<Uint8Array> {
  yield* await archive();
}

export const PLATFORMS: readonly Scenario[] = [
  { name: "pull --all-platforms", stored: pulled, work: pullAll, keepsImage: true },
  {
    name: "rmi --platform",
    stored: all,
    work: (engine) => engine.images.remove(SEVERAL, { platform: "linux/arm64" }),
    keepsImage: true,
  },
  {
    name: "load of several platforms",
    stored: once(async () => {
      await archive();
      return pulled();
    }),
    work: (engine) => engine.images.load(archived()),
    keepsImage: true,
  },
  { name: "manifest create", stored: pulled, work: create, keepsImage: true },
  {
    name: "manifest add",
    stored: indexed,
    work: (engine) => engine.indexes.add(MADE, `docker://${SEVERAL}`, { all: true }),
    keepsImage: true,
  },
  {
    name: "manifest push",
    stored: indexed,
    work: (engine) => engine.indexes.push(MADE, { purge: true }),
    keepsImage: true,
  },
  {
    name: "manifest rm",
    stored: indexed,
    work: (engine) => engine.indexes.remove(MADE),
    keepsImage: true,
  },
  {
    name: "pull of an index that was made here",
    stored: once(() =>
      storedAfter(pull, async ({ indexes }) => {
        return indexes.create(MADE, [`docker://${SEVERAL}`], { all: true });
      }),
    ),
    work: (engine) => engine.images.pull(MADE, { platform: "linux/arm64" }),
    keepsImage: true,
  },
];
