// css_sets: which tasks share one combination of cgroups. Told in core/assembly/css-set.ts.

import { placeBytes, readFields } from "./boundary.ts";
import { type CgroupHandle, Cgroups } from "./cgroup.ts";
import type { Core } from "./core.ts";
import { NacreError } from "./error.ts";
import { kernelFault } from "./kernel-fault.ts";

/** As many nodes as one call ever has: one of each hierarchy. */
const PLACED = 64;

/** Names one css_set as long as it has tasks. */
export type CssSetHandle = number;

export interface CssSet {
  readonly handle: CssSetHandle;
  /** One of each hierarchy. */
  readonly nodes: readonly CgroupHandle[];
  /** PIDs; never empty. */
  readonly tasks: readonly number[];
}

/**
 * The tasks of one machine, in its cgroups. Methods throw NacreError with the kernel's `errno`, and
 * then have changed nothing: ESRCH no such task, EEXIST the PID is taken, ENOENT no such node,
 * EINVAL two nodes of one hierarchy, EAGAIN pids.max is reached, EBUSY and EOPNOTSUPP a version 2
 * node that must have no tasks, ENOSPC a version 1 cpuset without CPUs or memory.
 */
export class CssSets {
  readonly #core: Core;
  readonly #system: number;
  #placed: Uint32Array | undefined;

  constructor(cgroups: Cgroups) {
    this.#core = cgroups.core;
    this.#system = cgroups.handle;
  }

  /** A task without a parent, in the roots of all hierarchies but those of `nodes`. */
  spawn(pid: number, nodes: readonly CgroupHandle[] = []): void {
    this.#fork(0, pid, nodes);
  }

  /** A child of `parent`, in the same css_set but for `nodes` (CLONE_INTO_CGROUP). */
  fork(parent: number, pid: number, nodes: readonly CgroupHandle[] = []): void {
    this.#fork(checkPid(parent), pid, nodes);
  }

  /** Moves a task into `nodes`, all or none; it stays where it is in other hierarchies. */
  move(pid: number, nodes: readonly CgroupHandle[]): void {
    const { cssMove } = this.#core.exports;
    const code = cssMove!(this.#system, checkPid(pid), this.#place(nodes), nodes.length);
    if (code !== 0) throw kernelFault(code, `move task ${pid}`);
  }

  exit(pid: number): void {
    const code = this.#core.exports.cssExit!(this.#system, checkPid(pid));
    if (code !== 0) throw kernelFault(code, `exit of task ${pid}`);
  }

  /** The css_set of a task. */
  of(pid: number): CssSet {
    return this.get(this.handleOf(pid));
  }

  /** The same, without looking into it. */
  handleOf(pid: number): CssSetHandle {
    this.#call("cssOf", `find task ${pid}`, checkPid(pid));
    return this.#result(1)[0]!;
  }

  /** Whether a css_set is still in use. */
  has(handle: CssSetHandle): boolean {
    return this.#core.exports.cssNodes!(this.#system, handle) === 0;
  }

  get(handle: CssSetHandle): CssSet {
    const nodes = this.nodesOf(handle);
    this.#call("cssTasks", "list css_set", handle);
    return { handle, nodes, tasks: this.#list() };
  }

  /** The nodes of a css_set, by its links. */
  nodesOf(handle: CssSetHandle): CgroupHandle[] {
    this.#call("cssNodes", "list css_set", handle);
    return this.#list();
  }

  sets(): CssSet[] {
    this.#call("cssSets", "list css_sets");
    return this.#list().map((handle) => this.get(handle));
  }

  /** The css_sets that lie in a node, by its links. */
  setsOf(node: CgroupHandle): CssSetHandle[] {
    this.#call("cssSetsOf", "list css_sets of cgroup", node);
    return this.#list();
  }

  /** The PIDs in a node itself, as its cgroup.procs lists them, ascending. */
  tasksOf(node: CgroupHandle): number[] {
    const tasks = this.setsOf(node).flatMap((handle) => this.get(handle).tasks);
    return tasks.sort((a, b) => a - b);
  }

  /** `links` is the number of pairs of a set and a node. */
  counts(): { sets: number; links: number; tasks: number } {
    this.#call("cssCounts", "count css_sets");
    const [sets, links, tasks] = this.#result(3);
    return { sets: sets!, links: links!, tasks: tasks! };
  }

  #fork(parent: number, pid: number, nodes: readonly CgroupHandle[]): void {
    const { cssFork } = this.#core.exports;
    const place = this.#place(nodes);
    const code = cssFork!(this.#system, parent, checkPid(pid), place, nodes.length);
    if (code !== 0) throw kernelFault(code, `fork of task ${pid}`);
  }

  /** Where the core finds these handles: in its I/O buffer, whose view is kept as long as it holds. */
  #place(nodes: readonly CgroupHandle[]): number {
    if (nodes.length === 0) return 0;
    if (nodes.length > PLACED) {
      return placeBytes(this.#core, new Uint8Array(Uint32Array.from(nodes).buffer)).pointer;
    }
    const { buffer } = this.#core.exports.memory;
    if (this.#placed?.buffer !== buffer) {
      this.#placed = new Uint32Array(buffer, this.#core.exports.io!(), PLACED);
    }
    for (let i = 0; i < nodes.length; i++) this.#placed[i] = nodes[i]!;
    return this.#placed.byteOffset;
  }

  #call(name: string, operation: string, ...args: number[]): void {
    const code = this.#core.exports[name]!(this.#system, ...args);
    if (code !== 0) throw kernelFault(code, operation);
  }

  #result(count: number): Uint32Array {
    return readFields(this.#core, this.#core.exports.cgroupResult!(), count);
  }

  #list(): number[] {
    const [pointer, count] = this.#result(2);
    return [...readFields(this.#core, pointer!, count!)];
  }
}

/** The core's numbers are 32 bits wide; a PID has at most 22 (proc(5), pid_max). */
function checkPid(pid: number): number {
  if (Number.isInteger(pid) && pid > 0 && pid <= 4194304) return pid;
  throw new NacreError("invalid", `${pid} is not a PID`, { errno: "EINVAL" });
}

/** One line of /proc/PID/cgroup. */
export interface CgroupMembership {
  /** 0 for version 2. */
  readonly hierarchy: number;
  /** Empty for version 2; `name=systemd` for a hierarchy that has only a name. */
  readonly controllers: readonly string[];
  readonly path: string;
}

/** A css_set of a real machine, as its tasks' files tell. */
export interface MachineCssSet {
  readonly cgroups: readonly CgroupMembership[];
  /** PIDs, ascending. */
  readonly tasks: readonly number[];
}

/** Reads "4:memory:/a", "2:cpu,cpuacct:/", "1:name=systemd:/" or "0::/a" (cgroups(7)). */
export function parseMembership(line: string): CgroupMembership {
  const [, id, controllers, path] = /^(\d+):([^:]*):(\/.*)$/s.exec(line) ?? [];
  if (id === undefined || controllers === undefined || path === undefined) {
    throw new NacreError("invalid", `${JSON.stringify(line)} is not a line of /proc/PID/cgroup`);
  }
  const names = controllers === "" ? [] : controllers.split(",");
  return { hierarchy: Number(id), controllers: names, path };
}

/**
 * The css_sets of a real machine, from the texts of its /proc/PID/cgroup files, those with the most
 * tasks first. A kernel thread counts like any task; a zombie's file shows where it was last.
 * @throws NacreError `invalid` for a text that no kernel wrote
 */
export function cssSetsOf(
  core: Core,
  procCgroupTexts: Iterable<{ readonly pid: number; readonly text: string }>,
): MachineCssSet[] {
  const machine = new ObservedMachine(core);
  for (const { pid, text } of procCgroupTexts) {
    const lines = text.split("\n").filter((line) => line !== "");
    machine.add(pid, lines.map(parseMembership));
  }
  return machine.sets();
}

/** Hierarchies and nodes, made as the tasks' files mention them. */
class ObservedMachine {
  readonly #cgroups: Cgroups;
  readonly #sets: CssSets;
  readonly #roots = new Map<number, CgroupHandle>();
  readonly #nodes = new Map<string, CgroupHandle>();
  readonly #memberships = new Map<CgroupHandle, CgroupMembership>();

  constructor(core: Core) {
    this.#cgroups = new Cgroups(core.fork(), { cpus: 1, memoryNodes: 1 });
    this.#sets = new CssSets(this.#cgroups);
  }

  add(pid: number, memberships: readonly CgroupMembership[]): void {
    this.#sets.spawn(
      pid,
      memberships.map((membership) => this.#node(membership)),
    );
  }

  sets(): MachineCssSet[] {
    const sets = this.#sets.sets().map(({ nodes, tasks }) => ({
      cgroups: nodes
        .flatMap((node) => this.#memberships.get(node) ?? [])
        .sort((a, b) => b.hierarchy - a.hierarchy),
      tasks: tasks.toSorted((a, b) => a - b),
    }));
    return sets.sort((a, b) => b.tasks.length - a.tasks.length || a.tasks[0]! - b.tasks[0]!);
  }

  /** All hierarchies are made without controllers: whatever the kernel let in, lets in here. */
  #root({ hierarchy }: CgroupMembership): CgroupHandle {
    const known = this.#roots.get(hierarchy);
    if (known !== undefined) return known;
    const { root } = this.#cgroups.mount(1, []);
    this.#roots.set(hierarchy, root);
    return root;
  }

  /**
   * Every path is one node, named by its number: paths may hold "..", where a task lies outside
   * the reader's cgroup namespace, or end in " (deleted)".
   */
  #node(membership: CgroupMembership): CgroupHandle {
    const key = `${membership.hierarchy}:${membership.path}`;
    let node = this.#nodes.get(key);
    if (node === undefined) {
      const root = this.#root(membership);
      node =
        membership.path === "/" ? root : this.#cgroups.create(root, String(this.#nodes.size + 1));
      this.#nodes.set(key, node);
      this.#memberships.set(node, membership);
    }
    return node;
  }
}
