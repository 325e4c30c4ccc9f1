// Pins: namespaces that are kept alive by a name, also when their last process has gone. The record
// comes first, so that whoever comes after a killed process knows what it may have left.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import { pinnedFile, pinProgram, unpinProgram } from "@nacre/core/program/pin.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { PinRecord } from "@nacre/core/state/records.ts";
import { checkContainerName } from "../containers/names.ts";
import type { StatePaths } from "../images/paths.ts";
import type { JoinedProcess } from "./target.ts";

export class Pins {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #paths: StatePaths;
  readonly #bootId: string;

  constructor(
    kernel: Kernel,
    files: Files,
    state: StateStore,
    clock: Clock,
    paths: StatePaths,
    bootId: string,
  ) {
    this.#kernel = kernel;
    this.#files = files;
    this.#state = state;
    this.#clock = clock;
    this.#paths = paths;
    this.#bootId = bootId;
  }

  list(): PinRecord[] {
    return this.#state.read((t) => t.list("pin"));
  }

  find(name: string): PinRecord | undefined {
    return this.#state.read((t) => t.get("pin", name));
  }

  program(name: string, process: JoinedProcess): KernelProgram {
    const kinds = process.namespaces.map(({ kind }) => kind);
    return pinProgram(checkContainerName(name), this.#paths.pin(name), process.pid, kinds);
  }

  async pin(name: string, process: JoinedProcess): Promise<PinRecord> {
    const program = this.program(name, process);
    const { pid, command, container, namespaces } = process;
    const record: PinRecord = {
      name,
      namespaces: namespaces.map(({ kind, id }) => ({ kind, id })),
      of: { pid, command, ...(container && { container }) },
      bootId: this.#bootId,
      createdMs: this.#clock.nowMs(),
    };
    this.#state.write((t) => {
      if (t.get("pin", name)) throw taken(name);
      t.put("pin", name, record);
    });
    try {
      await this.#kernel.perform(program);
    } catch (error) {
      this.#state.write((t) => t.delete("pin", name));
      throw explained(error, process);
    }
    if (!this.#holds(record)) {
      await this.unpin(name);
      throw new NacreError("conflict", `process ${pid} has ended meanwhile: nothing was pinned`);
    }
    return record;
  }

  /** Lets go of everything that a pin holds, and forgets it. NacreError `not-found`. */
  async unpin(name: string): Promise<void> {
    const record = this.find(name);
    if (!record) {
      throw new NacreError("not-found", `no such pin: ${name}`, {
        advice: "nacre ns ls shows what is pinned.",
      });
    }
    const kinds = record.namespaces.map(({ kind }) => kind);
    await this.#kernel.perform(unpinProgram(name, this.#paths.pin(name), kinds));
    this.#state.write((t) => t.delete("pin", name));
  }

  /** The paths by which a pin's namespaces are joined. NacreError `conflict` if they are gone. */
  pathsOf(record: PinRecord): { readonly kind: NamespaceKind; readonly path: string }[] {
    if (!this.#holds(record)) {
      throw new NacreError("conflict", `${record.name} holds nothing any more`, {
        advice: `The machine was started anew since it was pinned: nacre ns unpin ${record.name}`,
      });
    }
    const place = this.#paths.pin(record.name);
    return record.namespaces.map(({ kind }) => ({ kind, path: pinnedFile(place, kind) }));
  }

  /** Removes those that hold nothing any more, and those that `unused` says are not needed. */
  async prune(unused: (record: PinRecord) => boolean): Promise<string[]> {
    const removed: string[] = [];
    for (const record of this.list()) {
      if (this.#holds(record) && !unused(record)) continue;
      await this.unpin(record.name);
      removed.push(record.name);
    }
    return removed;
  }

  /** Whether the very namespaces of the record are bound where it says. */
  #holds({ name, namespaces, bootId }: PinRecord): boolean {
    if (bootId !== this.#bootId) return false;
    const place = this.#paths.pin(name);
    return namespaces.every(
      ({ kind, id }) => Number(this.#files.status(pinnedFile(place, kind))?.inode) === id,
    );
  }
}

function taken(name: string): NacreError {
  return new NacreError("exists", `the pin ${name} is there already`, {
    advice: `Choose another name, or let go of it: nacre ns unpin ${name}`,
  });
}

/**
 * A mount namespace can be held only from one that is older (mnt_ns_loop, fs/namespace.c). Linux
 * 6.18 and later tell the age by ids drawn in batches by CPU (ns_tree_gen_id, kernel/nstree.c), so
 * that one made shortly after may count as older.
 */
function explained(error: unknown, { namespaces }: JoinedProcess): unknown {
  const mounts = namespaces.some(({ kind }) => kind === "mnt");
  const { errno } = error instanceof NacreError ? error : { errno: undefined };
  // mount(2) says EINVAL, move_mount(2) ELOOP.
  if (!mounts || (errno !== "EINVAL" && errno !== "ELOOP")) return error;
  return new NacreError("conflict", "this mount namespace cannot be pinned from here", {
    errno,
    advice:
      "It is this one, or older: a mount in it would hold it for ever. Pin the others, with --kind.",
    cause: error,
  });
}
