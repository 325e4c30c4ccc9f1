// What scenarios are made of: the machines that they begin on, and the commands that several share.

import type { Engine } from "@nacre/engine/engine.ts";
import type { CgroupLayout } from "@nacre/simulated/boot.ts";
import { IMAGE } from "./network.ts";
import type { Stored } from "./world.ts";
import { World } from "./world.ts";

export interface Scenario {
  readonly name: string;
  /** What is on the disk when the machine boots; a fresh machine if absent. */
  readonly stored?: () => Promise<Stored>;
  /** What happens before the command, without faults. */
  readonly prepare?: (world: World) => Promise<void>;
  readonly work: (engine: Engine) => Promise<unknown>;
  /** Whether what it has started goes on after it. */
  readonly startsDaemon?: boolean;
  /** Of a store that is damaged to begin with: what mends it, whatever became of the command. */
  readonly mended?: (engine: Engine) => Promise<unknown>;
  /** Whether the image is there whatever becomes of the command. */
  readonly keepsImage: boolean;
  /** Whether supervisors start what looks after the end of a container, as they do on a real machine. */
  readonly settles?: boolean;
  /** Of the machine. Default `hybrid`. */
  readonly cgroups?: CgroupLayout;
}

export const NAME = "pearl";
export const VOLUME = "nacre";
/** An image that a command makes; it goes with what else was started. */
export const MADE = "made";

export async function storedAfter(
  ...works: ((engine: Engine) => Promise<unknown>)[]
): Promise<Stored> {
  const world = new World();
  for (const work of works) await world.command(work);
  return world.stored();
}

export const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

export const pull = (engine: Engine) => engine.images.pull(IMAGE);

/** In the foreground, removed with its end. */
export async function runOnce(engine: Engine): Promise<number> {
  const request = { image: IMAGE, command: ["true"], autoRemove: true, pull: "never" } as const;
  return (await engine.containers.run(request)).exited;
}

export const runDetached = (engine: Engine) =>
  engine.containers.run({
    image: IMAGE,
    command: ["sleep", "3600"],
    name: NAME,
    detached: true,
    pull: "never",
  });

/** The same, and it removes itself at its end. */
export const runFleeting = (engine: Engine) =>
  engine.containers.run({
    image: IMAGE,
    command: ["sleep", "3600"],
    name: NAME,
    detached: true,
    autoRemove: true,
    pull: "never",
  });

/** With a volume of the user's and one of the container's own, both filled by the image. */
export async function runWithVolumes(engine: Engine): Promise<number> {
  const mounts = [
    { type: "volume", name: VOLUME, target: "/bin", readOnly: false },
    { type: "volume", target: "/etc", readOnly: false },
  ] as const;
  const request = { image: IMAGE, command: ["true"], autoRemove: true, pull: "never" } as const;
  return (await engine.containers.run({ ...request, mounts })).exited;
}

/** The same by users of its own. */
export async function runWithUsers(engine: Engine): Promise<number> {
  const mounts = [{ type: "volume", name: VOLUME, target: "/bin", readOnly: false }] as const;
  const request = { image: IMAGE, command: ["true"], autoRemove: true, pull: "never" } as const;
  return (await engine.containers.run({ ...request, mounts, userns: "auto" })).exited;
}

export const pulled = once(() => storedAfter(pull));
export const withVolume = once(() => storedAfter(pull, runWithVolumes));
export const stopped = once(() =>
  storedAfter(pull, async (engine) => {
    const request = { image: IMAGE, command: ["true"], name: NAME, pull: "never" } as const;
    return (await engine.containers.run(request)).exited;
  }),
);

export const running = async (world: World): Promise<void> => {
  await world.command(runDetached);
};

export async function collected(source: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(Uint8Array.from(chunk));
  return chunks;
}
