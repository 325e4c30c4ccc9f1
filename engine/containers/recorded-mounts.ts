import type { Transaction } from "@nacre/core/ports/state-store.ts";
import type { ContainerMount } from "@nacre/core/program/request.ts";
import type { ContainerRecord, EventRecord } from "@nacre/core/state/records.ts";

/** What a container has mounted, and how the volumes among it are recorded with it. */
export interface RecordedMounts {
  readonly mounts: readonly ContainerMount[];
  /** Runs in the transaction that records the container, and adds what is to be told afterwards; gives what else is its own. */
  readonly claim: (
    t: Transaction,
    events: EventRecord[],
  ) => Pick<ContainerRecord, "users" | "secrets">;
}
