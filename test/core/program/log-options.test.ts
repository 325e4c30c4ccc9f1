import { LOG_LIMITS, logLimits } from "@nacre/core/program/log-options.ts";
import { describe, expect, it } from "vitest";

describe("limits of a log", () => {
  it("are there where none were asked for", () => {
    expect(logLimits("json-file")).toEqual(LOG_LIMITS);
    expect(logLimits("local", { maxFiles: 2 })).toEqual({ bytes: LOG_LIMITS.bytes, files: 2 });
    expect(logLimits("local", { maxBytes: 1000 })).toEqual({ bytes: 1000, files: 5 });
  });

  it("can be taken away", () => {
    expect(logLimits("json-file", { maxBytes: -1 })).toBeUndefined();
  });

  it.each([
    ["json-file", { maxBytes: 0 }, "invalid max-size 0"],
    ["json-file", { maxBytes: -2 }, "invalid max-size -2"],
    ["json-file", { maxFiles: 0 }, "max-file cannot be less than 1"],
    ["json-file", { maxBytes: -1, maxFiles: 2 }, "max-size is needed"],
    ["none", { maxFiles: 2 }, "invalid logging opts for driver none"],
  ])("are refused: %s %j", (driver, request, message) => {
    expect(() => logLimits(driver, request)).toThrow(message);
  });
});
