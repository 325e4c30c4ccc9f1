import { NacreError } from "@nacre/core/error.ts";
import {
  checkIdMap,
  containerId,
  hostId,
  mapLines,
  parseIdMapping,
  readMapLines,
} from "@nacre/core/user-namespace/id-map.ts";
import { describe, expect, it } from "vitest";

const map = (...lines: readonly string[]) => lines.map((line) => parseIdMapping(line, "--uidmap"));

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof NacreError) return `${error.kind}: ${error.message}`;
    throw error;
  }
  return "taken";
}

describe("the map of a user namespace", () => {
  it("is read as podman writes it, with one ID where no size is given", () => {
    expect(map("0:100000:65536", "70000:@5")).toEqual([
      { containerID: 0, hostID: 100000, size: 65536 },
      { containerID: 70000, hostID: 5, size: 1 },
    ]);
  });

  it.each([
    ["", "invalid: --uidmap: '' is no map"],
    ["0", "invalid: --uidmap: '0' is no map"],
    ["0:1:-1", "invalid: --uidmap: '0:1:-1' is no map"],
    ["0:1:0", "invalid: --uidmap: 0:1:0 maps no ID: its size is 0"],
    ["0:1:4294967295", "invalid: --uidmap: 0:1:4294967295 goes past the last ID"],
  ])("refuses %s by the option's name", (text, message) => {
    expect(refusal(() => parseIdMapping(text, "--uidmap"))).toBe(message);
  });

  it.each([
    [[], "invalid: --gidmap: the map is empty"],
    [["0:0:10", "5:100:10"], "invalid: --gidmap: 0:0:10 and 5:100:10 overlap in the container"],
    [["20:5:10", "0:0:10"], "invalid: --gidmap: 0:0:10 and 20:5:10 overlap on the host"],
    [["1:100000:10"], "invalid: --gidmap: ID 0 of the container is not mapped"],
    [
      Array.from({ length: 341 }, (_, i) => `${i}:${1000 + i}:1`),
      "invalid: --gidmap: 341 lines, and the kernel takes 340 at most",
    ],
    [Array.from({ length: 340 }, (_, i) => `${i}:${1000 + i}:1`), "taken"],
    [["0:10:10", "10:0:10"], "taken"],
  ])("holds %j against what the kernel takes", (lines, message) => {
    expect(refusal(() => checkIdMap(map(...lines), "--gidmap"))).toBe(message);
  });

  it("says whose an ID is on either side", () => {
    const both = map("0:100000:1000", "5000:7:2");
    expect([0, 999, 1000, 5001].map((id) => hostId(both, id))).toEqual([
      100000,
      100999,
      undefined,
      8,
    ]);
    expect([100999, 8, 0].map((id) => containerId(both, id))).toEqual([999, 5001, undefined]);
  });

  it("is written and read as /proc has it", () => {
    const both = map("0:100000:1000", "5000:7:2");
    expect(mapLines(both)).toBe("0 100000 1000\n5000 7 2\n");
    expect(
      readMapLines("         0     100000       1000\n      5000          7          2\n"),
    ).toEqual(both);
  });
});
