import { NacreError } from "@nacre/core/error.ts";
import type { ContainerRecords } from "./container-records.ts";
import type { Freezer } from "./freezer.ts";

/** Lets go of a container that is held and may be at its end: then whoever looks next records that. */
export function letGo(freezer: Freezer, records: ContainerRecords, id: string): void {
  freezer.thaw(id);
  try {
    records.resumed(id);
  } catch (error) {
    // Somebody may have found it out already.
    if (!(error instanceof NacreError && ["conflict", "not-found"].includes(error.kind))) {
      throw error;
    }
  }
}
