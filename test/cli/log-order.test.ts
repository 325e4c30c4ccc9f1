import type { LogLine } from "@nacre/core/ports/log-driver.ts";
import { expect, it } from "vitest";
import { inOrderOfTime } from "../../cli/log-order.ts";

const line = (timeMs: number, fraction: string, text: string): LogLine => ({
  ...{ stream: "stdout", timeMs, time: `1970-01-01T00:00:00.${fraction}Z`, text },
});

function log(name: string, lines: readonly LogLine[], closed: string[]) {
  async function* read() {
    try {
      yield* lines;
    } finally {
      closed.push(name);
    }
  }
  return { source: name, lines: read() };
}

it("has the lines of several logs by their times, to the nanosecond, and in each as they stand", async () => {
  const closed: string[] = [];
  const logs = [
    log("a", [line(1, "001000002", "2"), line(9, "009", "5"), line(5, "005", "late")], closed),
    log("b", [line(1, "001000001", "1"), line(1, "001000002", "3")], closed),
    log("none", [], closed),
    log("c", [line(4, "004", "4")], closed),
  ];
  const seen: string[] = [];
  for await (const { source, line } of inOrderOfTime(logs)) seen.push(`${source}${line.text}`);
  expect(seen).toEqual(["b1", "a2", "b3", "c4", "a5", "alate"]);
  expect(closed.sort()).toEqual(["a", "b", "c", "none"]);
});

it("closes every log when the reader has enough", async () => {
  const closed: string[] = [];
  const logs = ["a", "b"].map((name) =>
    log(name, [line(1, "001", "x"), line(2, "002", "y")], closed),
  );
  for await (const _ of inOrderOfTime(logs)) break;
  expect(closed.sort()).toEqual(["a", "b"]);
});
