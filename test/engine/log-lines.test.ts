import type { LogDriver, LogLine } from "@nacre/core/ports/log-driver.ts";
import { logLines } from "@nacre/engine/containers/log-lines.ts";
import type { LogOptions } from "@nacre/engine/engine.ts";
import { describe, expect, it } from "vitest";

const line = (timeMs: number): LogLine => ({
  ...{ stream: "stdout", timeMs, time: new Date(timeMs).toISOString(), text: `${timeMs}\n` },
});

/** A log of lines at 1, 2, … 5 ms; those who follow see 6 and 7 too. */
const driver: LogDriver = {
  name: "five",
  async *read(_, { follow }) {
    for (let at = 1; at <= 5; at++) yield line(at);
    yield undefined;
    for (let at = 6; follow && at <= 7; at++) yield line(at);
  },
};

async function times(options: LogOptions): Promise<number[]> {
  const found: number[] = [];
  for await (const { timeMs } of logLines(
    driver,
    { containerId: "c", path: "" },
    options,
    () => true,
  ))
    found.push(timeMs);
  return found;
}

describe("lines of a log", () => {
  it.each<[string, LogOptions, number[]]>([
    ["are all of them", {}, [1, 2, 3, 4, 5]],
    ["and those to come", { follow: true }, [1, 2, 3, 4, 5, 6, 7]],
    ["are so many from the end", { tail: 2 }, [4, 5]],
    ["are all where there are fewer", { tail: 9 }, [1, 2, 3, 4, 5]],
    ["are none, then those to come", { tail: 0, follow: true }, [6, 7]],
    ["are those since a time", { sinceMs: 4 }, [4, 5]],
    ["are those until a time", { untilMs: 2 }, [1, 2]],
    ["end there for those who follow", { follow: true, untilMs: 6 }, [1, 2, 3, 4, 5, 6]],
    ["are the last ones of a time", { sinceMs: 2, untilMs: 4, tail: 2 }, [3, 4]],
  ])("%s", async (_, options, expected) => {
    expect(await times(options)).toEqual(expected);
  });
});
