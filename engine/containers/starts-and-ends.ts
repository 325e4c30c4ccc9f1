// Those who start containers, and who end them, put together.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import { whenUsed } from "@nacre/core/when-used.ts";
import type { CopyClaims } from "../copies/copy-claims.ts";
import type { EventBus } from "../event-bus.ts";
import type { ImageService } from "../images/images.ts";
import type { ContainerRecords } from "./container-records.ts";
import { Endings } from "./endings.ts";
import { Foreground, type ForegroundOptions } from "./foreground.ts";
import type { Freezer } from "./freezer.ts";
import type { HealthChecks } from "./health-checks.ts";
import type { Planner } from "./planner.ts";
import type { Reconciler } from "./reconcile.ts";
import type { Restarts } from "./restarts.ts";
import { Starting, type StartingOptions } from "./starting.ts";
import type { ContainerStorage } from "./storage.ts";

type StartsAndEndsOptions = Pick<ForegroundOptions, "self" | "bootId"> &
  Pick<StartingOptions, "terminalSize">;

interface StartsAndEndsPorts {
  readonly kernel: Kernel;
  readonly files: Files;
  readonly clock: Clock;
  readonly bus: EventBus;
}

/** Those with much to load are made when they are first used: see whenUsed. */
export function startsAndEnds(
  { kernel, files, clock, bus }: StartsAndEndsPorts,
  images: ImageService,
  { self, bootId, terminalSize }: StartsAndEndsOptions,
  parts: {
    readonly records: ContainerRecords;
    readonly planner: Planner;
    readonly reconciler: Reconciler;
    readonly storage: ContainerStorage;
    readonly freezer: Freezer;
    readonly restarts: Restarts;
    readonly health: HealthChecks;
    readonly claims: CopyClaims;
  },
) {
  const { records, planner, reconciler, storage, freezer, restarts, health, claims } = parts;
  const endings = whenUsed(
    () => new Endings(kernel, clock, images, records, reconciler, freezer, restarts),
  );
  const foreground = new Foreground(records, reconciler, storage, {
    ...{ self, bootId },
    follow: (id) => restarts.follow(id, true),
    tell: (notice) => bus.emit(notice),
  });
  const starting = whenUsed(
    () =>
      new Starting(
        ...([kernel, records, planner, reconciler, endings, health, storage, foreground] as const),
        { files, terminalSize, unwatched: (id) => claims.settled(id) },
      ),
  );
  return { endings, foreground, starting };
}
