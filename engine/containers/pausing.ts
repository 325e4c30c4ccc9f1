// Holding containers where they are, and letting them go.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import { SIGNALS } from "@nacre/core/program/signals.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { isGone, readUnlessGone } from "../vanishing.ts";
import type { ContainerRecords } from "./container-records.ts";
import type { Freezer } from "./freezer.ts";
import type { HealthChecks } from "./health-checks.ts";
import { letGo } from "./let-go.ts";
import { mustAllow } from "./state.ts";

/** In the masks of proc(5), whose lowest bit is signal 1. */
const KILL_BIT = 1n << BigInt(SIGNALS.KILL - 1);

export class Pausing {
  readonly #files: Files;
  readonly #records: ContainerRecords;
  readonly #freezer: Freezer;
  readonly #health: HealthChecks;

  constructor(files: Files, records: ContainerRecords, freezer: Freezer, health: HealthChecks) {
    this.#files = files;
    this.#records = records;
    this.#freezer = freezer;
    this.#health = health;
  }

  async pause(record: ContainerRecord): Promise<void> {
    this.#freezer.mustBeAble();
    // Recorded first: one that is recorded and not held is let go by `unpause` all the same.
    const { id } = this.#records.paused(record.id);
    try {
      await this.#freezer.freeze(id);
    } catch (error) {
      if (isGone(error)) throw this.#ended(record);
      await this.#health.begin(this.#records.resumed(id));
      throw error;
    }
    if (this.#isDying(record)) throw this.#ended(record);
  }

  /** A SIGKILL that came just before would wait for as long as it is held. */
  #isDying({ process }: ContainerRecord): boolean {
    const status = readUnlessGone(this.#files, `/proc/${process?.pid}/status`) ?? "";
    const pending = [...status.matchAll(/^(?:Sig|Shd)Pnd:\s*([0-9a-f]+)$/gm)];
    return pending.some(([, mask]) => (BigInt(`0x${mask}`) & KILL_BIT) !== 0n);
  }

  /** It came to its end while it was to be held: whoever looks next records that. */
  #ended({ id, name }: ContainerRecord): NacreError {
    letGo(this.#freezer, this.#records, id);
    return new NacreError("conflict", `cannot pause container ${name}: it has just ended`);
  }

  async unpause(record: ContainerRecord): Promise<void> {
    mustAllow("unpause", record);
    this.#freezer.thaw(record.id);
    await this.#health.begin(this.#records.resumed(record.id));
  }
}
