import { describe, expect, it } from "vitest";
import { parseSignal } from "../../../cli/parse/signal.ts";

describe("signals", () => {
  it.each([
    ["9", 9],
    ["KILL", 9],
    ["sigterm", 15],
    ["SIGUSR1", 10],
    ["RTMIN", 34],
    ["SIGRTMIN+2", 36],
    ["RTMAX-1", 63],
    ["64", 64],
  ])("reads %s", (text, number) => expect(parseSignal(text)).toBe(number));

  it.each(["", "0", "65", "-9", "NOPE", "SIG", "toString", "SIGRTMIN+99"])("refuses '%s'", (text) =>
    expect(() => parseSignal(text)).toThrow(`invalid signal: ${text}`),
  );
});
