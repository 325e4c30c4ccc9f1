// A simulated machine for tests of cgroups: control files by their paths, programs in nodes, and
// virtual time.

import { NacreError } from "@nacre/core/error.ts";
import type { RunningProgram } from "@nacre/core/ports/kernel.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedKernel, type SimulatedKernelOptions } from "@nacre/simulated/kernel.ts";
import type { SimulatedProgram } from "@nacre/simulated/program.ts";
import { wasmCore } from "../core/wasm-core.ts";

const SILENT = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;

/** Where the hierarchies are mounted. */
export const TOP = "/sys/fs/cgroup";

export class CgroupMachine {
  readonly clock = new SimulatedClock();
  readonly kernel: SimulatedKernel;
  /** What /bin/agent does. */
  agent: SimulatedProgram = () => 0;
  readonly #actions: SimulatedProgram[] = [];

  constructor(options: Omit<SimulatedKernelOptions, "core" | "programs"> = {}) {
    const act: SimulatedProgram = (context) => {
      const [, number] = context.arguments;
      return this.#actions[Number(number)]?.(context);
    };
    const programs = new Map<string, SimulatedProgram>([
      ["act", act],
      ["agent", (context) => this.agent(context)],
    ]);
    this.kernel = new SimulatedKernel(this.clock, { ...options, core: wasmCore(), programs });
  }

  read(path: string): string {
    return this.kernel.hostFiles().readText(path);
  }
  has(path: string): boolean {
    return this.kernel.hostFiles().status(path) !== undefined;
  }
  write(path: string, text: string): void {
    this.kernel.hostFiles().control(path, text);
  }
  /** One `key value` line of a file. */
  value(path: string, key: string): number {
    const line = this.read(path)
      .split("\n")
      .find((one) => one.startsWith(`${key} `));
    return Number(line?.slice(key.length + 1));
  }
  /** Makes a node and writes into its files. */
  node(path: string, files: Readonly<Record<string, string>> = {}): string {
    this.kernel.hostFiles().makeDirectory(path);
    for (const [name, text] of Object.entries(files)) this.write(`${path}/${name}`, text);
    return path;
  }
  removeNode(path: string): void {
    this.kernel.hostFiles().remove(path);
  }

  async perform(...host: Operation[]): Promise<void> {
    await this.kernel.perform({ title: "a test", host });
  }
  mount(target: string, options: readonly string[], type = "cgroup"): Promise<void> {
    const mount = { type, source: "test", options, attributes: [] };
    return this.perform({ op: "mount", mount, target });
  }
  unmount(target: string): Promise<void> {
    return this.perform({ op: "unmount", target, detach: false });
  }

  /** Starts a process in nodes. */
  async start(action: SimulatedProgram, ...cgroups: string[]): Promise<RunningProgram> {
    const number = this.#actions.push(action) - 1;
    const command = ["/bin/act", String(number)];
    return await this.kernel.execute(
      {
        title: "a test",
        host: [],
        process: {
          clone: { create: [], cgroups, joinPaths: [] },
          parent: [],
          child: [{ op: "execute", arguments: command, environment: [] }],
          supervision: {
            ...{ stdin: "null", output: "inherit", terminal: "none" },
            ...{ collect: [], detached: false },
          },
        },
      },
      SILENT,
    );
  }
  /** Lets what is under way go on, without time passing. */
  settle(): Promise<void> {
    return this.clock.advance(0);
  }
}

/** What a call is refused with, or "done". */
export function outcome(call: () => unknown): string {
  try {
    call();
    return "done";
  } catch (error) {
    if (error instanceof NacreError && error.errno !== undefined) return error.errno;
    throw error;
  }
}

/** The same of one that takes time. */
export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "done";
  } catch (error) {
    if (error instanceof NacreError && error.errno !== undefined) return error.errno;
    throw error;
  }
}
