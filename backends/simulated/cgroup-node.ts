// A node of a hierarchy, as the rest of the kernel holds it: a name for the core's handle, with what
// the core does not know beside it.

import type {
  CgroupHandle,
  Controller,
  Limit,
  LimitValue,
  Cgroup as NodeFacts,
} from "@nacre/core/cgroup.ts";
import type { Cgroups } from "./cgroups.ts";
import type { Process } from "./process.ts";

export class CgroupNode {
  readonly handle: CgroupHandle;
  readonly name: string;
  readonly hierarchy: Hierarchy;
  readonly parent: CgroupNode | undefined;
  readonly #cgroups: Cgroups;
  /** What was written into files that mean nothing to the core, by file. Absent: the default. */
  readonly values = new Map<string, string>();
  removed = false;

  constructor(
    cgroups: Cgroups,
    handle: CgroupHandle,
    name: string,
    hierarchy: Hierarchy,
    parent: CgroupNode | undefined,
  ) {
    this.#cgroups = cgroups;
    this.handle = handle;
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

  /** Itself and all below, parents first, in the order in which they were made. */
  *subtree(): Generator<CgroupNode> {
    yield this;
    for (const child of this.children) yield* child.subtree();
  }

  get children(): readonly CgroupNode[] {
    return this.#cgroups.childrenOf(this);
  }
  child(name: string): CgroupNode | undefined {
    return this.#cgroups.childOf(this, name);
  }

  get facts(): NodeFacts {
    return this.#cgroups.model.get(this.handle);
  }
  /** A limit of its own, as its file shows it; ENOENT without its controller. */
  limit(limit: Limit): LimitValue {
    return this.#cgroups.ask((model) => model.limit(this.handle, limit));
  }
  setLimit(limit: Limit, value: LimitValue): void {
    this.#cgroups.ask((model) => model.setLimit(this.handle, limit, value));
  }
  /** What holds for its processes. */
  effectiveLimit(limit: Limit): LimitValue {
    return this.#cgroups.model.effectiveLimit(this.handle, limit);
  }
  /** The list of cpuset.cpus or cpuset.mems; `effective`, what holds for its processes. */
  cpuset(file: "cpus" | "mems", effective = false): string {
    const { model } = this.#cgroups;
    return effective
      ? model.effectiveCpuset(this.handle, file)
      : this.#cgroups.ask(() => model.cpuset(this.handle, file));
  }
  setCpuset(file: "cpus" | "mems", list: string): void {
    this.#cgroups.ask((model) => model.setCpuset(this.handle, file, list));
  }
  delegate(enable: readonly Controller[], disable: readonly Controller[]): void {
    this.#cgroups.ask((model) => model.setSubtreeControl(this.handle, { enable, disable }));
  }

  /** The processes in it, by pid. */
  get processes(): Process[] {
    return this.#cgroups.processesOf(this);
  }
  /** How many processes are here and below. */
  get population(): number {
    return this.removed ? 0 : this.facts.population;
  }
  /** Controllers that have files here. */
  get controllers(): readonly Controller[] {
    return this.facts.controllers;
  }
}

export class Hierarchy {
  readonly handle: number;
  /** As in /proc/PID/cgroup; 0 for version 2. */
  readonly id: number;
  readonly version: 1 | 2;
  /** `name=` of a v1 hierarchy, else empty. */
  readonly name: string;
  /** Set when it is made: the node needs the hierarchy first. */
  declare root: CgroupNode;
  /** Mount options that a remount may not change. */
  flags: readonly string[] = [];
  /** Attached to it; of version 2, what its root can pass on. Changed by mounts only. */
  controllers: readonly Controller[] = [];

  constructor(handle: number, id: number, version: 1 | 2, name: string) {
    this.handle = handle;
    this.id = id;
    this.version = version;
    this.name = name;
  }

  /** As in /proc/PID/cgroup. */
  get label(): string {
    if (this.version === 2) return "";
    const named = this.name === "" ? [] : [`name=${this.name}`];
    return [...this.controllers, ...named].join(",");
  }
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
