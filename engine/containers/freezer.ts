// Holds all processes of a container, and lets them go.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { MountedHierarchy } from "@nacre/core/program/cgroup-plan.ts";
import { type FreezeControl, freezeControl } from "@nacre/core/program/freeze.ts";
import { unlessGone } from "../vanishing.ts";
import type { CgroupById } from "./cgroup-of.ts";

/** A process in the midst of a system call may take its time until it can be held. */
const FREEZE_MS = 10_000;

export class Freezer {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #hierarchies: () => readonly MountedHierarchy[];
  readonly #cgroup: CgroupById;

  constructor(
    files: Files,
    clock: Clock,
    hierarchies: () => readonly MountedHierarchy[],
    cgroup: CgroupById,
  ) {
    this.#files = files;
    this.#clock = clock;
    this.#hierarchies = hierarchies;
    this.#cgroup = cgroup;
  }

  /** NacreError `unsupported` where the machine has no freezer. */
  mustBeAble(): void {
    this.#control("");
  }

  /**
   * Resolves when every process stands still.
   * @throws NacreError `kernel` if one cannot be held; then none is
   */
  async freeze(id: string): Promise<void> {
    const control = this.#control(id);
    this.#files.control(control.file, control.frozen);
    try {
      await this.#untilFrozen(control);
    } catch (error) {
      unlessGone(() => this.#files.control(control.file, control.thawed));
      throw error;
    }
  }

  async #untilFrozen(control: FreezeControl): Promise<void> {
    const until = this.#clock.monotonicMs() + FREEZE_MS;
    for (let delayMs = 1; !this.#isFrozen(control); delayMs = Math.min(delayMs * 2, 50)) {
      if (this.#clock.monotonicMs() > until) {
        throw new NacreError("kernel", "a process of the container cannot be held", {
          operation: `write ${control.frozen} to ${control.file}`,
          advice: "It waits in the kernel, for a disk or a network perhaps: try again later.",
        });
      }
      await this.#clock.sleep(delayMs);
    }
  }

  /** Lets all go. One that is not frozen, or has no cgroup any more, is left as it is. */
  thaw(id: string): void {
    const control = freezeControl(this.#hierarchies(), this.#cgroup(id));
    if (control) unlessGone(() => this.#files.control(control.file, control.thawed));
  }

  #isFrozen({ stateFile, isFrozen }: FreezeControl): boolean {
    return isFrozen(this.#files.readText(stateFile));
  }

  #control(id: string): FreezeControl {
    const control = freezeControl(this.#hierarchies(), this.#cgroup(id));
    if (control) return control;
    throw new NacreError(
      "unsupported",
      "there is no cgroup freezer here that we may use: nothing can be held",
      {
        advice:
          "Mount the freezer hierarchy, or, for a user who is not root, have a cgroup delegated (docs/ROOTLESS.md); or stop the container instead.",
      },
    );
  }
}
