// The composition root: the one place where a backend, the engine and what surrounds a process
// are brought together.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Core } from "@nacre/core/core.ts";
import { Kernel } from "@nacre/core/ports/kernel.ts";
import type { Engine } from "@nacre/engine/engine.ts";
import { EngineToken, engineModule } from "@nacre/engine/module.ts";
import type { EngineOptions } from "@nacre/engine/options.ts";
import { bootId, linuxKernelModule, linuxStorageModule } from "@nacre/linux/module.ts";
import { identify } from "@nacre/linux/process.ts";
import { Container } from "inversify";
import { packageRoot } from "./package-root.ts";
import { VERSION } from "./version.ts";

export interface CreateEngineOptions {
  /** Directory of all state, absolute; `/var/lib/nacre` if absent. */
  readonly root?: string;
  /** `simulated`: containers run on a kernel in memory; images and their store are real. */
  readonly backend?: "linux" | "simulated";
  /** `erofs` or `directory`; the best that this machine can do if absent. */
  readonly snapshotter?: string;
  /** Mirrors, and registries that are spoken to without TLS. */
  readonly registries?: EngineOptions["registries"];
}

/** core.wasm is compiled when something first needs it. */
function lazyCore(): () => Core {
  let core: Core | undefined;
  return () => {
    core ??= Core.fromBytes(new Uint8Array(readFileSync(join(packageRoot(), "dist", "core.wasm"))));
    return core;
  };
}

/** The size of the caller's terminal, for containers that get one of their own. */
function terminalSize(): { rows: number; columns: number } | undefined {
  const { rows, columns, isTTY } = process.stdout;
  return isTTY ? { rows, columns } : undefined;
}

/**
 * An engine in this process. Many engines, in many processes, may share a root.
 *
 * ```ts
 * await using engine = await createEngine({ root: "/var/lib/nacre" });
 * ```
 *
 * @throws NacreError `denied` if the root cannot be made or read, `unsupported` if a newer Nacre
 * wrote it or a snapshotter that was asked for cannot work here
 */
export async function createEngine(options: CreateEngineOptions = {}): Promise<Engine> {
  const { root = "/var/lib/nacre", backend = "linux", snapshotter, registries } = options;
  const directory = packageRoot();
  const linux = { root, init: join(directory, "dist", "nacre-init"), environment: process.env };
  const container = new Container();
  const core = lazyCore();
  await container.load(linuxStorageModule(linux));
  if (backend === "simulated") {
    const { simulatedKernelModule } = await import("@nacre/simulated/module.ts");
    await container.load(simulatedKernelModule());
  } else await container.load(linuxKernelModule(linux));
  await container.load(
    engineModule({
      root,
      version: VERSION,
      backend,
      core,
      bootId: bootId(),
      self: selfOf(container, backend),
      settleCommand: (id) => [join(directory, "bin", "nacre"), "--root", root, "settle", id],
      terminalSize,
      ...(snapshotter !== undefined && { snapshotter }),
      ...(registries !== undefined && { registries }),
    }),
  );
  return container.get<Engine>(EngineToken);
}

/** This process as its kernel knows it. */
function selfOf(container: Container, backend: string): EngineOptions["self"] {
  const self =
    backend === "simulated" ? container.get<Kernel>(Kernel).identify(1) : identify(process.pid);
  if (!self) throw new TypeError("this process is not to be found in /proc");
  return self;
}
