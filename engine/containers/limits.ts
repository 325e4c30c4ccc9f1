// Limits of a container that change while it runs: its control files are written, and what was in
// them is put back where one of them is refused.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import { type MountedHierarchy, planCgroups } from "@nacre/core/program/cgroup-plan.ts";
import type { Operation, WriteFile } from "@nacre/core/program/operation.ts";
import type { ResourceRequest } from "@nacre/core/program/request.ts";
import { checkResources, specResources } from "@nacre/core/program/resource-spec.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { isGone, unlessGone } from "../vanishing.ts";
import { cgroupOf } from "./cgroup-of.ts";
import { changeDeviceRules } from "./device-rules.ts";
import type { Machine } from "./machine-facts.ts";

/** A memory limit above the one of memory and swap together is refused, and so is the converse. */
const MEMORY = /\/memory\.limit_in_bytes$/;
const MEMORY_AND_SWAP = /\/memory\.memsw\.limit_in_bytes$/;

export class Limits {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #machine: Machine;
  readonly #hierarchies: () => readonly MountedHierarchy[];

  constructor(
    kernel: Kernel,
    files: Files,
    machine: Machine,
    hierarchies: () => readonly MountedHierarchy[],
  ) {
    this.#kernel = kernel;
    this.#files = files;
    this.#machine = machine;
    this.#hierarchies = hierarchies;
  }

  /** What the container's limits are with a change. NacreError `invalid` where that makes no sense. */
  merged({ request }: ContainerRecord, change: ResourceRequest): ResourceRequest {
    const resources = { ...request.resources, ...change };
    checkResources(resources, this.#machine);
    return resources;
  }

  /**
   * Writes what a change makes different into the groups of a running container. Groups that it
   * was not in yet are made, and its processes are moved there.
   * @throws NacreError as the kernel refuses a value; then all is as it was
   */
  async apply(
    record: ContainerRecord,
    change: ResourceRequest,
    merged: ResourceRequest,
  ): Promise<void> {
    try {
      await this.#apply(record, change, merged);
    } catch (error) {
      // It has ended meanwhile: they hold when it is started again.
      const standing = this.#standing(record);
      if (!isGone(error) || (standing && this.#files.status(standing))) throw error;
    }
  }

  async #apply(
    container: ContainerRecord,
    change: ResourceRequest,
    merged: ResourceRequest,
  ): Promise<void> {
    const { request } = container;
    const path = cgroupOf(container);
    const plan = (resources: ResourceRequest): readonly Operation[] =>
      planCgroups(
        this.#hierarchies(),
        path,
        specResources(resources, this.#machine),
        this.#machine.cpusetRoot,
      ).host;
    const wanted = new Set(plan({ ...change, ...pairOf(change, merged) }).map(fileOf));
    const operations = plan(merged).filter((one) => isBelow(one, path));
    const absent = operations.filter((o) => o.op === "makeCgroup" && !this.#files.status(o.path));
    await this.#join(
      container,
      absent.map((o) => (o as { path: string }).path),
      plan(merged),
    );
    const writes = operations.filter(
      (one): one is WriteFile => one.op === "writeFile" && wanted.has(one.path),
    );
    this.#write(this.#ordered(writes));
    if (change.deviceRules === undefined) return;
    const host = { kernel: this.#kernel, files: this.#files, machine: this.#machine };
    await changeDeviceRules(host, this.#hierarchies(), path, request, merged);
  }

  /** A group that each container has for as long as it runs; none where there are no cgroups. */
  #standing(container: ContainerRecord): string | undefined {
    return planCgroups(this.#hierarchies(), cgroupOf(container), {}).nodes[0];
  }

  /** Makes groups that the container is not in yet, and moves its processes there. */
  async #join(
    container: ContainerRecord,
    nodes: readonly string[],
    plan: readonly Operation[],
  ): Promise<void> {
    const standing = this.#standing(container);
    // One that has no group at all has ended meanwhile: to make them would leave them.
    if (nodes.length === 0 || !standing || nodes.includes(standing)) return;
    const host = plan
      .filter((o) => {
        const at = fileOf(o);
        const directory = o.op === "writeFile" ? at.slice(0, at.lastIndexOf("/")) : at;
        return nodes.some((node) => node === directory || node.startsWith(`${directory}/`));
      })
      // Two updates at once may both have found it absent.
      .map((o): Operation => (o.op === "makeCgroup" ? { ...o, shared: true } : o));
    await this.#kernel.perform({ title: `limit container ${container.name}`, host });
    try {
      for (const node of nodes) this.#move(standing, node);
    } finally {
      // It has ended meanwhile, and what took it down did not know of these.
      if (!this.#files.status(standing)) await this.#giveUp(container, nodes);
    }
  }

  async #giveUp({ name }: ContainerRecord, nodes: readonly string[]): Promise<void> {
    const removal = { op: "removeDirectory", retryMs: 0, ifUnused: true } as const;
    const host = nodes.toReversed().map((path): Operation => ({ ...removal, path }));
    await this.#kernel.perform({ title: `give up groups of container ${name}`, host });
  }

  /** Until all that is in one is in the other: what is moved may fork meanwhile. */
  #move(from: string, to: string): void {
    const members = (node: string) =>
      this.#files.readText(`${node}/cgroup.procs`).split("\n").filter(Boolean);
    for (;;) {
      const there = new Set(members(to));
      const left = members(from).filter((pid) => !there.has(pid));
      if (left.length === 0) return;
      for (const pid of left) this.#moveOne(pid, to);
    }
  }

  #moveOne(pid: string, to: string): void {
    try {
      this.#files.control(`${to}/cgroup.procs`, pid);
    } catch (error) {
      // It has ended: a member of the other group no more.
      if (this.#kernel.identify(Number(pid))) throw error;
    }
  }

  /** Memory before memory and swap where they shrink, after where they grow. */
  #ordered(writes: readonly WriteFile[]): readonly WriteFile[] {
    const memory = writes.find(({ path }) => MEMORY.test(path));
    const both = writes.find(({ path }) => MEMORY_AND_SWAP.test(path));
    if (!memory || !both) return writes;
    const now = Number(this.#files.readText(both.path));
    if (Number(memory.data) <= now) return writes;
    return [both, memory, ...writes.filter((one) => one !== memory && one !== both)];
  }

  #write(writes: readonly WriteFile[]): void {
    const before: WriteFile[] = [];
    try {
      for (const one of writes) {
        const data = this.#files.readText(one.path).trim();
        this.#files.control(one.path, one.data);
        before.unshift({ ...one, data });
      }
    } catch (error) {
      for (const { path, data } of before) unlessGone(() => this.#files.control(path, data));
      throw error instanceof NacreError ? refused(error) : error;
    }
  }
}

/** Quota and period, memory and swap are written together: one is what it is beside the other. */
function pairOf(change: ResourceRequest, merged: ResourceRequest): ResourceRequest {
  const { memoryBytes, memorySwapBytes, cpuPeriodUs, cpuQuotaUs } = merged;
  const memory = change.memoryBytes !== undefined || change.memorySwapBytes !== undefined;
  const cpu = change.cpuPeriodUs !== undefined || change.cpuQuotaUs !== undefined;
  return {
    ...(memory && memoryBytes !== undefined && { memoryBytes }),
    ...(memory && memorySwapBytes !== undefined && { memorySwapBytes }),
    ...(cpu && cpuPeriodUs !== undefined && { cpuPeriodUs }),
    ...(cpu && cpuQuotaUs !== undefined && { cpuQuotaUs }),
  };
}

const fileOf = (operation: Operation): string => ("path" in operation ? operation.path : "");

/** The container's own node and its files, not those of the parent that all share. */
function isBelow(operation: Operation, path: string): boolean {
  const file = fileOf(operation);
  return file.endsWith(path) || file.includes(`${path}/`);
}

function refused(error: NacreError): NacreError {
  return new NacreError(error.kind, `the limit is refused: ${error.message}`, {
    ...(error.operation !== undefined && { operation: error.operation }),
    advice: "Nothing was changed. A limit cannot be below what is in use and cannot be given back.",
    cause: error,
  });
}
