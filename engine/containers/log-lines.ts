// Which lines of a log somebody wants: from the end, since or until a time, and those to come.

import type { LogDriver, LogLine } from "@nacre/core/ports/log-driver.ts";
import type { LogOptions } from "../engine.ts";

/** Whether a line is of the time that was asked for. */
function isWithin({ timeMs }: LogLine, { sinceMs, untilMs }: LogOptions): boolean {
  return (
    (sinceMs === undefined || timeMs >= sinceMs) && (untilMs === undefined || timeMs <= untilMs)
  );
}

/** The last `count` of what is added, without holding much more. */
class LastLines {
  readonly #count: number;
  #lines: LogLine[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  add(line: LogLine): void {
    this.#lines.push(line);
    if (this.#lines.length >= 2 * this.#count + 64) this.#lines = this.take();
  }

  take(): LogLine[] {
    const last = this.#count === 0 ? [] : this.#lines.slice(-this.#count);
    this.#lines = [];
    return last;
  }
}

/** `ended`: whether nothing more will be written. */
export async function* logLines(
  driver: LogDriver,
  { containerId, path }: { readonly containerId: string; readonly path: string },
  options: LogOptions,
  ended: () => boolean,
): AsyncGenerator<LogLine> {
  const { follow = false, tail, untilMs } = options;
  const signal = options.signal ?? new AbortController().signal;
  let last = tail === undefined ? undefined : new LastLines(tail);
  for await (const line of driver.read(path, { containerId, follow, signal, ended })) {
    if (line === undefined) {
      yield* last?.take() ?? [];
      last = undefined;
    } else if (isWithin(line, options)) {
      if (last) last.add(line);
      else yield line;
    }
    // Lines stand in the order in which they were written.
    else if (untilMs !== undefined && line.timeMs > untilMs) break;
  }
  yield* last?.take() ?? [];
}
