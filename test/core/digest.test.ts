import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { chainId, chainIds, Sha256, sha256Digest, tryParseDigest } from "@nacre/core/digest.ts";
import { NacreError } from "@nacre/core/error.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { builds } from "./portable.ts";

interface Fact {
  readonly input: string;
  readonly error: string | null;
  readonly algorithm?: string;
  readonly encoded?: string;
}
const { digestParse }: { digestParse: Fact[] } = JSON.parse(
  readFileSync(new URL("facts/references.json", import.meta.url), "utf8"),
);

const hostDigest = (bytes: Uint8Array | string): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

function naiveChain(diffIds: string[]): string[] {
  const chain: string[] = [];
  for (const id of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? id : hostDigest(`${below} ${id}`));
  }
  return chain;
}

describe.each(builds)("digests in $build", ({ core: make }) => {
  const core = make();

  it("reads every known case as go-digest does", () => {
    for (const { input, error, algorithm, encoded } of digestParse) {
      const wanted = error === null ? { algorithm, encoded } : error.slice(0, error.indexOf(":"));
      expect({ input, is: tryParseDigest(core, input) }).toEqual({ input, is: wanted });
    }
  });

  it("says what is wrong with a digest", () => {
    expect(() => chainIds(core, ["sha256:12", "sha256:12"])).toThrow(
      '"sha256:12" is not a digest: its algorithm has another number of hex digits',
    );
  });

  it("hashes what the host hashes, at every length around a block", () => {
    for (let length = 0; length <= 200; length++) {
      const bytes = new Uint8Array(length).fill(length);
      expect(sha256Digest(core, bytes)).toBe(hostDigest(bytes));
    }
  });

  it("hashes what the host hashes, in parts of any size", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), (parts) => {
        const hasher = new Sha256(core);
        for (const part of parts) hasher.update(part);
        expect(hasher.digest()).toBe(hostDigest(Buffer.concat(parts)));
        expect(hasher.update(new Uint8Array([1])).digest()).toBe(hostDigest(new Uint8Array([1])));
      }),
      { numRuns: 200 },
    );
  });

  it("hashes more than its I/O buffer holds", () => {
    const bytes = new Uint8Array(2_500_000).map((_, i) => i * 31);
    expect(sha256Digest(core, bytes)).toBe(hostDigest(bytes));
  });

  it("chains diff IDs as the image spec says", () => {
    expect(chainIds(core, [])).toEqual([]);
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 12 }), (seeds) => {
        const diffIds = seeds.map((seed) => hostDigest(seed));
        expect(chainIds(core, diffIds)).toEqual(naiveChain(diffIds));
        expect(chainId(core, diffIds)).toBe(naiveChain(diffIds).at(-1));
      }),
      { numRuns: 200 },
    );
    const mixed = [`sha512:${"a".repeat(128)}`, hostDigest("b"), `sha384:${"c".repeat(96)}`];
    expect(chainIds(core, mixed)).toEqual(naiveChain(mixed));
  });

  it("refuses a diff ID that is no digest, and names it", () => {
    const good = hostDigest("");
    expect(() => chainIds(core, [good, "sha256:x", good])).toThrow('"sha256:x" is not a digest');
    expect(() => chainIds(core, [`${good}\n${good}`])).toThrow(NacreError);
    expect(() => chainIds(core, [good, ""])).toThrow(NacreError);
    expect(() => chainId(core, [])).toThrow(NacreError);
  });
});
