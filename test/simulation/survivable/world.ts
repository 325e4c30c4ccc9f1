// A machine that can be broken on purpose: the simulated kernel with a disk, a database and a
// registry, and engines in processes of their own that can be killed. One world is booted for each
// point that is tried, from what an earlier one left on its disk.

import { readFileSync } from "node:fs";
import { setImmediate as macrotask } from "node:timers/promises";
import { Core } from "@nacre/core/core.ts";
// Loaded now: while the first run waited for it, virtual time would pass.
import "@nacre/core/seccomp/for-container.ts";
import { assemble } from "@nacre/engine/assemble.ts";
import { FileContentStore } from "@nacre/engine/content/content-store.ts";
import type { Engine, StoreProblem } from "@nacre/engine/engine.ts";
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { JsonFileLog } from "@nacre/engine/logs/json-file.ts";
import { HostNetwork } from "@nacre/engine/networks/host.ts";
import { NoneNetwork } from "@nacre/engine/networks/none.ts";
import { DirectorySnapshotter } from "@nacre/engine/snapshotters/directory.ts";
import { ErofsSnapshotter } from "@nacre/engine/snapshotters/erofs.ts";
import { StoreCheck } from "@nacre/engine/store-check.ts";
import { LocalVolumes } from "@nacre/engine/volumes/local.ts";
import type { CgroupLayout } from "@nacre/simulated/boot.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedCodec } from "@nacre/simulated/codec.ts";
import { SimulatedDatabase } from "@nacre/simulated/database.ts";
import type { DiskImage } from "@nacre/simulated/disk.ts";
import { type FaultOptions, type Faults, fractions } from "@nacre/simulated/faults.ts";
import { HostProcess } from "@nacre/simulated/host-process.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import { SimulatedRandom } from "@nacre/simulated/random.ts";
import { network } from "./network.ts";

export const ROOT = "/var/lib/nacre";
const PATHS = new StatePaths(ROOT);
/** A command that takes longer than this in virtual time never ends. */
const PATIENCE_MS = 10 * 60_000;
const REBOOT_MS = 20_000;

let compiled: Core | undefined;
function core(): Core {
  const wasm = new URL("../../../core/dist/core.wasm", import.meta.url);
  compiled ??= Core.fromBytes(new Uint8Array(readFileSync(wasm)));
  return compiled;
}

/** What outlives a machine: its disk and the database on it. */
export interface Stored {
  readonly disk: DiskImage;
  readonly database: SimulatedDatabase;
}

export interface WorldOptions {
  /** Of the machine. Default `hybrid`. */
  readonly cgroups?: CgroupLayout;
  /** Whether a supervisor that ends starts an engine that looks after its container. */
  readonly settles?: boolean;
}

/** What a supervisor starts at its end, by the name of its file. */
const SETTLE = "settle";

/** Thrown where a command was ended by the death of its process, or of the machine. */
export class Died extends Error {}

export class World {
  readonly clock: SimulatedClock;
  kernel: SimulatedKernel;
  database: SimulatedDatabase;
  /** How often the machine was booted. */
  boots: number;
  /** Decides, with the point at which it happens, what of the unwritten a loss of power takes. */
  lossSeed = 0;
  readonly #cgroups: CgroupLayout;
  readonly #settles: boolean;
  readonly #network = network();
  #lost: Stored | undefined;
  #processes = 0;

  constructor(from?: Stored, options: WorldOptions = {}) {
    this.#cgroups = options.cgroups ?? "hybrid";
    this.#settles = options.settles ?? false;
    const clock = new SimulatedClock();
    this.clock = clock;
    const nowMs = () => clock.nowMs();
    this.boots = from ? 2 : 1;
    if (from) clock.pass(REBOOT_MS);
    this.database = from?.database.clone(nowMs) ?? new SimulatedDatabase(nowMs);
    this.kernel = this.#boot(from?.disk);
  }

  #boot(disk: DiskImage | undefined): SimulatedKernel {
    const kernel: SimulatedKernel = new SimulatedKernel(this.clock, {
      core: core(),
      cgroups: this.#cgroups,
      programs: new Map([[SETTLE, ({ arguments: [, id = ""] }) => this.#settle(id)]]),
      ...(disk && { disk }),
      onPowerOff: () => this.powerOff(),
    });
    return kernel;
  }

  get bootId(): string {
    return `boot ${this.boots}`;
  }

  #host(): HostProcess {
    return new HostProcess(this.kernel, { database: this.database, network: this.#network });
  }

  #engine(host: HostProcess): Engine {
    const { kernel, files, state, clock, fetch } = host;
    const random = new SimulatedRandom(1000 + this.#processes++);
    const codec = new SimulatedCodec(core());
    const options = { bootId: this.bootId, self: host.identity };
    return assemble(
      {
        ...{ kernel, files, state, clock, random, codec, fetch },
        credentials: { find: async () => undefined },
        content: new FileContentStore(core, files, codec, PATHS),
        snapshotters: [
          new ErofsSnapshotter(core, files, kernel, PATHS),
          new DirectorySnapshotter(core, files, kernel, random, PATHS, options),
        ],
        networks: [new NoneNetwork(), new HostNetwork(files)],
        volumes: [new LocalVolumes(files, PATHS)],
        log: new JsonFileLog(files),
        extensions: undefined,
      },
      {
        ...{ root: ROOT, version: "0", backend: "simulated", core },
        ...options,
        settleCommand: (id) => (this.#settles ? [`/bin/${SETTLE}`, id] : []),
        healthCommand: () => [],
        terminalSize: () => undefined,
      },
    );
  }

  /**
   * One command as the command line runs it: an engine, what it is to do, and its end.
   * @throws Died if a fault has killed its process, or the machine
   */
  async command<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    const host = this.#host();
    const running = this.#run(host, work);
    // Where it was killed the rest of it comes to nothing; it may wait for ever.
    const ended = running.catch(() => {});
    await this.drive(Promise.race([ended, host.died]));
    if (host.killed) throw new Died("the process was killed");
    return running;
  }

  async #run<T>(host: HostProcess, work: (engine: Engine) => Promise<T>): Promise<T> {
    try {
      const engine = this.#engine(host);
      try {
        return await work(engine);
      } finally {
        await engine[Symbol.asyncDispose]();
      }
    } finally {
      host.exit();
    }
  }

  /** `nacre settle ID`, beside whatever else goes on. */
  async #settle(id: string): Promise<number> {
    const host = this.#host();
    const settling = this.#run(host, (engine) => engine.containers.settle(id));
    const done = settling.then(
      () => 0,
      () => 1,
    );
    return Promise.race([done, host.died.then(() => (host.killed ? 137 : done))]);
  }

  /** Lets virtual time pass until a promise settles. */
  async drive<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    promise.then(done, done);
    const until = this.clock.monotonicMs() + PATIENCE_MS;
    for (await macrotask(); !settled; await macrotask()) {
      if (this.clock.monotonicMs() > until) throw new Error("the command never ends");
      await this.clock.advance(this.clock.sleeping > 0 ? 20 : PATIENCE_MS / 100);
    }
    return promise;
  }

  inject(options: FaultOptions | undefined): Faults | undefined {
    return this.kernel.injectFaults(options);
  }

  // -- power ------------------------------------------------------------------------------------

  /** Pulls the plug. */
  powerOff(): void {
    const chance = fractions(1000 * this.lossSeed + (this.kernel.machine.faults?.count ?? 0));
    this.#lost = { disk: this.kernel.disk(chance), database: this.database };
    this.database.powerLoss(chance);
    for (const process of this.kernel.machine.processes.all()) {
      this.kernel.machine.processes.exit(process, { code: 0, signal: 9 });
    }
  }

  /** After the power was lost: a machine with what is left. */
  reboot(): void {
    if (!this.#lost) return;
    const { disk, database } = this.#lost;
    this.#lost = undefined;
    this.clock.pass(REBOOT_MS);
    this.boots++;
    this.database = database.clone(() => this.clock.nowMs());
    this.kernel = this.#boot(disk);
  }

  /** As after a clean shutdown: for other worlds to begin with. */
  stored(): Stored {
    return { disk: this.kernel.disk(), database: this.database.clone() };
  }

  /** Takes the tar of each layer whose blob is here, and leaves what no record names. */
  damage(): void {
    const host = this.#host();
    for (const { diffId, digest } of host.state.read((t) => t.list("layer"))) {
      if (digest !== diffId) host.files.remove(PATHS.layerTar(diffId));
    }
    host.files.replace(PATHS.layerTar(`sha256:${"0".repeat(64)}`), "stray");
    host.exit();
  }

  // -- looking ----------------------------------------------------------------------------------

  /** What a command must leave as it was. Numbers that only grow are left out. */
  state(): Record<string, readonly string[]> {
    const { mounts, cgroups, processes, namespaces, files } = this.kernel.state();
    return {
      mounts: mounts.map(({ target, type, options }) => `${target} ${type} ${options}`).sort(),
      cgroups,
      processes: processes.map((line) => line.slice(line.indexOf(" ") + 1)).sort(),
      namespaces,
      files: filesOf(files),
    };
  }

  async problems(): Promise<StoreProblem[]> {
    const host = this.#host();
    const { files, state, kernel } = host;
    const codec = new SimulatedCodec(core());
    const content = new FileContentStore(core, files, codec, PATHS);
    const snapshotters = [new ErofsSnapshotter(core, files, kernel, PATHS)];
    const options = { bootId: this.bootId, digests: true };
    const check = new StoreCheck(
      ...([files, state, content, codec, kernel, snapshotters, PATHS, options] as const),
    );
    try {
      return await check.run();
    } finally {
      host.exit();
    }
  }
}

/** Directories that come and go with a container, a mount, a removal; the others stand. */
const TRACES = /\/(containers|mounts|trash)\/./;

/** What is only kept to save time, and made again where it is torn: system-call-filters.test.ts. */
const CACHE = /\/filters\/./;

function filesOf(files: Readonly<Record<string, string>>): string[] {
  return Object.entries(files)
    .filter(([path]) => path.startsWith(ROOT) && !CACHE.test(path))
    .filter(([path, what]) => TRACES.test(path) || !/^dir/.test(what))
    .map(([path, what]) => `${path} ${what}`)
    .sort();
}
