// WebAssembly modules as processes of containers. On a kernel that executes machine code the module
// runs in a Node inside the container, so that its namespaces, limits, log and signals are those of
// every container; on a kernel in memory it runs in a thread of the engine.

import { join } from "node:path";
import type {
  InterpretedProcess,
  Runtime,
  RuntimePlan,
  RuntimeProcess,
} from "@nacre/core/ports/runtime.ts";
import { ENVIRONMENT } from "./environment.ts";
import { interpret } from "./interpreter.ts";
import { type NodeParts, ownParts } from "./node-parts.ts";

/** Node's own threads count against a container's limits: as few as it does with. */
const NODE_OPTIONS = ["--v8-pool-size=1", "--disable-sigusr1", "--no-warnings"];

export class WasiRuntime implements Runtime {
  readonly name = "wasi";
  readonly #scripts: string;
  readonly #parts: () => NodeParts;

  /** `scripts`: the directory of container.cjs and thread.cjs. */
  constructor(scripts: string, parts: () => NodeParts = ownParts) {
    this.#scripts = scripts;
    this.#parts = parts;
  }

  plan(process: RuntimeProcess, directory: string): RuntimePlan {
    const { node, linker, libraries } = this.#parts();
    const bind = (source: string, name: string, why: string): RuntimePlan["child"][number] => ({
      op: "bindInRoot",
      source,
      target: `${directory}/${name}`,
      recursive: false,
      attributes: ["ro", "nosuid", "nodev"],
      propagation: "private",
      why,
    });
    const dynamic = linker === undefined ? [] : [bind(linker, "linker", "starts Node")];
    const start =
      linker === undefined ? [] : [`${directory}/linker`, "--library-path", `${directory}/lib`];
    return {
      child: [
        bind(this.#scripts, "scripts", "what runs the module"),
        bind(node, "node", "what runs that"),
        ...dynamic,
        ...[...libraries].map(([name, path]) => bind(path, `lib/${name}`, "a library of Node's")),
      ],
      arguments: [
        ...start,
        `${directory}/node`,
        ...NODE_OPTIONS,
        `${directory}/scripts/container.cjs`,
        ...process.arguments,
      ],
      environment: [`${ENVIRONMENT}=${JSON.stringify(process.environment)}`],
    };
  }

  interpret(process: InterpretedProcess): Promise<number> {
    return interpret(process, join(this.#scripts, "thread.cjs"));
  }
}
