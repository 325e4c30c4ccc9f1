// The simulated kernel over the real state root. Images are real and stay; containers, their cgroups
// and mounts exist in the memory of this process and end with it. A container's streams are the
// process's own.

import { dirname } from "node:path";
import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Extensions } from "@nacre/core/ports/extensions.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { interpreterPath } from "@nacre/engine/containers/runtimes.ts";
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { identify, isAlive } from "@nacre/linux/process.ts";
import { simulatedKernelModule } from "@nacre/simulated/module.ts";
import type { ProgramContext, SimulatedProgram } from "@nacre/simulated/program.ts";
import { STANDARD_PROGRAMS } from "@nacre/simulated/standard-programs.ts";
import { OwnDescriptors } from "./simulation-descriptors.ts";

/** For what all chain IDs have in common: the directory that is named after none. */
const ANY = "sha256:any";

export interface SimulationOptions {
  /** The state root. */
  readonly root: string;
  readonly core: () => Core;
  /** Whose runtimes the machine executes. */
  readonly plugins: Extensions;
  /** The process ends when what it was started for is done, and the machine with it. */
  readonly endsWithProcess: boolean;
}

/** Binds the simulated kernel, and Files that show it together with the images below `root`. */
export function simulation(files: Files, state: StateStore, options: SimulationOptions) {
  const { root, core, plugins, endsWithProcess } = options;
  refuseRealContainers(state, root);
  const paths = new StatePaths(root);
  const mountPoints = [dirname(paths.mount(ANY)), dirname(paths.mountLock(ANY))];
  // What is committed here stays, and may be mounted by the machine's own kernel one day.
  for (const path of mountPoints) files.makeDirectory(path);
  return simulatedKernelModule({
    host: {
      files,
      root,
      directories: [paths.blobs, paths.layers, paths.snapshots("erofs"), paths.trash],
    },
    core,
    // An image that an earlier process committed has its mount point and lock in that one's only.
    directories: mountPoints,
    descriptors: new OwnDescriptors(),
    programs: new Map([...STANDARD_PROGRAMS, ...runtimePrograms(plugins)]),
    hostAlive: isAlive,
    refuse: (program, machine) =>
      (endsWithProcess ? refuseLasting(program, machine) : undefined) ??
      refuseBinds(program, files, root),
    architecture: process.arch === "x64" ? "amd64" : process.arch,
  });
}

/** A runtime is known to the machine by the path of a file; its plugin is loaded when that is executed. */
function runtimePrograms(plugins: Extensions): Map<string, SimulatedProgram> {
  const program = (name: string) => async (context: ProgramContext) => {
    const runtime = await plugins.find("Runtime", name);
    if (!runtime) throw new NacreError("not-found", `runtime ${name} not found`);
    return runtime.interpret(context);
  };
  return new Map(plugins.names("Runtime").map((name) => [interpreterPath(name), program(name)]));
}

/** The simulated machine knows nothing of them: it would take them for dead, and record it. */
function refuseRealContainers(state: StateStore, root: string): void {
  const running = state
    .read((transaction) => transaction.list("container"))
    .find(({ process: stored }) => {
      const real = stored && identify(stored.pid);
      return real !== undefined && String(real.startTime) === String(stored?.startTime);
    });
  if (!running) return;
  const message = `container ${running.name} of ${root} runs on this machine's own kernel`;
  throw new NacreError("conflict", message, {
    advice: "Give the simulation a --root of its own, or stop the container.",
  });
}

/** What would have to outlive this process, or should have outlived another one. */
function refuseLasting(program: KernelProgram, machine: Files): NacreError | undefined {
  return (
    refuseDetached(program) ??
    refuseRestarts(program) ??
    refusePins(program) ??
    refuseEnded(program, machine)
  );
}

/** Its storage layer was in the memory of the command that ran it. */
function refuseEnded({ process }: KernelProgram, machine: Files): NacreError | undefined {
  const gone = process?.child
    .flatMap((o) => (o.op === "mount" && o.mount.type === "overlay" ? o.mount.options : []))
    .filter((option) => option.startsWith("upperdir="))
    .some((option) => !machine.status(option.slice("upperdir=".length).replace(/\\(.)/g, "$1")));
  if (!gone) return undefined;
  const message =
    "what the container had written is gone: on the simulated kernel it ended with the command that ran it";
  return new NacreError("conflict", message, { advice: "Make another one: nacre run, or create." });
}

function refuseDetached(program: KernelProgram): NacreError | undefined {
  if (!program.process?.supervision.detached) return undefined;
  const message = "a container on the simulated kernel ends with the command that started it";
  return new NacreError("unsupported", message, { advice: "Run it without -d (--detach)." });
}

/** What its supervisor would start at its end, where nobody has left it by then. */
function refuseRestarts({ process }: KernelProgram): NacreError | undefined {
  const { onExit, leaveKeys } = process?.supervision ?? {};
  if (!onExit || leaveKeys) return undefined;
  const message =
    "a container on the simulated kernel ends with the command that started it, and nobody starts it again";
  return new NacreError("unsupported", message, { advice: "Run it without --restart." });
}

/** Its namespaces would be gone with the machine, and the record would stay. */
function refusePins(program: KernelProgram): NacreError | undefined {
  if (!program.host.some(({ op }) => op === "bind")) return undefined;
  const message = "a pin on the simulated kernel ends with the command that made it";
  return new NacreError("unsupported", message, {
    advice: "In one process it stays: createEngine({ backend: 'simulated' }) of the library.",
  });
}

/** The machine has files of its own: under a path of the host it would show an empty directory. */
function refuseBinds(program: KernelProgram, files: Files, root: string): NacreError | undefined {
  const own = ["/dev", "/proc", "/sys", root];
  const isOwn = (path: string): boolean =>
    own.some((top) => path === top || path.startsWith(`${top}/`));
  const bind = program.process?.child.find(
    (o) => o.op === "bindInRoot" && !isOwn(o.source) && files.status(o.source) !== undefined,
  );
  if (bind?.op !== "bindInRoot") return undefined;
  const message = `${bind.source} cannot be mounted in a container on the simulated kernel, which sees no files of this machine but pulled images`;
  return new NacreError("unsupported", message, { advice: "Leave the mount out, or use tmpfs." });
}
