// Held to facts: what the matcher that Docker uses says of each path.

import { readFileSync } from "node:fs";
import { IgnoreMatcher, ignorePatterns } from "@nacre/core/dockerfile/ignore.ts";
import { NacreError } from "@nacre/core/error.ts";
import { describe, expect, it } from "vitest";

interface Case {
  readonly patterns: readonly string[];
  readonly path: string;
  readonly matchesOrParent?: boolean;
  readonly error?: string;
}

interface WholeFile {
  readonly dockerignore: string;
  readonly parsed: readonly string[];
  readonly notExcluded?: readonly string[];
  readonly error?: string;
}

const facts: { cases: Case[]; files: WholeFile[]; tree: string[] } = JSON.parse(
  readFileSync(new URL("../facts/dockerignore.json", import.meta.url), "utf8"),
);

describe(".dockerignore", () => {
  it.each(facts.cases)("$patterns on $path", ({ patterns, path, matchesOrParent, error }) => {
    if (error !== undefined) expect(() => new IgnoreMatcher(patterns)).toThrow(NacreError);
    else expect(new IgnoreMatcher(patterns).excludes(path)).toBe(matchesOrParent);
  });

  it.each(facts.files)("the file $dockerignore", ({ dockerignore, parsed, notExcluded, error }) => {
    const patterns = ignorePatterns(dockerignore);
    expect(patterns).toEqual(parsed);
    if (error !== undefined) {
      expect(() => new IgnoreMatcher(patterns)).toThrow(NacreError);
      return;
    }
    const matcher = new IgnoreMatcher(patterns);
    const all = new Set([...facts.tree, ...facts.files.flatMap((one) => one.notExcluded ?? [])]);
    const kept = [...all].filter((path) => !matcher.excludes(path.replace(/\/$/, "")));
    expect(kept.sort()).toEqual([...(notExcluded ?? [])].sort());
  });

  it("does not look below what is left out, unless something there may be kept", () => {
    const matcher = new IgnoreMatcher(["node_modules", "docs", "!docs/a/*.md", "src", "!**/*.go"]);
    expect(matcher.mayKeepBelow("docs")).toBe(true);
    expect(matcher.mayKeepBelow("docs/a")).toBe(true);
    expect(new IgnoreMatcher(["*", "!docs/a"]).mayKeepBelow("node_modules")).toBe(false);
    expect(new IgnoreMatcher(["*", "!docs/a"]).mayKeepBelow("docs")).toBe(true);
    expect(matcher.mayKeepBelow("node_modules")).toBe(true);
  });
});
