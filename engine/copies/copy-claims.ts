// Who looks into the root of a container that does not run. That root is mounted then, and must not
// be mounted once more over the same storage layer: so one at a time does it, and a start waits.
// Whoever claims a container and is killed is told by its intent; that is no claim any more.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Kernel, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import type { ContainerStatus } from "@nacre/core/state/records.ts";

const intentId = (container: string): string => `copy-${container}`;

/** Between two looks whether another is done. */
const POLL_MS = 10;

export class CopyClaims {
  readonly #kernel: Pick<Kernel, "alive">;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #self: ProcessIdentity;

  constructor(
    kernel: Pick<Kernel, "alive">,
    state: StateStore,
    clock: Clock,
    self: ProcessIdentity,
  ) {
    this.#kernel = kernel;
    this.#state = state;
    this.#clock = clock;
    this.#self = self;
  }

  /** False where somebody else has it, or it is in another state than it was seen in. */
  take(id: string, seen: ContainerStatus): boolean {
    const { pid, startTime } = this.#self;
    return this.#state.write((t) => {
      if (this.#isTaken(t, id) || t.get("container", id)?.status !== seen) return false;
      t.put("intent", intentId(id), {
        ...{ id: intentId(id), kind: "copy", subject: id, paths: [] },
        process: { pid, startTime: String(startTime) },
        begunMs: this.#clock.nowMs(),
      });
      return true;
    });
  }

  release(id: string): void {
    this.#state.write((t) => t.delete("intent", intentId(id)));
  }

  /** Of one that is removed: true where whoever had it was killed, and may have left its image mounted. */
  forgetDead(t: Transaction, id: string): boolean {
    const isDead = t.get("intent", intentId(id)) !== undefined && !this.#isTaken(t, id);
    if (isDead) t.delete("intent", intentId(id));
    return isDead;
  }

  /** Waits until nobody has it. */
  async settled(id: string): Promise<void> {
    while (this.#state.read((t) => this.#isTaken(t, id))) await this.pause();
  }

  pause(): Promise<void> {
    return this.#clock.sleep(POLL_MS);
  }

  #isTaken(t: Transaction, id: string): boolean {
    const process = t.get("intent", intentId(id))?.process;
    if (!process) return false;
    const { pid, startTime } = process;
    return this.#kernel.alive({ pid, startTime: BigInt(startTime) });
  }
}
