// Which lines of a log somebody wants: from the end, since or until a time, and those to come.

import type { LogDriver, LogLine } from "@nacre/core/ports/log-driver.ts";
import type { LogOptions } from "../engine.ts";

/** Whether a line is of the time that was asked for. */
function isWithin({ timeMs }: LogLine, { sinceMs, untilMs }: LogOptions): boolean {
  return (
    (sinceMs === undefined || timeMs >= sinceMs) && (untilMs === undefined || timeMs <= untilMs)
  );
}

/** `ended`: whether nothing more will be written. */
export async function* logLines(
  driver: LogDriver,
  path: string,
  options: LogOptions,
  ended: () => boolean,
): AsyncGenerator<LogLine> {
  const signal = options.signal ?? new AbortController().signal;
  const read = (follow: boolean) => driver.read(path, { follow, signal, ended });
  let skip = 0;
  if (options.tail !== undefined) {
    skip = -options.tail;
    for await (const line of read(false)) if (isWithin(line, options)) skip++;
  }
  for await (const line of read(options.follow ?? false)) {
    if (isWithin(line, options) && skip-- <= 0) yield line;
    // Lines stand in the order in which they were written.
    else if (options.untilMs !== undefined && line.timeMs > options.untilMs) return;
  }
}
