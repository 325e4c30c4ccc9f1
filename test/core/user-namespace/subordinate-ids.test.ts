import {
  freeRange,
  liesWithin,
  mapOfRanges,
  requireRanges,
  subordinateRanges,
} from "@nacre/core/user-namespace/subordinate-ids.ts";
import { describe, expect, it } from "vitest";

const FILE = `# ranges
anna:100000:65536
berta:165536:10

1000:300000:5
anna:400000:20
broken:line
anna:500000:0
`;

describe("subordinate IDs", () => {
  it("are those of a user by name and by number, in the order of the file", () => {
    expect(subordinateRanges(FILE, { name: "anna", id: 1000 })).toEqual([
      { first: 100000, count: 65536 },
      { first: 300000, count: 5 },
      { first: 400000, count: 20 },
    ]);
    expect(subordinateRanges(FILE, { name: "broken" })).toEqual([]);
  });

  it("are missed with the file and the line that would help", () => {
    expect(() => requireRanges(FILE, "/etc/subgid", { name: "carl" }, "--subgidname")).toThrow(
      '--subgidname: no ranges found for user "carl" in /etc/subgid',
    );
  });

  it("are counted from 0 on in the container", () => {
    expect(mapOfRanges(subordinateRanges(FILE, { name: "anna" }))).toEqual([
      { containerID: 0, hostID: 100000, size: 65536 },
      { containerID: 65536, hostID: 400000, size: 20 },
    ]);
  });

  it("are given to one container only", () => {
    const ranges = [
      { first: 100, count: 10 },
      { first: 200, count: 50 },
    ];
    const taken = [
      { first: 203, count: 10 },
      { first: 90, count: 12 },
    ];
    expect(freeRange(ranges, taken, 3)).toEqual({ first: 102, count: 3 });
    expect(freeRange(ranges, taken, 9)).toEqual({ first: 213, count: 9 });
    expect(freeRange(ranges, taken, 37)).toEqual({ first: 213, count: 37 });
    expect(freeRange(ranges, taken, 38)).toBeUndefined();
  });

  it("hold a map or do not", () => {
    const ranges = [{ first: 100, count: 10 }];
    expect(liesWithin([{ containerID: 0, hostID: 100, size: 10 }], ranges)).toBe(true);
    expect(liesWithin([{ containerID: 0, hostID: 101, size: 10 }], ranges)).toBe(false);
  });
});
