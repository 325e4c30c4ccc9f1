// Holding containers where they are, and letting them go.

import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { ContainerRecords } from "./container-records.ts";
import type { Freezer } from "./freezer.ts";
import type { HealthChecks } from "./health-checks.ts";
import { mustAllow } from "./state.ts";

export class Pausing {
  readonly #records: ContainerRecords;
  readonly #freezer: Freezer;
  readonly #health: HealthChecks;

  constructor(records: ContainerRecords, freezer: Freezer, health: HealthChecks) {
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
      await this.#health.begin(this.#records.resumed(id));
      throw error;
    }
  }

  async unpause(record: ContainerRecord): Promise<void> {
    mustAllow("unpause", record);
    this.#freezer.thaw(record.id);
    await this.#health.begin(this.#records.resumed(record.id));
  }
}
