// What a supervisor does when its container ends, done for one that was killed before it could:
// whatever still runs in the container's cgroups is killed, the cgroups and the image's mount go.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import { cgroupPath, nodesAbove } from "@nacre/core/program/cgroup-parent.ts";
import { everyNode, type MountedHierarchy, planCgroups } from "@nacre/core/program/cgroup-plan.ts";
import { inverseOf } from "@nacre/core/program/inverse.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { StatePaths } from "../images/paths.ts";
import { pidsWithin } from "../vanishing.ts";
import { cgroupOf } from "./cgroup-of.ts";
import type { Freezer } from "./freezer.ts";
import { identity } from "./process-identity.ts";

const SIGKILL = 9;
/** How long killed processes may take to be gone. */
const KILL_MS = 30_000;

export class TakeDown {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #freezer: Freezer;
  readonly #paths: StatePaths;
  readonly #hierarchies: () => readonly MountedHierarchy[];

  constructor(
    kernel: Kernel,
    files: Files,
    clock: Clock,
    freezer: Freezer,
    paths: StatePaths,
    hierarchies: () => readonly MountedHierarchy[],
  ) {
    this.#kernel = kernel;
    this.#files = files;
    this.#clock = clock;
    this.#freezer = freezer;
    this.#paths = paths;
    this.#hierarchies = hierarchies;
  }

  /** Whether something of the container is left: its cgroups are the last that a supervisor removes. */
  isLeft(container: ContainerRecord): boolean {
    const nodes = this.#nodes(cgroupOf(container));
    if (nodes.some((node) => this.#files.status(node) !== undefined)) return true;
    return this.#lonely(container, nodes) !== undefined;
  }

  /** Takes down what is left of a container. It does no harm to a supervisor that is about it too. */
  async run(container: ContainerRecord): Promise<void> {
    if (!this.isLeft(container)) return;
    const { id } = container;
    // The v1 freezer holds back even SIGKILL.
    this.#freezer.thaw(id);
    const until = this.#clock.monotonicMs() + KILL_MS;
    while (this.#kill(container) && this.#clock.monotonicMs() < until) await this.#clock.sleep(5);
    await this.#kernel.perform({
      title: `take down what is left of container ${id.slice(0, 12)}`,
      host: [...this.#releases(), ...this.#inverses(cgroupOf(container))],
    });
  }

  /** Takes away what containers share and none holds any more: mounts of images, the parents of cgroups. */
  async sweep(): Promise<void> {
    const host = [...this.#releases(), ...this.#parents()];
    if (host.length > 0) await this.#kernel.perform({ title: "release what is shared", host });
  }

  /** The groups below which containers' own stand, where they are still there. */
  #parents(): Operation[] {
    const parents = this.#nodes(cgroupPath({ id: "none" })).map((node) =>
      node.slice(0, node.lastIndexOf("/")),
    );
    return [...new Set(parents)]
      .filter((path) => this.#files.status(path))
      .map((path) => ({ op: "removeDirectory", path, retryMs: 0, ifUnused: true }));
  }

  /** What undoes the making of its groups; a parent that was named for it may be the user's. */
  #inverses(path: string): Operation[] {
    const made = this.#makings(path).filter(({ op }) => op !== "makeDirectory");
    const inverses = made.map(inverseOf);
    return inverses.filter((one) => one !== undefined).reverse();
  }

  /** What made its groups, those too that came with limits that were changed. */
  #makings(path: string): Operation[] {
    const { host, nodes } = planCgroups(this.#hierarchies(), path, {});
    const later = this.#nodes(path).filter((n) => !nodes.includes(n) && this.#files.status(n));
    const make = (at: string, shared: boolean): Operation => ({
      ...{ op: "makeCgroup", path: at, shared },
    });
    const { own } = nodesAbove(path);
    const above = (node: string) => (own ? [make(node.slice(0, node.lastIndexOf("/")), true)] : []);
    return [...host, ...later.flatMap((node) => [...above(node), make(node, false)])];
  }

  #nodes(path: string): readonly string[] {
    return everyNode(this.#hierarchies(), path);
  }

  /** The first process where it has no cgroup; with it goes its pid namespace. */
  #lonely(container: ContainerRecord, nodes: readonly string[]): ProcessIdentity | undefined {
    if (nodes.length > 0) return undefined;
    const process = identity(container.process);
    return this.#kernel.alive(process) ? process : undefined;
  }

  /** Whether there was anybody to kill. */
  #kill(container: ContainerRecord): boolean {
    const nodes = this.#nodes(cgroupOf(container));
    const lonely = this.#lonely(container, nodes);
    if (lonely) this.#kernel.signal(lonely, SIGKILL);
    let found = lonely !== undefined;
    for (const node of nodes) {
      for (const pid of pidsWithin(this.#files, node)) {
        const process = this.#kernel.identify(pid);
        found ||= process !== undefined;
        if (process) this.#kernel.signal(process, SIGKILL);
      }
    }
    return found;
  }

  /**
   * A supervisor that was killed leaves its image mounted, and a machine that went down leaves the
   * lock and the mount point: to give up a share takes them away if there is no other.
   */
  #releases(): Operation[] {
    const mounts = this.#paths.mounts;
    const mounted = this.#kernel
      .mounts()
      .filter(({ target }) => target.startsWith(`${mounts}/`))
      .map(({ target }) => target.slice(mounts.length + 1));
    const names = new Set([...mounted, ...this.#files.list(this.#paths.locks)]);
    return [...names].map((hex) => ({
      op: "releaseMount",
      lock: this.#paths.mountLock(`sha256:${hex}`),
      target: this.#paths.mount(`sha256:${hex}`),
      why: "nobody may need it any more",
    }));
  }
}
