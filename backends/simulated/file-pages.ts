// The pages of a tmpfs: charged to the cgroup of whoever writes them, until the file shrinks or
// goes. Which page is whose is not kept: the latest charge is given back first.

import type { MemoryController } from "./memory-controller.ts";
import type { MemoryGroup } from "./memory-group.ts";
import type { Process } from "./process.ts";

export class FilePages {
  readonly #memory: MemoryController;
  /** Who makes the system call; nobody while the machine starts. */
  readonly #caller: () => Process | undefined;
  readonly #charges: { readonly group: MemoryGroup; bytes: number }[] = [];

  constructor(memory: MemoryController, caller: () => Process | undefined) {
    this.#memory = memory;
    this.#caller = caller;
  }

  /** More bytes, or fewer. ENOMEM where a limit is reached and nobody can be killed for it. */
  change(bytes: number): void {
    if (bytes < 0) this.#giveBack(-bytes);
    const process = this.#caller();
    if (bytes <= 0 || !process) return;
    const group = this.#memory.chargeFile(process, "shmem", bytes);
    const last = this.#charges.at(-1);
    if (last?.group === group) last.bytes += bytes;
    else this.#charges.push({ group, bytes });
  }

  #giveBack(bytes: number): void {
    let left = bytes;
    for (let last = this.#charges.at(-1); last && left > 0; last = this.#charges.at(-1)) {
      const amount = Math.min(left, last.bytes);
      last.group.live.book("shmem", -amount);
      last.bytes -= amount;
      left -= amount;
      if (last.bytes === 0) this.#charges.pop();
    }
    this.#memory.roomMade();
  }

  /** The file system is gone. */
  clear(): void {
    this.#giveBack(Number.POSITIVE_INFINITY);
  }
}
