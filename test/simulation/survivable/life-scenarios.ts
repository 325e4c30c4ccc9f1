// Scenarios of the commands by which containers, volumes and names come, change and go.

import { setImmediate as macrotask } from "node:timers/promises";
import type { Engine } from "@nacre/engine/engine.ts";
import {
  MADE,
  NAME,
  once,
  pull,
  pulled,
  runFleeting,
  running,
  runWithVolumes,
  type Scenario,
  stopped,
  storedAfter,
  VOLUME,
  withVolume,
} from "./beginnings.ts";
import { IMAGE } from "./network.ts";

const REQUEST = { image: IMAGE, command: ["true"], name: NAME, pull: "never" } as const;

const create = (engine: Engine) => engine.containers.create(REQUEST);
const created = once(() => storedAfter(pull, create));

/** Fails at once, and is started again once. */
async function runRestarting({ containers }: Engine, detached = true): Promise<void> {
  const running = await containers.run({
    ...REQUEST,
    command: ["cat", "/none"],
    detached,
    restart: { name: "on-failure", maximumRetries: 1 },
  });
  if (!detached) await running.exited;
  // Whoever started it again may have been killed: it is not waited for without end.
  for (let look = 0; look < 100; look++) {
    const { status, restarts = 0 } = containers.get(NAME);
    if (status === "exited" && restarts === 1) return;
    await macrotask();
  }
}

export const LIFE: readonly Scenario[] = [
  { name: "create", stored: pulled, work: create, keepsImage: true },
  {
    name: "start",
    stored: created,
    work: async (engine) => (await engine.containers.start(NAME)).exited,
    keepsImage: true,
  },
  {
    name: "restart",
    stored: pulled,
    prepare: running,
    work: (engine) => engine.containers.restart(NAME, { timeoutMs: 0 }),
    keepsImage: true,
  },
  {
    name: "restart of one that removes itself",
    stored: pulled,
    prepare: async (world) => {
      await world.command(runFleeting);
    },
    work: (engine) => engine.containers.restart(NAME, { timeoutMs: 0 }),
    keepsImage: true,
  },
  {
    name: "kill",
    stored: pulled,
    prepare: running,
    work: (engine) => engine.containers.kill(NAME, 9),
    keepsImage: true,
  },
  {
    name: "pause, unpause",
    stored: pulled,
    prepare: running,
    work: async ({ containers }) => {
      await containers.pause(NAME);
      await containers.unpause(NAME);
    },
    keepsImage: true,
  },
  {
    name: "rename",
    stored: stopped,
    work: async ({ containers }) => containers.rename(NAME, "renamed"),
    keepsImage: true,
  },
  {
    name: "update",
    stored: pulled,
    prepare: running,
    work: (engine) => engine.containers.update(NAME, { pids: 9, memoryBytes: 64 << 20 }),
    keepsImage: true,
  },
  {
    name: "run -d --restart",
    stored: pulled,
    work: (engine) => runRestarting(engine),
    settles: true,
    startsDaemon: true,
    keepsImage: true,
  },
  {
    name: "run --restart",
    stored: pulled,
    work: (engine) => runRestarting(engine, false),
    settles: true,
    startsDaemon: true,
    keepsImage: true,
  },
  {
    name: "container prune",
    stored: stopped,
    work: (engine) => engine.containers.prune(),
    keepsImage: true,
  },
  {
    name: "volume create",
    stored: pulled,
    work: (engine) => engine.volumes.create({ name: VOLUME }),
    keepsImage: true,
  },
  {
    name: "run -v, on a volume that is there",
    stored: withVolume,
    work: runWithVolumes,
    keepsImage: true,
  },
  {
    name: "volume prune",
    stored: withVolume,
    work: (engine) => engine.volumes.prune({ all: true }),
    keepsImage: true,
  },
  {
    name: "tag, untag",
    stored: pulled,
    work: async ({ images }) => {
      images.tag(IMAGE, MADE);
      await images.remove(MADE);
    },
    keepsImage: true,
  },
];
