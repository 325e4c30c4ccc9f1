// Benchmarks in their small sizes, so that they cannot rot. Their speed is not judged here.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BENCHMARKS } from "../../benchmarks/main.ts";
import { table } from "../../benchmarks/table.ts";

describe("benchmarks", () => {
  it("stand in the list, each with what it is measured against", () => {
    const readme = readFileSync(new URL("../../benchmarks/README.md", import.meta.url), "utf8");
    const listed = [...readme.matchAll(/^\| `([\w-]+)` +\|/gm)].map(([, name]) => name);
    expect(listed.toSorted()).toEqual(BENCHMARKS.map(({ name }) => name).toSorted());
  });

  it.each(BENCHMARKS.map((benchmark) => [benchmark.name, benchmark] as const))(
    "%s measures both sides, or says why the peer is missing",
    async (_, benchmark) => {
      const rows = await benchmark.run({ small: true, log: () => {} });
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows) {
        expect(row.ours).toBeGreaterThan(0);
        if (row.ratio === undefined) expect(row.reason).toMatch(/^peer missing: /);
        else expect(row.ratio).toBeGreaterThan(0);
      }
    },
    120_000,
  );
});

describe("the table of figures", () => {
  it("says what was reached, missed and not measured", () => {
    const row = { work: "w", peer: "p (1.0)", unit: "ms" as const, atMost: 0.5, runs: 3 };
    const limits = [{ what: "the disk alone", ms: 4 }];
    const text = table([
      { ...row, ours: 10, theirs: 40, ratio: 0.25, hash: "abc", limits },
      { ...row, ours: 30, theirs: 40, ratio: 0.75 },
      { ...row, ours: undefined, theirs: undefined, ratio: undefined, reason: "peer missing: no" },
    ]);
    expect(text).toMatch(/10\.0 ms +40\.0 ms +0\.25× +0\.5× +reached +p \(1\.0\)/);
    expect(text).toMatch(/ours is 2\.5× the disk alone \(4\.00 ms\)/);
    expect(text).toMatch(/0\.75× +0\.5× +MISSED/);
    expect(text).toMatch(/result abc/);
    expect(text).toMatch(/peer missing: no/);
  });
});
