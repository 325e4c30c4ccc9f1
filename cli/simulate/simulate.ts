// An engine on a kernel in memory, for tests and for pages: nothing of it touches the machine that
// it runs on, time is virtual, and one seed gives one run.

import type { Core } from "@nacre/core/core.ts";
import type { ProcessStreams } from "@nacre/core/ports/kernel.ts";
import type { PartialRequest } from "@nacre/core/program/request.ts";
import type { UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import { assemble } from "@nacre/engine/assemble.ts";
import { FileContentStore } from "@nacre/engine/content/content-store.ts";
import type { Engine } from "@nacre/engine/engine.ts";
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { JsonFileLog } from "@nacre/engine/logs/json-file.ts";
import { HostNetwork } from "@nacre/engine/networks/host.ts";
import { NoneNetwork } from "@nacre/engine/networks/none.ts";
import { DirectorySnapshotter } from "@nacre/engine/snapshotters/directory.ts";
import { ErofsSnapshotter } from "@nacre/engine/snapshotters/erofs.ts";
import { LocalVolumes } from "@nacre/engine/volumes/local.ts";
import type { CgroupLayout } from "@nacre/simulated/boot.ts";
import { AutomaticClock, SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedCodec } from "@nacre/simulated/codec.ts";
import type { FaultOptions } from "@nacre/simulated/faults.ts";
import { SimulatedFetch } from "@nacre/simulated/fetch.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import type { SimulatedProgram } from "@nacre/simulated/program.ts";
import { SimulatedRandom } from "@nacre/simulated/random.ts";
import { STANDARD_PROGRAMS } from "@nacre/simulated/standard-programs.ts";
import { SimulatedStateStore } from "@nacre/simulated/state-store.ts";
import { HOME } from "@nacre/simulated/unprivileged.ts";
import { VERSION } from "../version.ts";
import { embeddedCore } from "./embedded-core.ts";
import { buildLiteral, type ImageLiteral, type LiteralImage } from "./image-literal.ts";
import { literalRegistries } from "./literal-registry.ts";
import { timedEngine } from "./timed-engine.ts";
import { nextTurn } from "./turn.ts";

const ROOT = "/var/lib/nacre";
const ROOT_AT_HOME = `${HOME}/.local/share/nacre`;

const rootOf = ({ userNamespace }: SimulateOptions): string =>
  userNamespace ? ROOT_AT_HOME : ROOT;
/** What supervisors start when a container has ended, or is to be checked. */
const SETTLE = "nacre";

export interface SimulateOptions {
  /** By reference. They lie in registries that only this simulation has, and are pulled on first use. */
  readonly images?: Readonly<Record<string, ImageLiteral>>;
  /** By the name or the path of the file that is executed, before the usual tools. */
  readonly programs?: Readonly<Record<string, SimulatedProgram>>;
  /** Of container IDs, names and whatever else is random. Default 1. */
  readonly seed?: number;
  /** When the machine was started, in milliseconds since the epoch. The same in every run. */
  readonly startMs?: number;
  /**
   * `automatic`, the default: while a call of the engine is pending, or a process in the
   * foreground runs, time jumps to where the next thing happens; in between it stands still.
   * `manual`: it stands still until `advance`.
   */
  readonly time?: "automatic" | "manual";
  readonly faults?: FaultOptions;
  /** Which cgroups are mounted. Default `hybrid`: v1, with an empty v2 beside it. */
  readonly cgroups?: CgroupLayout;
  /** Default `erofs`. */
  readonly snapshotter?: "erofs" | "directory";
  /**
   * The engine is a user's who is not root, in a user namespace with these maps: the first IDs in
   * it, as `[{ containerID: 0, hostID: 1000, size: 1 }]`. Its state is at home, and layers are
   * unpacked.
   */
  readonly userNamespace?: UserMaps;
  /** OCI architecture of the machine and of its images. Default `amd64`. */
  readonly architecture?: string;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions extends Omit<PartialRequest, "image" | "command"> {
  readonly input?: string;
}

export interface Simulation extends AsyncDisposable {
  readonly engine: Engine;
  /** The kernel: `state()` tells all that is visible of it, to compare before and after. */
  readonly kernel: SimulatedKernel;
  nowMs(): number;
  /** Lets time pass. With automatic time it need not be called. */
  advance(byMs: number): Promise<void>;
  /** Runs a command in a new container, which is removed again. */
  run(image: string, command?: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Runs a command in a container that runs. */
  exec(
    container: string,
    command: readonly string[],
    options?: { readonly input?: string },
  ): Promise<RunResult>;
}

interface Registered {
  readonly images: ReadonlyMap<string, LiteralImage>;
  readonly programs: Map<string, SimulatedProgram>;
}

/** Programs that stand as files in images are known by the image and their path. */
async function register(core: Core, options: SimulateOptions): Promise<Registered> {
  const { architecture = "amd64" } = options;
  const programs = new Map([...STANDARD_PROGRAMS, ...Object.entries(options.programs ?? {})]);
  const images = new Map<string, LiteralImage>();
  for (const [name, literal] of Object.entries(options.images ?? {})) {
    const take = (path: string, program: SimulatedProgram): string => {
      const known = `${name} ${path}`;
      programs.set(known, program);
      return known;
    };
    images.set(name, await buildLiteral(core, literal, architecture, take));
  }
  return { images, programs };
}

function engineOn(
  core: Core,
  kernel: SimulatedKernel,
  clock: SimulatedClock,
  images: ReadonlyMap<string, LiteralImage>,
  options: SimulateOptions,
): Engine {
  const { seed = 1, snapshotter } = options;
  const files = kernel.hostFiles();
  const root = rootOf(options);
  files.makeDirectory(root);
  const paths = new StatePaths(root);
  const codec = new SimulatedCodec(core);
  const random = new SimulatedRandom(seed);
  const self = kernel.caller;
  return assemble(
    {
      kernel,
      files,
      clock,
      random,
      codec,
      state: new SimulatedStateStore(),
      fetch: new SimulatedFetch(literalRegistries(core, images)),
      credentials: { find: async () => undefined },
      content: new FileContentStore(embeddedCore, files, codec, paths),
      snapshotters: [
        new ErofsSnapshotter(embeddedCore, files, kernel, paths),
        new DirectorySnapshotter(embeddedCore, files, kernel, random, paths, {
          bootId: SETTLE,
          self,
        }),
      ],
      networks: [new NoneNetwork(), new HostNetwork(files)],
      volumes: [new LocalVolumes(files, paths)],
      log: new JsonFileLog(files),
      extensions: undefined,
    },
    {
      root,
      version: VERSION,
      backend: "simulated",
      self,
      bootId: SETTLE,
      core: embeddedCore,
      settleCommand: (id) => [`/bin/${SETTLE}`, "settle", id],
      healthCommand: (id) => [`/bin/${SETTLE}`, "health", id],
      terminalSize: () => undefined,
      ...(snapshotter && { snapshotter }),
    },
  );
}

const PIPES: ProcessStreams = { stdin: "pipe", stdout: "pipe", stderr: "pipe" };

/** Both outputs are read at once: who writes to one that nobody reads must wait. */
async function collect(
  running: Awaited<ReturnType<Engine["containers"]["start"]>>,
  input = "",
): Promise<RunResult> {
  const writer = running.stdin?.getWriter();
  const fed = (async () => {
    await writer?.write(new TextEncoder().encode(input));
    await writer?.close();
  })().catch(() => {}); // it need not read it
  const text = (stream: ReadableStream<Uint8Array> | undefined) => new Response(stream).text();
  const [stdout, stderr] = await Promise.all([text(running.stdout), text(running.stderr)]);
  await fed;
  return { code: await running.exited, stdout, stderr };
}

/**
 * A fresh machine with an engine on it.
 *
 * ```ts
 * await using simulation = await simulate({ images: { "app:1": { files: { ...tools } } } });
 * const { stdout } = await simulation.run("app:1", ["sh", "-c", "echo $((6 * 7))"]);
 * ```
 *
 * @throws NacreError `invalid` for an image whose name is no reference
 */
export async function simulate(options: SimulateOptions = {}): Promise<Simulation> {
  // One arena for what a simulation names and hashes: little, and gone with it.
  const core = embeddedCore().fork();
  const { images, programs } = await register(core, options);
  const clock =
    options.time === "manual"
      ? new SimulatedClock(options.startMs)
      : new AutomaticClock(nextTurn, options.startMs);
  let engine: Engine | undefined;
  programs.set(SETTLE, async ({ arguments: [, what, id = ""] }) => {
    if (what === "health") await engine?.containers.checkHealth(id);
    else await engine?.containers.settle(id);
  });
  const kernel = new SimulatedKernel(clock, {
    core,
    programs,
    ...(options.faults && { faults: options.faults }),
    ...(options.cgroups && { cgroups: options.cgroups }),
    ...(options.architecture !== undefined && { architecture: options.architecture }),
    ...(options.userNamespace && { userNamespace: options.userNamespace }),
  });
  const bare = engineOn(core, kernel, clock, images, options);
  engine = bare;
  const made = clock instanceof AutomaticClock ? timedEngine(bare, clock) : bare;
  return {
    engine: made,
    kernel,
    nowMs: () => clock.nowMs(),
    advance: (byMs) => clock.advance(byMs),
    run: async (image, command, { input, ...request } = {}) => {
      const wanted = { interactive: input !== undefined, autoRemove: true, ...request, image };
      const running = await made.containers.run({ ...wanted, ...(command && { command }) }, PIPES);
      return collect(running, input);
    },
    exec: async (container, command, { input } = {}) => {
      const request = { command, interactive: input !== undefined };
      return collect(await made.containers.exec(container, request, PIPES), input);
    },
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  };
}
