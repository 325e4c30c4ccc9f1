// A process of the host as an engine lives in one: its ports, each call of which is a point where
// it can fail, and its death. A process that was killed makes no more calls: whatever its code
// still tries throws, and has no effect. What it had started goes on, as on any host.
//
// ```ts
// const host = new HostProcess(kernel, { database });
// const engine = assemble({ ...host.ports, … }, …);
// kernel.injectFaults({ rules: [{ at: 17, fault: { do: "kill", who: "engine" } }] });
// await Promise.race([engine.containers.run(request), host.died]);
// ```

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Fetch } from "@nacre/core/ports/fetch.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type {
  Kernel,
  ProcessIdentity,
  ProcessStreams,
  RunningProgram,
} from "@nacre/core/ports/kernel.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { SIGNALS } from "@nacre/core/program/signals.ts";
import type { SimulatedDatabase } from "./database.ts";
import { Errno } from "./errno.ts";
import type { Fault, Point } from "./faults.ts";
import { SimulatedFetch } from "./fetch.ts";
import { fileFault } from "./file-fault.ts";
import { HostFiles } from "./host-files.ts";
import type { SimulatedKernel } from "./kernel.ts";
import { type Process, ProcessGone } from "./process.ts";
import { SimulatedStateStore } from "./state-store.ts";

/** How long a client waits for a server that says nothing more. */
const STALL_MS = 60_000;

export interface HostProcessOptions {
  readonly database: SimulatedDatabase;
  /** The network; without one there is nobody to be reached. */
  readonly network?: SimulatedFetch;
}

export class HostProcess {
  readonly identity: ProcessIdentity;
  readonly kernel: Kernel;
  readonly files: Files;
  readonly state: StateStore;
  readonly clock: Clock;
  readonly fetch: Fetch;
  /** Resolves when it has ended, however. */
  readonly died: Promise<void>;
  readonly #kernel: SimulatedKernel;
  readonly #process: Process;

  constructor(kernel: SimulatedKernel, options: HostProcessOptions) {
    const { database, network = new SimulatedFetch({}) } = options;
    this.#kernel = kernel;
    this.#process = kernel.forkHost();
    this.identity = this.#process.identity;
    this.died = this.#process.ended.promise.then(() => {});
    this.files = new HostFiles(kernel.machine, this.#process);
    this.kernel = this.#kernelPort();
    this.clock = this.#clockPort();
    this.state = new SimulatedStateStore(database, (call) => this.#reachState(call));
    this.fetch = network.with((call, path) => this.#reachNetwork(call, path));
  }

  get alive(): boolean {
    return this.#process.alive;
  }

  /** Whether it came to a bad end. */
  get killed(): boolean {
    return (this.#process.status?.signal ?? 0) > 0;
  }

  /** SIGKILL. */
  kill(): void {
    const { processes } = this.#kernel.machine;
    processes.exit(this.#process, { code: 0, signal: SIGNALS.KILL });
  }

  /** Its end, when it has done what it was started for. */
  exit(): void {
    this.#kernel.machine.processes.exit(this.#process, { code: 0, signal: 0 });
  }

  #mustLive(): void {
    if (!this.#process.alive) throw new ProcessGone();
  }

  #reach(point: Point): Fault | undefined {
    this.#mustLive();
    const fault = this.#kernel.machine.faults?.reach(point, this.#process);
    this.#mustLive();
    return fault;
  }

  #reachState(call: "begin" | "commit"): void {
    try {
      const fault = this.#reach({ actor: "state", call, path: "state.db" });
      if (fault?.do === "delay") this.#kernel.machine.faults?.world?.pass(fault.ms);
    } catch (error) {
      throw error instanceof Errno ? fileFault(error.errno, call, "the state") : error;
    }
  }

  async #reachNetwork(call: "request" | "chunk", path: string): Promise<Fault | undefined> {
    const fault = this.#reach({ actor: "network", call, path });
    const waitMs = fault?.do === "stall" ? STALL_MS : fault?.do === "delay" ? fault.ms : 0;
    if (waitMs > 0) await this.clock.sleep(waitMs);
    return fault;
  }

  /** Before nacre-init is started, or a signal is sent. */
  async #reachKernel(call: string, path: string): Promise<void> {
    try {
      const fault = this.#reach({ actor: "kernel", call, path });
      if (fault?.do === "delay") await this.clock.sleep(fault.ms);
    } catch (error) {
      throw error instanceof Errno ? fileFault(error.errno, "start", "nacre-init") : error;
    }
  }

  #kernelPort(): Kernel {
    const kernel = this.#kernel;
    const live = <T>(call: () => T): T => {
      this.#mustLive();
      return call();
    };
    return {
      facts: () => kernel.facts(),
      perform: (program) => this.#perform(program),
      execute: (program, streams) => this.#execute(program, streams),
      attach: async (path) => live(() => kernel.attach(path)),
      begin: (path) => live(() => kernel.begin(path)),
      holdRoot: (process) => live(() => kernel.holdRoot(process)),
      signal: (process, number) => {
        this.#reach({ actor: "kernel", call: "signal", path: String(number) });
        return kernel.signal(process, number);
      },
      alive: (process) => live(() => kernel.alive(process)),
      identify: (pid) => live(() => kernel.identify(pid)),
      namespaces: (pid) => live(() => kernel.namespaces(pid)),
      mounts: () => live(() => kernel.mounts()),
    };
  }

  async #perform(program: KernelProgram): Promise<void> {
    await this.#reachKernel("perform", program.title);
    await this.#kernel.performFor(this.#process, program);
    this.#mustLive();
  }

  async #execute(program: KernelProgram, streams: ProcessStreams): Promise<RunningProgram> {
    await this.#reachKernel("execute", program.title);
    const running = await this.#kernel.executeFor(this.#process, program, streams);
    this.#mustLive();
    return running;
  }

  #clockPort(): Clock {
    const { clock } = this.#kernel.machine;
    return {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      sleep: async (delayMs, signal) => {
        this.#mustLive();
        await clock.sleep(delayMs, signal);
        this.#mustLive();
      },
    };
  }
}
