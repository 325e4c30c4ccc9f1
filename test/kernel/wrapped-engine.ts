// The whole engine on the real kernel, with something put between it and its ports: what is to
// fail, or to be killed, and when.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Core } from "@nacre/core/core.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { assemble } from "@nacre/engine/assemble.ts";
import { FileContentStore } from "@nacre/engine/content/content-store.ts";
import type { Engine } from "@nacre/engine/engine.ts";
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { JsonFileLog } from "@nacre/engine/logs/json-file.ts";
import { NoneNetwork } from "@nacre/engine/networks/none.ts";
import { ErofsSnapshotter } from "@nacre/engine/snapshotters/erofs.ts";
import { LocalVolumes } from "@nacre/engine/volumes/local.ts";
import { LinuxClock } from "@nacre/linux/clock.ts";
import { LinuxCodec } from "@nacre/linux/codec.ts";
import { LinuxFetch } from "@nacre/linux/fetch.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { initBinary } from "@nacre/linux/init-binary.ts";
import { LinuxKernel } from "@nacre/linux/kernel.ts";
import { bootId } from "@nacre/linux/module.ts";
import { identify } from "@nacre/linux/process.ts";
import { LinuxRandom } from "@nacre/linux/random.ts";
import { SqliteStateStore } from "@nacre/linux/state-store.ts";
import { packageRoot } from "../../cli/package-root.ts";

export interface Wraps {
  /** Another nacre-init than the usual. */
  readonly init?: string;
  readonly kernel?: (kernel: Kernel) => Kernel;
  readonly files?: (files: Files) => Files;
  readonly state?: (state: StateStore) => StateStore;
}

const dist = (name: string): string => join(packageRoot(), "dist", name);
const unchanged = <T>(port: T): T => port;

let core: Core | undefined;

/** As the command line makes it, on the state in `root`, which is there already. */
export function wrappedEngine(root: string, wraps: Wraps = {}): Engine {
  const { kernel: wrapKernel = unchanged, files: wrapFiles = unchanged } = wraps;
  const usual = () => initBinary({ directories: [dist("")], sources: dist("native") });
  const init = wraps.init ?? usual();
  const kernel = wrapKernel(new LinuxKernel(init));
  const files = wrapFiles(new LinuxFiles());
  const state = (wraps.state ?? unchanged)(new SqliteStateStore(join(root, "state.db")));
  const paths = new StatePaths(root);
  const codec = new LinuxCodec();
  const compiled = () => {
    core ??= Core.fromBytes(new Uint8Array(readFileSync(dist("core.wasm"))));
    return core;
  };
  const self = identify(process.pid);
  if (!self) throw new TypeError("this process is not to be found in /proc");
  return assemble(
    {
      ...{ kernel, files, state, codec },
      clock: new LinuxClock(),
      random: new LinuxRandom(),
      fetch: new LinuxFetch({ environment: {} }),
      credentials: { find: async () => undefined },
      content: new FileContentStore(compiled, files, codec, paths),
      snapshotters: [new ErofsSnapshotter(compiled, files, kernel, paths)],
      networks: [new NoneNetwork()],
      volumes: [new LocalVolumes(files, paths)],
      log: new JsonFileLog(files),
      extensions: undefined,
    },
    {
      ...{ root, self, bootId: bootId(), version: "0", backend: "linux", core: compiled },
      settleCommand: (id) => [process.execPath, dist("start.cjs"), "--root", root, "settle", id],
      healthCommand: (id) => [process.execPath, dist("start.cjs"), "--root", root, "health", id],
      terminalSize: () => undefined,
    },
  );
}

/** A kernel whose programs are changed before they are executed. */
export function tampering(tamper: (program: KernelProgram) => KernelProgram) {
  return (kernel: Kernel): Kernel => ({
    facts: () => kernel.facts(),
    perform: (program) => kernel.perform(tamper(program)),
    execute: (program, streams) => kernel.execute(tamper(program), streams),
    attach: (path) => kernel.attach(path),
    begin: (path) => kernel.begin(path),
    holdRoot: (process) => kernel.holdRoot(process),
    signal: (process, number) => kernel.signal(process, number),
    alive: (process) => kernel.alive(process),
    identify: (pid) => kernel.identify(pid),
    namespaces: (pid) => kernel.namespaces(pid),
    mounts: () => kernel.mounts(),
  });
}

export type Place = "host" | "parent" | "child";

/** Places in a program where something may be inserted: before each operation, and at a section's end. */
export function placesIn({ host, process }: KernelProgram): (readonly [Place, number])[] {
  const all = (place: Place, operations: readonly Operation[], more: number) =>
    Array.from({ length: operations.length + more }, (_, i) => [place, i] as const);
  if (!process) return all("host", host, 1);
  // The child's section ends with execve(2).
  return [
    ...all("host", host, 1),
    ...all("parent", process.parent, 1),
    ...all("child", process.child, 0),
  ];
}

/** The same program with operations in between. */
export function inserted(
  program: KernelProgram,
  [place, index]: readonly [Place, number],
  operations: readonly Operation[],
): KernelProgram {
  const into = (list: readonly Operation[]) => list.toSpliced(index, 0, ...operations);
  const { process } = program;
  if (place === "host") return { ...program, host: into(program.host) };
  if (!process) throw new TypeError("a program of the host section alone");
  return { ...program, process: { ...process, [place]: into(process[place]) } };
}

/** A port of which every call is counted, and before one of which `act` is called. */
export function counted<T extends object>(port: T, act: () => void): T {
  return new Proxy(port, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...words: unknown[]) => {
        act();
        return Reflect.apply(value, target, words);
      };
    },
  });
}
