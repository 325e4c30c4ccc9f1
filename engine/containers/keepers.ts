// Those who see to it that containers go on: restarts by their policies, checks of their health.
// Both act through the service of containers, which is made with them.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import { whenUsed } from "@nacre/core/when-used.ts";
import type { ContainerRecords } from "./container-records.ts";
import type { ContainerService } from "./containers.ts";
import { HealthChecks, type HealthChecksOptions } from "./health-checks.ts";
import type { ContainerLooks } from "./looks.ts";
import type { Planner } from "./planner.ts";
import { Restarts, type RestartsOptions } from "./restarts.ts";

export type KeeperOptions = RestartsOptions & Pick<HealthChecksOptions, "healthCommand">;

/** Who starts containers again and has them checked. */
export function keepers(
  { kernel, clock }: { readonly kernel: Kernel; readonly clock: Clock },
  { self, bootId, settleCommand, healthCommand }: KeeperOptions,
  parts: { records: ContainerRecords; looks: ContainerLooks; planner: Planner },
  containers: () => ContainerService,
) {
  const { records, looks, planner } = parts;
  const start = (id: string) =>
    containers().start(id, undefined, { detached: true, byPolicy: true });
  const restarts = whenUsed(
    () => new Restarts(kernel, clock, records, start, { self, bootId, settleCommand }),
  );
  const health = whenUsed(
    () =>
      new HealthChecks(kernel, clock, records, looks, planner, {
        healthCommand,
        restart: (id) => containers().restart(id),
        stop: (id) => containers().stop(id),
      }),
  );
  return { restarts, health };
}
