// Events of no single change: a prune, which is over when all that it took is gone, and a save.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { StateStore } from "@nacre/core/ports/state-store.ts";
import type { EventRecord } from "@nacre/core/state/records.ts";
import type { EventBus } from "./event-bus.ts";

/** Where events are kept and told. */
export interface EventPorts {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly bus: EventBus;
}

export function tell(
  { state, clock, bus }: EventPorts,
  event: Omit<EventRecord, "sequence" | "timeMs">,
): void {
  const timeMs = clock.nowMs();
  const told = state.write((t) => t.append({ timeMs, ...event }));
  bus.emit({ type: "record", event: told });
}

/** As docker has it: of no thing, also where nothing went. */
export function tellOfPrune(
  ports: EventPorts,
  type: EventRecord["type"],
  reclaimedBytes: number,
): void {
  const attributes = { reclaimed: String(reclaimedBytes) };
  tell(ports, { type, action: "prune", subject: "", attributes });
}
