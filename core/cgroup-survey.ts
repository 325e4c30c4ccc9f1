// The cgroups of a machine as their directories show them, put into the model (cgroup.ts), which
// then says what holds where: a limit holds for all nodes below, and the tightest on the way to the
// root counts. Nothing is read here: whoever surveys a machine reads the files that it is told.

import {
  type CgroupHandle,
  Cgroups,
  CONTROLLERS,
  type Controller,
  LIMITS,
  type Limit,
  type LimitValue,
} from "./cgroup.ts";
import type { HierarchyMount } from "./cgroup-layout.ts";
import type { Core } from "./core.ts";
import { CssSets } from "./css-set.ts";
import { NacreError } from "./error.ts";

/** A node as it was read. */
export interface SurveyedNode {
  /** Empty for a root. */
  readonly name: string;
  /** Texts of its control files by their names, those that it has. */
  readonly files: Readonly<Record<string, string>>;
  /** Processes in the node itself. */
  readonly processes: readonly number[];
  readonly children: readonly SurveyedNode[];
}

export interface SurveyedHierarchy {
  readonly mount: HierarchyMount;
  readonly root: SurveyedNode;
}

/** One limit of a node. */
export interface LimitReport {
  /** As the node's own file has it. */
  readonly own: LimitValue;
  /** What holds for its processes. */
  readonly effective: LimitValue;
  /** Path of the node that sets what holds; absent where nothing limits. */
  readonly from?: string;
}

/** A node with what holds in it. */
export interface NodeReport {
  /** From the root of its hierarchy: `/system/web`. */
  readonly path: string;
  /** In the node itself, and with all below it. */
  readonly processes: number;
  readonly population: number;
  /** Limits of this hierarchy's controllers; bytes, microseconds, tasks as in cgroup.ts. */
  readonly limits: Readonly<Partial<Record<Limit, LimitReport>>>;
  /** CPUs and memory nodes that its processes may use, as lists. */
  readonly cpus?: string;
  readonly mems?: string;
  /** The part (0…1) of the processors that its weight gives it while all that have processes compete. */
  readonly cpuShare?: number;
  readonly children: readonly NodeReport[];
}

export interface HierarchyReport {
  readonly version: 1 | 2;
  /** As HierarchyMount has them. */
  readonly controllers: readonly string[];
  readonly mountpoint: string;
  readonly root: NodeReport;
}

/** Which file has a limit, and its place among the file's words where it has several. */
type LimitFile = readonly [controller: string, file: string, word?: number];

const FILES: Readonly<Record<1 | 2, Partial<Record<Limit, LimitFile>>>> = {
  1: {
    cpuWeight: ["cpu", "cpu.shares"],
    cpuPeriod: ["cpu", "cpu.cfs_period_us"],
    cpuQuota: ["cpu", "cpu.cfs_quota_us"],
    cpuBurst: ["cpu", "cpu.cfs_burst_us"],
    memoryMax: ["memory", "memory.limit_in_bytes"],
    memorySwap: ["memory", "memory.memsw.limit_in_bytes"],
    memoryLow: ["memory", "memory.soft_limit_in_bytes"],
    pidsMax: ["pids", "pids.max"],
    ioWeight: ["blkio", "blkio.bfq.weight"],
    frozen: ["freezer", "freezer.state"],
  },
  2: {
    cpuWeight: ["cpu", "cpu.weight"],
    cpuPeriod: ["cpu", "cpu.max", 1],
    cpuQuota: ["cpu", "cpu.max", 0],
    cpuBurst: ["cpu", "cpu.max.burst"],
    memoryMax: ["memory", "memory.max"],
    memoryHigh: ["memory", "memory.high"],
    memorySwap: ["memory", "memory.swap.max"],
    memoryLow: ["memory", "memory.low"],
    pidsMax: ["pids", "pids.max"],
    ioWeight: ["io", "io.weight", 1],
    frozen: ["", "cgroup.freeze"],
  },
};
const CPUSET_FILES = ["cpuset.cpus", "cpuset.mems"] as const;
const DELEGATION = "cgroup.subtree_control";

/** The control files that are worth reading in a node of such a hierarchy. */
export function filesToSurvey({ version, controllers }: HierarchyMount): readonly string[] {
  const limits = Object.values(FILES[version]);
  const fits = ([controller]: LimitFile) => controller === "" || controllers.includes(controller);
  const names = limits.filter(fits).map(([, file]) => file);
  const cpuset = controllers.includes("cpuset") ? CPUSET_FILES : [];
  return [...new Set([...names, ...cpuset, ...(version === 2 ? [DELEGATION] : [])])];
}

/** Version 1 shows 2^63 less a page where memory has no limit; the model takes all from 2^53 on for none. */
const UNLIMITED_BYTES = 2 ** 53;

function readLimit(text: string, word: number | undefined): LimitValue | undefined {
  const found = word === undefined ? text.trim() : text.trim().split(/\s+/)[word];
  if (found === undefined) return undefined;
  if (found === "max" || found === "-1") return "max";
  if (/^(THAWED|FREEZING|FROZEN)$/.test(found)) return found === "THAWED" ? 0 : 1;
  const value = Number(found);
  if (found === "" || Number.isNaN(value)) return undefined;
  return value >= UNLIMITED_BYTES ? "max" : value;
}

/**
 * What holds in each node. A machine lives while it is read: where what was read contradicts
 * itself, a node's own value stands for what holds.
 */
export function reportSurvey(
  core: Core,
  hierarchies: readonly SurveyedHierarchy[],
  machine: { readonly cpus: number; readonly memoryNodes: number },
): HierarchyReport[] {
  const survey = new Survey(core, machine);
  return hierarchies
    .toSorted((a, b) => a.mount.version - b.mount.version)
    .map((hierarchy) => survey.add(hierarchy))
    .map(({ mount, root }) => ({
      version: mount.version,
      controllers: mount.controllers,
      mountpoint: mount.mountpoint,
      root: survey.report(mount, root, undefined),
    }));
}

/** A node beside what stands for it in the model. */
interface ModelledNode {
  readonly surveyed: SurveyedNode;
  readonly handle: CgroupHandle;
  readonly path: string;
  readonly children: readonly ModelledNode[];
}

const isController = (name: string): name is Controller =>
  (CONTROLLERS as readonly string[]).includes(name);

/** Refusals of the model are what was read at different moments: they change nothing. */
function attempt(change: () => void): boolean {
  try {
    change();
    return true;
  } catch (error) {
    if (error instanceof NacreError) return false;
    throw error;
  }
}

class Survey {
  readonly #cgroups: Cgroups;
  readonly #tasks: CssSets;
  readonly #seen = new Set<number>();

  constructor(core: Core, machine: { readonly cpus: number; readonly memoryNodes: number }) {
    this.#cgroups = new Cgroups(core.fork(), machine);
    this.#tasks = new CssSets(this.#cgroups);
  }

  add({ mount, root }: SurveyedHierarchy): { mount: HierarchyMount; root: ModelledNode } {
    const { version, controllers } = mount;
    const made =
      version === 2
        ? this.#cgroups.mount(2)
        : this.#cgroups.mount(1, controllers.filter(isController));
    return { mount, root: this.#addNode(mount, root, made.root, "/") };
  }

  #addNode(
    mount: HierarchyMount,
    surveyed: SurveyedNode,
    handle: CgroupHandle,
    path: string,
  ): ModelledNode {
    this.#delegate(surveyed, handle);
    if (path !== "/") this.#setCpuset(surveyed, handle);
    for (const pid of surveyed.processes) this.#place(pid, handle);
    if (path !== "/") this.#setLimits(mount, surveyed, handle);
    const children = surveyed.children.map((child) => {
      const below = `${path === "/" ? "" : path}/${child.name}`;
      return this.#addNode(mount, child, this.#cgroups.create(handle, child.name), below);
    });
    return { surveyed, handle, path, children };
  }

  #delegate({ files }: SurveyedNode, handle: CgroupHandle): void {
    const names = (files[DELEGATION] ?? "").split(/\s+/);
    for (const name of names.map((each) => (each === "io" ? "blkio" : each))) {
      if (!isController(name)) continue;
      attempt(() => this.#cgroups.setSubtreeControl(handle, { enable: [name] }));
    }
  }

  #setCpuset({ files }: SurveyedNode, handle: CgroupHandle): void {
    for (const file of ["cpus", "mems"] as const) {
      const list = files[`cpuset.${file}`]?.trim();
      if (list) attempt(() => this.#cgroups.setCpuset(handle, file, list));
    }
  }

  /** A process is known by its number from the first hierarchy on, and moves in the others. */
  #place(pid: number, node: CgroupHandle): void {
    if (!this.#seen.has(pid)) this.#tasks.spawn(pid);
    this.#seen.add(pid);
    attempt(() => this.#tasks.move(pid, [node]));
  }

  #setLimits({ version }: HierarchyMount, { files }: SurveyedNode, handle: CgroupHandle): void {
    for (const [limit, [, file, word]] of limitFiles(version)) {
      const value = readLimit(files[file] ?? "", word);
      if (value !== undefined) attempt(() => this.#cgroups.setLimit(handle, limit, value));
    }
  }

  report(
    mount: HierarchyMount,
    { surveyed, handle, path, children }: ModelledNode,
    above: NodeReport["limits"] | undefined,
  ): NodeReport {
    const limits = path === "/" ? {} : this.#limits(mount, surveyed, handle, path, above ?? {});
    const below = children.map((child) => this.report(mount, child, limits));
    const cpuset = surveyed.files["cpuset.cpus"] !== undefined;
    const competes = path !== "/" && limits.cpuWeight !== undefined;
    return {
      path,
      processes: surveyed.processes.length,
      population: surveyed.processes.length + below.reduce((sum, n) => sum + n.population, 0),
      limits,
      ...(cpuset && {
        cpus: this.#cgroups.effectiveCpuset(handle, "cpus"),
        mems: this.#cgroups.effectiveCpuset(handle, "mems"),
      }),
      ...(competes && { cpuShare: this.#cgroups.share(handle, "cpuWeight") }),
      children: below,
    };
  }

  #limits(
    { version }: HierarchyMount,
    { files }: SurveyedNode,
    handle: CgroupHandle,
    path: string,
    above: NodeReport["limits"],
  ): NodeReport["limits"] {
    const found: Partial<Record<Limit, LimitReport>> = {};
    for (const [limit, [, file, word]] of limitFiles(version)) {
      const own = readLimit(files[file] ?? "", word);
      if (own === undefined) continue;
      const effective = this.#effective(handle, limit, own);
      const from = own === effective ? path : above[limit]?.from;
      const limited = effective !== "max" && !(limit === "frozen" && effective === 0);
      found[limit] = { own, effective, ...(limited && from !== undefined && { from }) };
    }
    return found;
  }

  #effective(handle: CgroupHandle, limit: Limit, own: LimitValue): LimitValue {
    try {
      return this.#cgroups.effectiveLimit(handle, limit);
    } catch (error) {
      if (error instanceof NacreError) return own;
      throw error;
    }
  }
}

/** In the model's order, but the period first: a quota counts in it. */
function limitFiles(version: 1 | 2): (readonly [Limit, LimitFile])[] {
  const order = ["cpuPeriod" as const, ...LIMITS.filter((limit) => limit !== "cpuPeriod")];
  return order.flatMap((limit) => {
    const file = FILES[version][limit];
    return file === undefined ? [] : [[limit, file] as const];
  });
}
