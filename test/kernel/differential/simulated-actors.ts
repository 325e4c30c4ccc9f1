// The simulated side: the same steps as system calls of simulated processes. Each program has a
// first process in the same surroundings as the interpreter makes; when it is killed, everything of
// the program is gone, so that the next one can have the same machine.

import { setImmediate } from "node:timers/promises";
import { SIGNALS } from "@nacre/core/program/signals.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { errnoOf } from "@nacre/simulated/errno.ts";
import { programFile } from "@nacre/simulated/exec.ts";
import * as files from "@nacre/simulated/file-calls.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import type { Machine } from "@nacre/simulated/machine.ts";
import { pivotRoot } from "@nacre/simulated/mount-calls.ts";
import { mountByFlags } from "@nacre/simulated/mount-flags.ts";
import { unshare } from "@nacre/simulated/namespace-calls.ts";
import { lookup } from "@nacre/simulated/path-lookup.ts";
import { NullDescriptor } from "@nacre/simulated/pipe.ts";
import type { Process } from "@nacre/simulated/process.ts";
import * as processes from "@nacre/simulated/process-calls.ts";
import { detachTree } from "@nacre/simulated/propagation.ts";
import { CALLS } from "./simulated-calls.ts";
import { argument, type Step, type StepProgram } from "./steps.ts";
import type { Surroundings } from "./surroundings.ts";

/** A simulated process that steps are made by. */
export interface Actor {
  readonly machine: Machine;
  readonly process: Process;
  readonly handled: Map<number, number>;
}

export const streams = () => {
  const nothing = new NullDescriptor();
  return { stdin: nothing, stdout: nothing, stderr: nothing };
};

const HIERARCHIES = ["pids", "cpu"];
const DIRECTORY = "/tmp/tree";
const CGROUP = "nacre-test";
const PROGRAMS_A_MACHINE = 100;

const NO_FLAGS = {
  type: "",
  source: "",
  data: "",
  attributes: [],
  bind: false,
  recursive: false,
  move: false,
  remount: false,
  propagation: [],
};

function enterCgroups(machine: Machine, first: Process): void {
  files.makeDirectory(first, `${DIRECTORY}/cg`, 0o755);
  for (const hierarchy of HIERARCHIES) {
    const own = `/sys/fs/cgroup/${hierarchy}/${CGROUP}`;
    files.makeDirectory(first, own, 0o755);
    const procs = files.open(first, `${own}/cgroup.procs`, { write: true });
    procs.dentry.inode.write(0, new TextEncoder().encode("0"));
    const target = `${DIRECTORY}/cg/${hierarchy}`;
    files.makeDirectory(first, target, 0o755);
    mountByFlags(machine, first, { ...NO_FLAGS, source: own, target, bind: true });
  }
  unshare(machine, first, ["cgroup"]);
}

/** As probe.c is laid out. */
function layOutProbe(first: Process): void {
  const at = files.open(first, `${DIRECTORY}/p`, { write: true, create: true, mode: 0o755 });
  at.dentry.inode.write(0, new TextEncoder().encode(programFile("probe")));
}

function enterTree(machine: Machine, first: Process, { cgroups, probe }: StepProgram): void {
  const mount = (over: Partial<Parameters<typeof mountByFlags>[2]>): void =>
    mountByFlags(machine, first, { ...NO_FLAGS, target: "/", ...over });
  mount({ propagation: ["private"], recursive: true });
  const data = "mode=755,size=1m,nr_inodes=256";
  mount({ source: "top", target: DIRECTORY, type: "tmpfs", data });
  files.makeDirectory(first, `${DIRECTORY}/proc`, 0o755);
  mount({ source: "proc", target: `${DIRECTORY}/proc`, type: "proc" });
  if (cgroups) enterCgroups(machine, first);
  if (probe) layOutProbe(first);
  const root = lookup(first, DIRECTORY);
  const old = first.root.mount;
  pivotRoot(machine, first, root, root);
  detachTree(old);
  first.cwd = first.root;
}

/** The counterpart of become_first in interpreter.c. */
function firstActor(kernel: SimulatedKernel, program: StepProgram, around: Surroundings): Actor {
  const { machine } = kernel;
  const [, caller] = machine.processes.all() as [Process, Process];
  const first = processes.clone(machine, caller, ["pid", "mnt", "uts", "ipc"], streams());
  first.umask = 0;
  machine.as(first, () => {
    enterTree(machine, first, program);
    processes.newSession(machine, first);
  });
  first.umask = 0o022;
  first.namespaces.uts.hostname = "first";
  const { capabilities: all } = around;
  const sets = { effective: all, permitted: all, bounding: all };
  first.credentials = { ...first.credentials, ...sets };
  first.limits.set(7, { soft: 64n, hard: 64n });
  first.limits.set(1, { soft: 100000n, hard: 200000n });
  first.limits.set(4, { soft: 0n, hard: 1000n });
  return { machine, process: first, handled: new Map() };
}

export class SimulatedActors {
  readonly #around: Surroundings;
  #programs = 0;
  #shared: SimulatedKernel | undefined;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  async run(program: StepProgram): Promise<string[]> {
    const { cgroups, steps } = program;
    // So that other tasks of this process get their turn, now and then.
    if (++this.#programs % 64 === 0) await setImmediate();
    const kernel = this.#machineFor(cgroups);
    const first = firstActor(kernel, program, this.#around);
    const actors = new Map([[0, first]]);
    const results: string[] = [];
    for (const one of steps) {
      results.push(perform(actors, one));
      // Handlers of signals run in between.
      await undefined;
    }
    first.machine.processes.exit(first.process, { code: 0, signal: SIGNALS.KILL });
    first.machine.processes.reap(first.process);
    return results;
  }

  /** Cgroups outlive their processes: programs that make some have a machine of their own. */
  #machineFor(cgroups: boolean): SimulatedKernel {
    const known = this.#shared;
    if (known && !cgroups && this.#programs % PROGRAMS_A_MACHINE !== 0) return known;
    const { core } = this.#around;
    const made = new SimulatedKernel(new SimulatedClock(1_700_000_000_000), {
      core,
      programs: new Map([["probe", () => 0]]),
    });
    const [init] = made.machine.processes.all() as [Process];
    files.makeDirectory(init, DIRECTORY, 0o755);
    if (!cgroups) this.#shared = made;
    return made;
  }
}

function perform(actors: Map<number, Actor>, { actor: number, call, words }: Step): string {
  const actor = actors.get(number);
  if (!actor) return "absent";
  const { machine, process } = actor;
  if (!process.alive) return "ended";
  if (process.state === "stopped") return "stopped";
  const run = CALLS[call];
  if (!run) throw new Error(`the simulated side has no call ${call}`);
  try {
    const value = machine.as(process, () => run(actor, words.map(argument), actors));
    return said(process, `= ${typeof value === "string" && value !== "" ? value : value || 0}`);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    return said(process, errno === "ENOTSUP" ? "EOPNOTSUPP" : errno);
  }
}

/** A process that its own call has ended or stopped says nothing any more. */
function said(process: Process, result: string): string {
  if (!process.alive) return "ended";
  return process.state === "stopped" ? "stopped" : result;
}
