import { describe, expect, it } from "vitest";
import { logRequestOf, parseLogOption } from "../../../cli/parse/log.ts";

const request = (logDriver: string | undefined, ...words: string[]) =>
  logRequestOf({ logDriver, logOpt: words.map(parseLogOption) });

describe("--log-opt", () => {
  it("gives a log its limits, in docker's powers of ten", () => {
    expect(request(undefined)).toBeUndefined();
    expect(request(undefined, "max-size=10m", "max-file=3")).toEqual({
      ...{ maxBytes: 10_000_000, maxFiles: 3 },
    });
    expect(request("local", "max-size=-1")).toEqual({ maxBytes: -1 });
  });

  it.each<[string | undefined, string, string]>([
    ["local", "labels=a", "unknown log opt 'labels' for local log driver: there are max-size and"],
    ["none", "a=b", "invalid logging opts for driver none"],
    [undefined, "a=b", "unknown log opt 'a' for json-file log driver: there are"],
    [undefined, "max-size=much", "invalid log opt max-size=much: invalid size"],
    ["local", "max-file=x", "invalid log opt max-file=x: "],
  ])("is refused: %s %s", (driver, word, message) => {
    expect(() => request(driver, word)).toThrow(message);
  });
});
