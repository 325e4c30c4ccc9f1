// The commands that must be survivable, each with the machine that it begins on.

// What the engine loads when it is called for is loaded before: it takes time that no clock of the
// simulation knows.
import "@nacre/engine/build/assembly.ts";
import "@nacre/engine/build/cache-upkeep.ts";
import "@nacre/engine/copies/open.ts";
import "@nacre/engine/images/image-recorder.ts";
import "@nacre/engine/roots/archives.ts";
import "@nacre/engine/roots/container-roots.ts";
import "@nacre/engine/roots/image-archives.ts";
import "@nacre/engine/roots/new-image.ts";
import "@nacre/engine/roots/new-layer.ts";
import "@nacre/engine/sharing/image-prune.ts";
import "@nacre/engine/sharing/sharing.ts";
import "@nacre/engine/user-namespaces/choose.ts";
import { NacreError } from "@nacre/core/error.ts";
import { TAR_END, tarHeader, tarPadding } from "@nacre/core/tar-writer.ts";
import type { Engine } from "@nacre/engine/engine.ts";
import {
  collected,
  MADE,
  NAME,
  once,
  pull,
  pulled,
  runDetached,
  running,
  runOnce,
  runWithUsers,
  runWithVolumes,
  type Scenario,
  stopped,
  storedAfter,
  VOLUME,
  withVolume,
} from "./beginnings.ts";
import { LIFE } from "./life-scenarios.ts";
import { IMAGE, SEVERAL } from "./network.ts";
import { PLATFORMS } from "./platform-scenarios.ts";
import { Died, World } from "./world.ts";

async function runWithInit(engine: Engine): Promise<number> {
  const request = { image: IMAGE, command: ["true"], autoRemove: true, pull: "never" } as const;
  return (await engine.containers.run({ ...request, init: true })).exited;
}

/** A file in, and all that the container has in one directory out. */
async function copy(engine: Engine): Promise<void> {
  await using files = await engine.containers.files(NAME);
  const text = new TextEncoder().encode("copied\n");
  const member = { kind: "file", mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 } as const;
  const header = { ...member, path: new TextEncoder().encode("copied"), sizeBytes: text.length };
  const tar = [tarHeader(header), text, tarPadding(text.length), TAR_END];
  await files.write("/etc", ReadableStream.from(tar));
  for await (const { entry, read } of files.entries("/etc")) {
    if (entry.kind !== "file") continue;
    for await (const chunk of read()) chunk.length;
  }
}

/** Two stages, a mount, files of a context: each kind of step. */
const build = (engine: Engine) =>
  engine.builds.build({
    context: { files: { Dockerfile: DOCKERFILE, a: "a" } },
    ...{ tags: [MADE], sourceDateEpoch: 0 },
  });
const DOCKERFILE = [
  `FROM ${IMAGE} AS first`,
  `RUN --mount=type=cache,target=/cache --mount=type=cache,target=/over,from=${IMAGE} ["true"]`,
  `FROM ${IMAGE}`,
  "COPY a /from-context",
  "COPY --from=first /bin/true /from-stage",
].join("\n");

/** An image that is for an archive, whose steps go to a registry; nothing of it stays. */
const buildForOthers = async (engine: Engine): Promise<void> => {
  const cacheTo = [{ type: "registry", reference: `${MADE}-cache`, all: true }] as const;
  const built = await engine.builds.build({
    context: { files: { Dockerfile: `FROM ${IMAGE}\nCOPY a /a`, a: "a" } },
    ...{ sourceDateEpoch: 0, archiveOnly: true, cacheTo },
  });
  await built.discard();
};

const named = once(() => storedAfter(pull, async (engine) => engine.images.tag(IMAGE, MADE)));

const changed = async ({ containers, archives }: Engine): Promise<void> => {
  const request = { image: IMAGE, command: ["true"], name: NAME, pull: "never" } as const;
  await (await containers.run(request)).exited;
  await archives.commit(NAME, { reference: MADE, createdMs: 0 });
};

const repair = (engine: Engine) => engine.system.check({ repair: true });

/** An image beside IMAGE, whose layer and blob are damaged in ways that can be mended. */
const damaged = once(async () => {
  await archived();
  const world = new World(await pulled());
  await world.command(load);
  world.damage();
  return world.stored();
});

/** An archive of an image over IMAGE, with its layers compressed. */
const archived = once(async () => {
  const world = new World(await pulled());
  await world.command(changed);
  return world.command((engine) => collected(engine.images.save([MADE], { compression: "zstd" })));
});

async function load({ images }: Engine): Promise<unknown> {
  const chunks = await archived();
  return images.load(
    (async function* () {
      yield* chunks;
    })(),
  );
}

/** A pull that was broken off while the first layer came. */
const interrupted = once(async () => {
  const world = new World();
  world.inject({
    rules: [
      { on: { actor: "network", call: "chunk" }, after: 5, fault: { do: "kill", who: "engine" } },
    ],
  });
  const outcome = await world.command(pull).catch((error: unknown) => error);
  if (!(outcome instanceof Died))
    throw new Error("the pull was not interrupted", { cause: outcome });
  world.inject(undefined);
  return world.stored();
});

export const SCENARIOS: readonly Scenario[] = [
  { name: "run", stored: pulled, work: runOnce, keepsImage: true },
  { name: "run, on cgroup v2", stored: pulled, work: runOnce, keepsImage: true, cgroups: "v2" },
  {
    name: "update, on cgroup v2",
    stored: pulled,
    prepare: running,
    work: (engine) => engine.containers.update(NAME, { deviceRules: ["c 120:* r"], pids: 9 }),
    keepsImage: true,
    cgroups: "v2",
  },
  { name: "run --init", stored: pulled, work: runWithInit, keepsImage: true },
  { name: "run -v", stored: pulled, work: runWithVolumes, keepsImage: true },
  { name: "run --userns auto -v", stored: pulled, work: runWithUsers, keepsImage: true },
  {
    name: "volume rm",
    stored: withVolume,
    work: (engine) => engine.volumes.remove(VOLUME),
    keepsImage: true,
  },
  { name: "run -d", stored: pulled, work: runDetached, startsDaemon: true, keepsImage: true },
  {
    name: "exec",
    stored: pulled,
    prepare: running,
    work: async (engine) => (await engine.containers.exec(NAME, { command: ["true"] })).exited,
    keepsImage: true,
  },
  {
    name: "stop",
    stored: pulled,
    prepare: running,
    work: (engine) => engine.containers.stop(NAME, { timeoutMs: 0 }),
    keepsImage: true,
  },
  {
    name: "rm",
    stored: stopped,
    work: (engine) => engine.containers.remove(NAME),
    keepsImage: true,
  },
  {
    name: "rm -f",
    stored: pulled,
    prepare: running,
    work: (engine) => engine.containers.remove(NAME, { force: true }),
    keepsImage: true,
  },
  { name: "pull", work: pull, keepsImage: false },
  { name: "pull, repeated", stored: pulled, work: pull, keepsImage: true },
  { name: "pull, interrupted before", stored: interrupted, work: pull, keepsImage: false },
  { name: "rmi", stored: pulled, work: (engine) => engine.images.remove(IMAGE), keepsImage: false },
  {
    name: "push",
    stored: named,
    work: (engine) => engine.images.push(MADE),
    keepsImage: true,
  },
  {
    name: "push, compressed anew",
    stored: named,
    work: (engine) => engine.images.push(MADE, { compression: "zstd" }),
    keepsImage: true,
  },
  {
    name: "save",
    stored: named,
    work: ({ images }) => collected(images.save([MADE], { compression: "gzip" })),
    keepsImage: true,
  },
  {
    name: "load",
    stored: once(async () => {
      await archived();
      return pulled();
    }),
    work: load,
    keepsImage: true,
  },
  {
    name: "load, where nothing is",
    stored: once(async () => {
      await archived();
      return new World().stored();
    }),
    work: load,
    keepsImage: false,
  },
  {
    name: "check --repair",
    stored: damaged,
    work: repair,
    mended: repair,
    keepsImage: true,
  },
  {
    name: "image prune --all",
    stored: named,
    work: (engine) => engine.images.prune({ all: true }),
    keepsImage: false,
  },
  {
    name: "commit",
    stored: stopped,
    work: (engine) => engine.archives.commit(NAME, { reference: MADE, createdMs: 0 }),
    keepsImage: true,
  },
  {
    name: "commit of one that runs",
    stored: pulled,
    prepare: running,
    work: (engine) => engine.archives.commit(NAME, { reference: MADE, createdMs: 0 }),
    keepsImage: true,
  },
  { name: "cp", stored: stopped, work: copy, keepsImage: true },
  { name: "cp of one that runs", stored: pulled, prepare: running, work: copy, keepsImage: true },
  {
    name: "export, import",
    stored: stopped,
    work: ({ archives }) => archives.import(archives.export(NAME), { createdMs: 0 }),
    keepsImage: true,
  },
  { name: "build", stored: pulled, work: build, keepsImage: true },
  {
    name: "build, cached",
    stored: once(() => storedAfter(pull, build)),
    work: build,
    keepsImage: true,
  },
  { name: "build, for others", stored: pulled, work: buildForOthers, keepsImage: true },
  {
    name: "builder prune",
    stored: once(() => storedAfter(pull, build)),
    work: (engine) => engine.builds.pruneCache({ all: true }),
    keepsImage: true,
  },
  {
    name: "prune",
    stored: stopped,
    work: (engine) => engine.system.prune(),
    keepsImage: true,
  },
  {
    name: "prune --all",
    stored: stopped,
    work: (engine) => engine.system.prune({ all: true }),
    keepsImage: false,
  },
  ...PLATFORMS,
  ...LIFE,
];

/** Everything that was started ends, and goes; each removal is tried twice. */
export async function cleanUp(engine: Engine): Promise<void> {
  const { builds, containers, images, indexes, volumes, system } = engine;
  for (const { id } of containers.list({ all: true })) {
    for (let time = 0; time < 2; time++) {
      await containers.remove(id, { force: true }).catch(unlessAbsent);
    }
  }
  for (const { reference } of await indexes.list()) await indexes.remove(reference);
  for (const name of [MADE, SEVERAL]) await images.remove(name).catch(unlessAbsent);
  await builds.pruneCache({ all: true });
  await volumes.prune({ all: true });
  await system.prune();
}

function unlessAbsent(error: unknown): void {
  if (!(error instanceof NacreError && error.kind === "not-found")) throw error;
}
