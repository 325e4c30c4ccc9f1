// What belongs to one container on the disk: its storage layer, its log, its exit record.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { StatePaths } from "../images/paths.ts";
import { treeBytes } from "./tree-size.ts";

export class ContainerStorage {
  readonly #files: Files;
  readonly #paths: StatePaths;

  constructor(files: Files, paths: StatePaths) {
    this.#files = files;
    this.#paths = paths;
  }

  has(id: string): boolean {
    return this.#files.status(this.#paths.container(id).upper) !== undefined;
  }

  /** What was written in it. */
  bytes(id: string): number {
    return treeBytes(this.#files, this.#paths.container(id).upper);
  }

  make(id: string): void {
    const { directory, upper, work } = this.#paths.container(id);
    for (const path of [directory, work]) this.#files.makeDirectory(path);
    // The root has the mode of its upper directory: a process that is not root must get in.
    this.#files.makeDirectory(upper, 0o755);
  }

  /** Before a start: makes what a killed creation had not made yet, and forgets the last end. */
  async prepare({ id, startedMs, request }: ContainerRecord): Promise<void> {
    if (startedMs === undefined && !this.has(id)) this.make(id);
    const { exit } = this.#paths.container(id);
    if (this.#files.status(exit)) this.#files.remove(exit);
    if (request.autoRemove && startedMs !== undefined) await this.mayMountAnew(id);
  }

  /**
   * An overlay that was mounted `volatile` is refused a second time, by a mark, lest the machine
   * went down meanwhile. For who knows that it did not.
   */
  async mayMountAnew(id: string): Promise<void> {
    const mark = `${this.#paths.container(id).work}/work/incompat`;
    if (this.#files.status(mark)) await this.#files.removeTree(mark);
  }

  /** What is absent is fine. */
  delete(id: string): Promise<void> {
    return this.#files.removeTree(this.#paths.container(id).directory);
  }

  /**
   * The same for a container that would be kept if this were forgotten: a machine that goes down
   * may forget the last transactions, and must then find its files whole, or none.
   */
  async deleteWhole(id: string): Promise<void> {
    const { directory, removed } = this.#paths.container(id);
    try {
      this.#files.rename(directory, removed);
    } catch (error) {
      const kind = error instanceof NacreError ? error.kind : undefined;
      // Nothing is there, or something is left of an attempt that was broken off.
      if (kind !== "not-found" && kind !== "in-use") throw error;
    }
    await this.#files.removeTree(removed);
    await this.delete(id);
  }
}
