// Control groups of the simulated machine. What they are, what the kernel refuses and which
// css_sets there are is the core's (core/cgroup.ts, core/css-set.ts); here its handles become the
// objects that file systems, processes and controllers hang their own things on. How it looks as
// files stands in cgroupfs.ts.

import {
  CONTROLLERS as ALL_CONTROLLERS,
  type CgroupHandle,
  type Controller,
  Cgroups as Model,
} from "@nacre/core/cgroup.ts";
import type { Core } from "@nacre/core/core.ts";
import { type CssSetHandle, CssSets } from "@nacre/core/css-set.ts";
import { NacreError } from "@nacre/core/error.ts";
import { CgroupNode, Hierarchy } from "./cgroup-node.ts";
import { fullNode } from "./controllers/pids.ts";
import { fail, isErrnoName } from "./errno.ts";
import type { Process } from "./process.ts";

export type { Controller };

/** What this kernel is built with, in the order of /proc/cgroups. */
export const CONTROLLERS: readonly Controller[] = ALL_CONTROLLERS.filter(
  (name) => name !== "rdma" && name !== "misc",
);

export const isController = (name: string): name is Controller =>
  (CONTROLLERS as readonly string[]).includes(name);

/** Calls the core; what it refuses is this kernel's refusal. */
function ask<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const errno = error instanceof NacreError ? error.errno : undefined;
    // Linux has two names for 95; see errno.ts.
    if (errno === "EOPNOTSUPP") return fail("ENOTSUP");
    if (errno !== undefined && isErrnoName(errno)) return fail(errno);
    throw error;
  }
}

/** One node in each hierarchy, shared by all processes that are in these. */
export class CssSet {
  readonly handle: CssSetHandle;
  readonly nodes: ReadonlyMap<Hierarchy, CgroupNode>;

  constructor(handle: CssSetHandle, nodes: ReadonlyMap<Hierarchy, CgroupNode>) {
    this.handle = handle;
    this.nodes = nodes;
  }

  /** Those that can be frozen, version 1 first. */
  get freezers(): readonly CgroupNode[] {
    this.#freezers ??= [...this.nodes.values()]
      .filter(({ hierarchy: h }) => h.version === 2 || h.controllers.includes("freezer"))
      .sort((a, b) => a.hierarchy.version - b.hierarchy.version);
    return this.#freezers;
  }
  #freezers: readonly CgroupNode[] | undefined;

  in(hierarchy: Hierarchy): CgroupNode {
    return this.nodes.get(hierarchy) ?? hierarchy.root;
  }
}

/** What others do when processes come, go and move. All are told after the fact. */
export interface CgroupObserver {
  /** `from` is undefined for a new process, `to` for one that ended. */
  moved?(process: Process, from: CssSet | undefined, to: CssSet | undefined): void;
  /** A fork that `over`'s pids.max forbade to a process of `set`. */
  forkRefused?(set: CssSet, hierarchy: Hierarchy): void;
  /** One that had ended was waited for. */
  reaped?(process: Process): void;
  created?(node: CgroupNode): void;
  removed?(node: CgroupNode): void;
}

export class Cgroups {
  readonly model: Model;
  readonly hierarchies: Hierarchy[] = [];
  readonly #tasks: CssSets;
  readonly #nodes = new Map<CgroupHandle, CgroupNode>();
  readonly #processes = new Map<number, Process>();
  /** Of the css_sets in use; made anew when hierarchies come and go. */
  #views = new Map<CssSetHandle, CssSet>();
  readonly observers: CgroupObserver[] = [];
  #lastHierarchy = 0;

  constructor(core: Core, machine: { readonly cpus: number; readonly memoryNodes: number }) {
    this.model = new Model(core, { ...machine, controllers: CONTROLLERS });
    this.#tasks = new CssSets(this.model);
  }

  // -- hierarchies ------------------------------------------------------------------------------

  /** EBUSY where a controller is in another hierarchy, or where there is a v2 one already. */
  makeHierarchy(version: 1 | 2, controllers: readonly Controller[] = [], name = ""): Hierarchy {
    const made = ask(() =>
      version === 2 ? this.model.mount(2) : this.model.mount(1, controllers),
    );
    const id = version === 2 ? 0 : ++this.#lastHierarchy;
    const hierarchy = new Hierarchy(made.handle, id, version, name);
    hierarchy.root = new CgroupNode(this, made.root, "", hierarchy, undefined);
    this.#nodes.set(made.root, hierarchy.root);
    this.hierarchies.push(hierarchy);
    this.#review();
    return hierarchy;
  }

  /** Ends a hierarchy that nobody mounts any more; one whose root has children stays. */
  endHierarchy(hierarchy: Hierarchy): boolean {
    if (hierarchy.version === 2 || hierarchy.root.children.length > 0) return false;
    ask(() => this.model.unmount(hierarchy.handle));
    hierarchy.root.removed = true;
    this.#nodes.delete(hierarchy.root.handle);
    this.hierarchies.splice(this.hierarchies.indexOf(hierarchy), 1);
    this.#review();
    return true;
  }

  /** `mount -o remount` with other controllers. EBUSY while there are children, or one is taken. */
  rebind(hierarchy: Hierarchy, controllers: readonly Controller[]): void {
    ask(() => this.model.remount(hierarchy.handle, controllers));
    this.#review();
  }

  get unified(): Hierarchy | undefined {
    return this.hierarchies.find((h) => h.version === 2);
  }

  hierarchyOf(controller: Controller): Hierarchy | undefined {
    return this.hierarchies.find((h) => h.controllers.includes(controller));
  }

  /**
   * The node whose settings of a controller hold for who is in `set`: in version 2 the nearest one
   * above that has the controller. Undefined where no hierarchy has it.
   */
  nodeFor(controller: Controller, set: CssSet): CgroupNode | undefined {
    const hierarchy = this.hierarchyOf(controller);
    if (!hierarchy) return undefined;
    let node = set.in(hierarchy);
    while (node.parent && !node.controllers.includes(controller)) node = node.parent;
    return node;
  }

  // -- nodes ------------------------------------------------------------------------------------

  childrenOf(node: CgroupNode): readonly CgroupNode[] {
    if (node.removed) return [];
    return this.model
      .children(node.handle)
      .reverse()
      .flatMap((handle) => this.#nodes.get(handle) ?? []);
  }

  childOf(node: CgroupNode, name: string): CgroupNode | undefined {
    const handle = node.removed ? undefined : this.model.child(node.handle, name);
    return handle === undefined ? undefined : this.#nodes.get(handle);
  }

  /** mkdir(2) in a cgroup file system. */
  makeNode(parent: CgroupNode, name: string): CgroupNode {
    if (parent.removed) fail("ENOENT");
    const handle = ask(() => this.model.create(parent.handle, name));
    const node = new CgroupNode(this, handle, name, parent.hierarchy, parent);
    this.#nodes.set(handle, node);
    for (const observer of this.observers) observer.created?.(node);
    return node;
  }

  /** rmdir(2): EBUSY while there are processes or children. */
  removeNode(node: CgroupNode): void {
    ask(() => this.model.remove(node.handle));
    this.#nodes.delete(node.handle);
    node.removed = true;
    for (const observer of this.observers) observer.removed?.(node);
  }

  /** Runs a call of the core's model. */
  ask<T>(call: (model: Model) => T): T {
    return ask(() => call(this.model));
  }

  // -- processes --------------------------------------------------------------------------------

  processesOf(node: CgroupNode): Process[] {
    if (node.removed) return [];
    return this.#tasks.tasksOf(node.handle).flatMap((pid) => this.#processes.get(pid) ?? []);
  }

  /** fork(2), before there is a process: EAGAIN where a pids limit on the way to the root is reached. */
  fork(parent: Process | undefined, pid: number): void {
    const pids = this.hierarchyOf("pids");
    try {
      if (parent && pids && fullNode(parent.cssSet, pids)) fail("EAGAIN");
      ask(() => (parent ? this.#tasks.fork(parent.pid, pid) : this.#tasks.spawn(pid)));
    } catch (error) {
      if (parent && pids) {
        for (const observer of this.observers) observer.forkRefused?.(parent.cssSet, pids);
      }
      throw error;
    }
  }

  /** The process that `fork` made room for. */
  enter(process: Process): void {
    this.#processes.set(process.pid, process);
    process.cssSet = this.#viewOf(process);
    for (const observer of this.observers) observer.moved?.(process, undefined, process.cssSet);
  }

  /** A write to cgroup.procs. */
  move(process: Process, node: CgroupNode): void {
    if (node.removed) fail("ENODEV");
    const from = process.cssSet;
    if (from.in(node.hierarchy) === node) return;
    ask(() => this.#tasks.move(process.pid, [node.handle]));
    process.cssSet = this.#viewOf(process);
    this.#forget(from);
    for (const observer of this.observers) observer.moved?.(process, from, process.cssSet);
  }

  /** wait(2) for one that has ended: it counts nowhere any more. */
  reaped(process: Process): void {
    for (const observer of this.observers) observer.reaped?.(process);
  }

  /** A process ended. What it was in last stays known, as a zombie's does. */
  leave(process: Process): void {
    ask(() => this.#tasks.exit(process.pid));
    this.#processes.delete(process.pid);
    this.#forget(process.cssSet);
    for (const observer of this.observers) observer.moved?.(process, process.cssSet, undefined);
  }

  /** How many css_sets, links and processes there are. */
  counts(): { sets: number; links: number; tasks: number } {
    return this.#tasks.counts();
  }

  #viewOf(process: Process): CssSet {
    const handle = this.#tasks.handleOf(process.pid);
    const known = this.#views.get(handle);
    if (known) return known;
    const nodes = this.#tasks.nodesOf(handle);
    const view = new CssSet(
      handle,
      new Map(
        nodes
          .flatMap((node) => this.#nodes.get(node) ?? [])
          .sort((a, b) => a.hierarchy.id - b.hierarchy.id)
          .map((node) => [node.hierarchy, node] as const),
      ),
    );
    this.#views.set(handle, view);
    return view;
  }

  /** A css_set goes with its last process. */
  #forget(set: CssSet): void {
    if (!this.#tasks.has(set.handle)) this.#views.delete(set.handle);
  }

  /** What one hierarchy takes, the one of version 2 has no longer. */
  #assign(): void {
    for (const hierarchy of this.hierarchies) {
      hierarchy.controllers = this.model.hierarchy(hierarchy.handle).controllers;
    }
  }

  /** All sets have one node more, or fewer, or other controllers. */
  #review(): void {
    this.#assign();
    this.#views = new Map();
    for (const process of this.#processes.values()) {
      const from = process.cssSet;
      process.cssSet = this.#viewOf(process);
      for (const observer of this.observers) observer.moved?.(process, from, process.cssSet);
    }
  }
}
