import { formatCpusetList, parseCpusetList } from "@nacre/core/cpuset-list.ts";
import { NacreError } from "@nacre/core/error.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

describe("lists of CPUs", () => {
  it("are read as the kernel reads them", () => {
    expect(parseCpusetList("0-3,7\n")).toEqual([0, 1, 2, 3, 7]);
    expect(parseCpusetList("7,,1 1-2")).toEqual([1, 2, 7]);
    expect(parseCpusetList("")).toEqual([]);
    for (const text of ["3-1", "a", "1-", "-1", "1024", "0-1024", "1--2", "0x1"]) {
      expect(() => parseCpusetList(text), text).toThrow(NacreError);
    }
  });

  it("are written as the kernel writes them, and read back the same", () => {
    expect(formatCpusetList([7, 3, 1, 2, 2])).toBe("1-3,7");
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 1023 })), (numbers) => {
        const sorted = numbers.toSorted((a, b) => a - b);
        expect(parseCpusetList(formatCpusetList(numbers))).toEqual(sorted);
      }),
    );
  });
});
