import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { LogDriver } from "@nacre/core/ports/log-driver.ts";
import { JOURNAL_LOG, NO_LOG } from "@nacre/core/program/log-options.ts";
import { whenUsed } from "@nacre/core/when-used.ts";
import { JournaldLog } from "./journald.ts";
import { JsonFileLog } from "./json-file.ts";
import { NoLog } from "./none.ts";

/** `local` is docker's name for a log that rotates and that only its engine reads: ours all do. */
export function logDrivers({
  log,
  files,
  kernel,
  clock,
}: {
  readonly log: LogDriver;
  readonly files: Files;
  readonly kernel: Kernel;
  readonly clock: Clock;
}): LogDriver[] {
  return [
    log,
    whenUsed(() => new JsonFileLog(files, "local"), { name: "local" }),
    whenUsed(() => new NoLog(), { name: NO_LOG }),
    whenUsed(() => new JournaldLog(kernel, files, clock), { name: JOURNAL_LOG }),
  ];
}
