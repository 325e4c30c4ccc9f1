import { readFileSync } from "node:fs";
import {
  blkioWeightToIoWeight,
  cpuMax,
  ioMaxLine,
  limitText,
  memorySwapToSwapMax,
  nanoCpusToQuota,
  sharesToWeight,
} from "@nacre/core/cgroup-conversion.ts";
import { NacreError } from "@nacre/core/error.ts";
import { describe, expect, it } from "vitest";

interface Fact {
  readonly kind: string;
  readonly input: number & Record<string, number> & { device: string };
  readonly expect: unknown;
}
const { cases }: { cases: Fact[] } = JSON.parse(
  readFileSync(new URL("facts/cgroups.json", import.meta.url), "utf8"),
);

/** What we make of a fact's input, by its kind. `null` stands for "do not write". */
const conversions: Record<string, (input: Fact["input"]) => unknown> = {
  "cpu.shares->cpu.weight": sharesToWeight,
  "blkio.weight->io.weight": blkioWeightToIoWeight,
  "memory.swap(v1 memory+swap)->memory.swap.max": ({ memorySwap, memory }) =>
    memorySwapToSwapMax(memorySwap!, memory!),
  "cpu.cfs_quota/period->cpu.max": ({ quota, period }) => cpuMax(quota!, period!),
  "pids.limit->pids.max": limitText,
  "memory.limit->memory.max": (limit) => limitText(limit) ?? null,
  "memory.reservation->memory.low": (limit) => limitText(limit) ?? null,
  "blkio.throttle->io.max": ({ device, rate }) => ioMaxLine(device, { writeIops: rate! }),
  "NanoCpus->quota/period(docker)": (input) => {
    const { quotaUs, periodUs } = nanoCpusToQuota(input);
    return { quota: quotaUs, period: periodUs };
  },
};

/**
 * Facts about mechanisms, not about values; a burst, which is the same number in both; and the
 * straight line that runtimes drew before runc 1.3.2 and crun 1.23.
 */
const unconverted = [
  "no-v2-equivalent",
  "devices",
  "freezer",
  "kill-all",
  "cpu.burst->cpu.max.burst",
  "cpu.shares->cpu.weight(legacy linear)",
];

describe("limits of version 1 as limits of version 2", () => {
  it("agree with every known case", () => {
    for (const { kind, input, expect: wanted } of cases) {
      const convert = conversions[kind];
      if (convert === undefined) {
        expect(unconverted).toContain(kind);
      } else if (typeof wanted === "string" && wanted.startsWith("error")) {
        expect(() => convert(input), `${kind} ${JSON.stringify(input)}`).toThrow(NacreError);
      } else {
        expect({ kind, input, is: convert(input) }).toEqual({ kind, input, is: wanted });
      }
    }
  });

  it("give more weight for more shares, from 1 to 10000", () => {
    let last = 0;
    for (let shares = 2; shares <= 262144; shares++) {
      const weight = sharesToWeight(shares);
      if (weight < last) expect.fail(`${shares} shares weigh ${weight}, one less ${last}`);
      last = weight;
    }
    expect(sharesToWeight(2)).toBe(1);
    expect(last).toBe(10000);
  });

  it("leave alone what is not set", () => {
    expect(cpuMax(0, 0)).toBeUndefined();
    expect(cpuMax(0, 50000)).toBe("max 50000");
    expect(memorySwapToSwapMax(0, 1000)).toBe(0);
    expect(limitText(-1)).toBe("max");
    expect(ioMaxLine("8:16", { readBps: 1, writeBps: 2, readIops: 3 })).toBe(
      "8:16 rbps=1 wbps=2 riops=3",
    );
  });
});
