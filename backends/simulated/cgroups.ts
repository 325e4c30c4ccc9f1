// Control groups as a model: hierarchies with their controllers, trees of nodes, and the css_set,
// which is what a process points to: one node in each hierarchy. Processes with the same
// combination share one; fork hands it on, a move finds or makes another, and the last member's
// end frees it. How this looks as files stands in cgroupfs.ts.
// Source: Linux, kernel/cgroup/cgroup.c; Documentation/admin-guide/cgroup-v1/cgroups.rst.

import { policyOf } from "./devices.ts";
import { fail } from "./errno.ts";
import type { Process } from "./process.ts";

/** In the order of /proc/cgroups. */
export const CONTROLLERS = [
  "cpuset",
  "cpu",
  "cpuacct",
  "blkio",
  "memory",
  "devices",
  "freezer",
  "net_cls",
  "perf_event",
  "net_prio",
  "hugetlb",
  "pids",
] as const;
export type Controller = (typeof CONTROLLERS)[number];

export const isController = (name: string): name is Controller =>
  (CONTROLLERS as readonly string[]).includes(name);

export class CgroupNode {
  readonly id: number;
  readonly name: string;
  readonly hierarchy: Hierarchy;
  readonly parent: CgroupNode | undefined;
  readonly children = new Map<string, CgroupNode>();
  readonly sets = new Set<CssSet>();
  /** What was written into its control files, by file. Absent: the default. */
  readonly values = new Map<string, string>();
  /** cgroup.subtree_control on v2. */
  readonly delegated = new Set<Controller>();
  removed = false;

  constructor(id: number, name: string, hierarchy: Hierarchy, parent: CgroupNode | undefined) {
    this.id = id;
    this.name = name;
    this.hierarchy = hierarchy;
    this.parent = parent;
  }

  get path(): string {
    if (!this.parent) return "/";
    return this.parent.parent ? `${this.parent.path}/${this.name}` : `/${this.name}`;
  }

  /** From itself to the root. */
  *lineage(): Generator<CgroupNode> {
    for (let at: CgroupNode | undefined = this; at; at = at.parent) yield at;
  }

  *subtree(): Generator<CgroupNode> {
    yield this;
    for (const child of this.children.values()) yield* child.subtree();
  }

  get processes(): Process[] {
    return [...this.sets].flatMap((set) => [...set.members]);
  }
  /** Processes here and below. */
  get population(): number {
    let sum = 0;
    for (const node of this.subtree()) for (const set of node.sets) sum += set.members.size;
    return sum;
  }

  /** Controllers that have files here. */
  get controllers(): readonly Controller[] {
    if (this.hierarchy.version === 1) return this.hierarchy.controllers;
    return this.parent ? [...this.parent.delegated] : this.hierarchy.controllers;
  }
}

export class Hierarchy {
  readonly id: number;
  readonly version: 1 | 2;
  controllers: readonly Controller[];
  /** `name=` of a v1 hierarchy, else empty. */
  readonly name: string;
  readonly root: CgroupNode;

  constructor(id: number, version: 1 | 2, controllers: readonly Controller[], name: string) {
    this.id = id;
    this.version = version;
    this.controllers = controllers;
    this.name = name;
    this.root = new CgroupNode(0, "", this, undefined);
  }

  /** As in /proc/PID/cgroup. */
  get label(): string {
    if (this.version === 2) return "";
    const named = this.name === "" ? [] : [`name=${this.name}`];
    return [...this.controllers, ...named].join(",");
  }
}

/** One node in each hierarchy, shared by all processes that are in these. */
export class CssSet {
  readonly nodes: ReadonlyMap<Hierarchy, CgroupNode>;
  readonly members = new Set<Process>();

  constructor(nodes: ReadonlyMap<Hierarchy, CgroupNode>) {
    this.nodes = nodes;
  }

  in(hierarchy: Hierarchy): CgroupNode {
    return this.nodes.get(hierarchy) ?? hierarchy.root;
  }
}

export class Cgroups {
  readonly hierarchies: Hierarchy[] = [];
  readonly #sets = new Map<string, CssSet>();
  #lastNode = 0;
  #lastHierarchy = 0;

  /** EBUSY where a controller is in another hierarchy, or where there is a v2 one already. */
  makeHierarchy(version: 1 | 2, controllers: readonly Controller[], name = ""): Hierarchy {
    const taken = this.hierarchies.some(
      (h) =>
        h.version === 1 &&
        (h.controllers.some((c) => controllers.includes(c)) || (name !== "" && h.name === name)),
    );
    if (taken || (version === 2 && this.unified)) fail("EBUSY");
    const id = version === 2 ? 0 : ++this.#lastHierarchy;
    const hierarchy = new Hierarchy(id, version, controllers, name);
    this.hierarchies.push(hierarchy);
    // Every process is in its root from now on: sets get one more link.
    const sets = [...this.#sets.values()];
    this.#sets.clear();
    for (const set of sets) {
      const nodes = new Map([...set.nodes, [hierarchy, hierarchy.root] as const]);
      for (const node of set.nodes.values()) node.sets.delete(set);
      for (const member of [...set.members]) this.#enter(member, nodes);
    }
    return hierarchy;
  }

  /** Other controllers for a v1 hierarchy: EBUSY once it has nodes, or where another has them. */
  reattach(hierarchy: Hierarchy, controllers: readonly Controller[]): void {
    const { controllers: before } = hierarchy;
    if (before.length === controllers.length && before.every((c) => controllers.includes(c))) {
      return;
    }
    const others = this.hierarchies.filter((h) => h.version === 1 && h !== hierarchy);
    const taken = others.some((h) => h.controllers.some((c) => controllers.includes(c)));
    if (taken || hierarchy.root.children.size > 0) fail("EBUSY", "reconfigure");
    hierarchy.controllers = controllers;
  }

  get unified(): Hierarchy | undefined {
    return this.hierarchies.find((h) => h.version === 2);
  }

  hierarchyOf(controller: Controller): Hierarchy | undefined {
    return this.hierarchies.find((h) => h.controllers.includes(controller));
  }

  /** mkdir(2) in a cgroup file system. */
  makeNode(parent: CgroupNode, name: string): CgroupNode {
    if (parent.removed) fail("ENOENT");
    if (parent.children.has(name)) fail("EEXIST");
    if (name.includes("\n")) fail("EINVAL");
    const node = new CgroupNode(++this.#lastNode, name, parent.hierarchy, parent);
    parent.children.set(name, node);
    policyOf(node);
    return node;
  }

  /** rmdir(2): EBUSY while there are processes or children. */
  removeNode(node: CgroupNode): void {
    if (!node.parent || node.children.size > 0 || node.population > 0) fail("EBUSY");
    node.parent.children.delete(node.name);
    node.removed = true;
  }

  /** A write to cgroup.procs. */
  move(process: Process, node: CgroupNode): void {
    if (node.removed) fail("ENODEV");
    if (node.hierarchy.version === 2 && node.parent && node.delegated.size > 0) fail("EBUSY");
    const from = process.cssSet.in(node.hierarchy);
    if (from === node) return;
    const nodes = new Map(process.cssSet.nodes);
    nodes.set(node.hierarchy, node);
    this.leave(process);
    this.#enter(process, nodes);
  }

  /** fork(2): EAGAIN where a pids limit on the way to the root is reached. */
  requireRoomForProcess(set: CssSet): void {
    const pids = this.hierarchyOf("pids");
    if (!pids) return;
    for (const node of set.in(pids).lineage()) {
      const max = node.values.get("pids.max") ?? "max";
      if (node.parent && max !== "max" && node.population >= Number(max)) {
        const events = Number(node.values.get("pids.events") ?? 0);
        node.values.set("pids.events", String(events + 1));
        fail("EAGAIN");
      }
    }
  }

  enter(process: Process, set: CssSet | undefined): void {
    this.#enter(process, set?.nodes ?? new Map(this.hierarchies.map((h) => [h, h.root])));
  }

  leave(process: Process): void {
    const set = process.cssSet;
    set.members.delete(process);
    if (set.members.size > 0) return;
    this.#sets.delete(keyOf(set.nodes));
    for (const node of set.nodes.values()) node.sets.delete(set);
  }

  /** All that are in use. */
  sets(): CssSet[] {
    return [...this.#sets.values()];
  }

  #enter(process: Process, nodes: ReadonlyMap<Hierarchy, CgroupNode>): void {
    const key = keyOf(nodes);
    let set = this.#sets.get(key);
    if (!set) {
      set = new CssSet(nodes);
      this.#sets.set(key, set);
      for (const node of nodes.values()) node.sets.add(set);
    }
    set.members.add(process);
    process.cssSet = set;
  }
}

function keyOf(nodes: ReadonlyMap<Hierarchy, CgroupNode>): string {
  return [...nodes].map(([hierarchy, node]) => `${hierarchy.id}:${node.id}`).join(" ");
}

/** A node's path as seen from another one: `/..` for each level that it lies above. */
export function pathFrom(top: CgroupNode, node: CgroupNode): string {
  const around = [...node.lineage()];
  let up = "";
  for (let at: CgroupNode | undefined = top; at; at = at.parent) {
    const shared = around.indexOf(at);
    if (shared >= 0) {
      const names = around.slice(0, shared).map((n) => n.name);
      return `${up}/${names.reverse().join("/")}`.replace(/(.)\/$/, "$1");
    }
    up += "/..";
  }
  return node.path;
}

/** Whether the node, or one above it, is frozen. */
export function isFrozen(node: CgroupNode): boolean {
  const file = node.hierarchy.version === 1 ? "freezer.state" : "cgroup.freeze";
  return [...node.lineage()].some((n) => ["FROZEN", "1"].includes(n.values.get(file) ?? ""));
}
