// Lines of several logs as one, in the order of their times.

import type { LogLine } from "@nacre/core/ports/log-driver.ts";

interface Log<S> {
  readonly source: S;
  readonly lines: AsyncIterable<LogLine>;
}

interface Next<S> {
  readonly source: S;
  readonly rest: AsyncIterator<LogLine>;
  line: LogLine;
}

/**
 * The oldest line of all comes first; of the same time, that of the log which stands first. One line
 * of each log is held. All logs are closed when the caller has enough, or one of them fails.
 */
export async function* inOrderOfTime<S>(
  logs: readonly Log<S>[],
): AsyncGenerator<{ readonly source: S; readonly line: LogLine }> {
  const all = logs.map(({ source, lines }) => ({ source, rest: lines[Symbol.asyncIterator]() }));
  try {
    const first = await Promise.all(all.map(({ rest }) => rest.next()));
    let waiting = all.flatMap(({ source, rest }, index): Next<S>[] => {
      const { done, value } = first[index]!;
      return done ? [] : [{ source, rest, line: value }];
    });
    while (waiting.length > 0) {
      const oldest = waiting.reduce((one, other) => (isBefore(other.line, one.line) ? other : one));
      yield { source: oldest.source, line: oldest.line };
      const { done, value } = await oldest.rest.next();
      if (done) waiting = waiting.filter((one) => one !== oldest);
      else oldest.line = value;
    }
  } finally {
    await Promise.all(all.map(({ rest }) => rest.return?.()));
  }
}

/** The text has what milliseconds leave out. */
function isBefore(one: LogLine, other: LogLine): boolean {
  return one.timeMs === other.timeMs ? one.time < other.time : one.timeMs < other.timeMs;
}
