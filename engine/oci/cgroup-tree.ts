// The nodes of an OCI container and what is below them, which it may have made itself.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";

const EMPTY_MS = 5000;
const SIGKILL = 9;

export class CgroupTree {
  readonly #files: Files;
  readonly #kernel: Kernel;
  readonly #clock: Clock;

  constructor(files: Files, kernel: Kernel, clock: Clock) {
    this.#files = files;
    this.#kernel = kernel;
    this.#clock = clock;
  }

  #below(node: string): string[] {
    return this.#files
      .list(node)
      .filter((name) => this.#files.status(`${node}/${name}`)?.kind === "directory")
      .map((name) => `${node}/${name}`);
  }

  /** Of a node and of those below it, by the numbers that we see; none where it is gone. */
  processes(node: string): number[] {
    try {
      const own = this.#files.readText(`${node}/cgroup.procs`).split("\n").filter(Boolean);
      return [...own.map(Number), ...this.#below(node).flatMap((one) => this.processes(one))];
    } catch (error) {
      if (error instanceof NacreError && error.kind !== "denied") return [];
      throw error;
    }
  }

  /** Every process of the first of these nodes that is there. */
  members(nodes: readonly string[]): number[] {
    const node = nodes.find((one) => this.#files.status(one));
    return node === undefined ? [] : [...new Set(this.processes(node))].sort((a, b) => a - b);
  }

  signal(nodes: readonly string[], number: number): void {
    for (const pid of this.members(nodes)) {
      const process = pid > 0 ? this.#kernel.identify(pid) : undefined;
      if (process) this.#kernel.signal(process, number);
    }
  }

  /** Ends whatever is left, and removes the nodes; and those above that nobody else uses. */
  async remove(nodes: readonly string[], parents: readonly string[]): Promise<void> {
    const until = this.#clock.monotonicMs() + EMPTY_MS;
    for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 50)) {
      const left = nodes.filter((node) => this.#files.status(node));
      for (const node of left) this.signal([node], SIGKILL);
      if (left.every((node) => this.#removed(node))) break;
      if (this.#clock.monotonicMs() > until) {
        throw new NacreError("in-use", `a process does not leave the cgroup ${left[0]}`);
      }
      await this.#clock.sleep(waitMs);
    }
    for (const parent of parents) {
      if (this.#files.status(parent) && this.#below(parent).length === 0) this.#removed(parent);
    }
  }

  /** False where it is in use. */
  #removed(node: string): boolean {
    if (!this.#files.status(node)) return true;
    if (!this.#below(node).every((one) => this.#removed(one))) return false;
    try {
      this.#files.remove(node);
    } catch (error) {
      const kind = error instanceof NacreError ? error.kind : undefined;
      if (kind === "in-use") return false;
      if (kind !== "not-found") throw error;
    }
    return true;
  }
}
