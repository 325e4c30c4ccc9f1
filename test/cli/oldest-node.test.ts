// That the oldest Node of package.json's `engines` can read what we publish. The build lowers syntax
// that is younger than that; a Node that has it cannot tell whether it did.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { transformSync } from "rolldown/experimental";
import { describe, expect, it } from "vitest";

const DIST = fileURLToPath(new URL("../../cli/dist/", import.meta.url));
const bundles = readdirSync(DIST).filter((name) => /\.[cm]js$/.test(name));
/** What a pass that lowers to Node 22 brings along for `using` and `await using`. */
const LOWERED = /@oxc-project\/runtime|usingCtx/;

/** Whether lowering it once more would find something. */
function isYoung(name: string, text: string): boolean {
  const { code, errors } = transformSync(name, text, { target: "node22" });
  expect(errors, name).toEqual([]);
  return LOWERED.test(code) && !LOWERED.test(text);
}

describe("what is published", () => {
  it("is told from younger syntax", () => {
    expect(isYoung("x.mjs", "export function f(g) { using x = g(); return x; }")).toBe(true);
    expect(isYoung("x.mjs", "export function f(g) { const x = g(); return x; }")).toBe(false);
  });

  it("can be read by Node 22", () => {
    expect(bundles.length).toBeGreaterThan(10);
    const young = bundles.filter((name) => isYoung(name, readFileSync(`${DIST}${name}`, "utf8")));
    expect(young).toEqual([]);
  });
});
