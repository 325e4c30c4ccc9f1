import { readFileSync } from "node:fs";
import type { Core } from "@nacre/core/core.ts";
import { NacreError } from "@nacre/core/error.ts";
import { simpleFamiliarName, typedName } from "@nacre/core/familiar-name.ts";
import {
  parseReference,
  Reference,
  type ReferenceForm,
  tryParseAnyReference,
  tryParseReference,
} from "@nacre/core/reference.ts";
import { familiarMatches } from "@nacre/core/reference-match.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { builds, portableCore } from "./portable.ts";
import { naiveReference } from "./reference-oracle.ts";
import { wasmCore } from "./wasm-core.ts";

interface Fact {
  readonly error?: string;
  readonly domain?: string;
  readonly path?: string;
  readonly name?: string;
  readonly familiarName?: string;
  readonly familiar?: string;
  readonly string: string;
  readonly tag?: string;
  readonly digest?: string;
}
interface Case {
  readonly input: string;
  readonly parse: Fact;
  readonly parseNormalizedNamed: Fact;
  readonly parseDockerRef: Fact;
  readonly parseAnyReference: Fact;
  readonly tagNameOnly: Fact;
  readonly withName: Fact;
}
interface Match {
  readonly reference: string;
  readonly pattern: string;
  readonly match: boolean;
  readonly error: string | null;
}
const facts: { cases: Case[]; familiarMatch: Match[] } = JSON.parse(
  readFileSync(new URL("facts/references.json", import.meta.url), "utf8"),
);

/** The fault that a fact's message means: most begin with its name. */
function faultOf(error: string): string {
  if (error.includes("must be lowercase")) return "ErrNameContainsUppercase";
  if (error.includes("64-byte hexadecimal")) return "ErrNameIsIdentifier";
  return error.slice(0, error.indexOf(":"));
}

/** What a fact says, or what we found, in one comparable shape. */
function plain(found: Reference | { digest: string } | string): unknown {
  if (typeof found === "string") return found;
  if (!(found instanceof Reference)) return { digest: found.digest, string: found.digest };
  const { domain, path, tag, digest, name, familiarName } = found;
  const string = found.toString();
  const familiar = found.familiar();
  return { domain, path, tag, digest, name, familiarName, familiar, string };
}

function expected(fact: Fact): unknown {
  if (fact.error) return faultOf(fact.error);
  const { domain, path, tag, digest, name, familiarName, familiar, string } = fact;
  if (name === undefined) return { digest, string };
  return { domain, path, tag, digest, name, familiarName, familiar, string };
}

function tagNameOnly(core: Core, input: string) {
  const found = tryParseReference(core, input);
  return typeof found === "string" ? found : found.withDefaultTag();
}

describe.each(builds)("references in $build", ({ core: make }) => {
  const core = make();
  const readings: [keyof Case, (input: string) => ReturnType<typeof tryParseAnyReference>][] = [
    ["parse", (input) => tryParseReference(core, input, "plain")],
    ["parseNormalizedNamed", (input) => tryParseReference(core, input)],
    ["parseDockerRef", (input) => tryParseReference(core, input, "docker")],
    ["parseAnyReference", (input) => tryParseAnyReference(core, input)],
    ["tagNameOnly", (input) => tagNameOnly(core, input)],
    ["withName", (input) => tryParseReference(core, input, "name")],
  ];

  it.each(readings)("reads every known case as %s does", (key, readAs) => {
    for (const fact of facts.cases) {
      const wanted = expected(fact[key] as Fact);
      expect({ input: fact.input, is: plain(readAs(fact.input)) }).toEqual({
        input: fact.input,
        is: wanted,
      });
    }
  });

  it("separates path components by one dot, one or two underscores, or hyphens", () => {
    for (const good of ["a.b", "a_b", "a__b", "a-b", "a---b", "a.b_c__d-e/f"]) {
      expect(tryParseReference(core, good), good).toBeInstanceOf(Reference);
    }
    for (const bad of ["a..b", "a___b", "a._b", "a-_b", "a.", "-a", "a//b", "a/", "/a", "a_-b"]) {
      expect(tryParseReference(core, bad), bad).toBe("ErrReferenceInvalidFormat");
    }
  });

  it("takes paths of 255 bytes and no longer ones, with the library/ that it adds", () => {
    expect(tryParseReference(core, `a/${"b".repeat(253)}`)).toBeInstanceOf(Reference);
    expect(tryParseReference(core, `a/${"b".repeat(254)}`)).toBe("ErrNameTooLong");
    expect(tryParseReference(core, "b".repeat(247))).toBeInstanceOf(Reference);
    expect(tryParseReference(core, "b".repeat(248))).toBe("ErrNameTooLong");
    expect(tryParseReference(core, "b".repeat(2_000_000))).toBe("ErrNameTooLong");
  });

  it("asks a registry for the digest before the tag, and for latest where there is neither", () => {
    const core = wasmCore();
    const asked = (suffix: string) => parseReference(core, `example/app${suffix}`).tagOrDigest;
    const digest = `sha256:${"a".repeat(64)}`;
    expect(asked(`:1@${digest}`)).toBe(digest);
    expect(asked(":1")).toBe("1");
    expect(asked("")).toBe("latest");
  });

  it("says what is wrong with which text, and what a reference looks like", () => {
    const failure = (text: string): NacreError => {
      try {
        parseReference(core, text);
      } catch (error) {
        if (error instanceof NacreError) return error;
      }
      throw new Error(`${text} was accepted`);
    };
    expect(failure("team/App")).toMatchObject({
      kind: "invalid",
      message: '"team/App" is not an image reference: the repository\'s name must be in lower case',
    });
    expect(failure("a b").message).toContain('" " at character 2');
    expect(failure("a@sha256:12").advice).toContain("ubuntu");
    expect(failure("my_host.example/app").kind).toBe("invalid");
  });
});

describe("patterns over references", () => {
  const core = wasmCore();
  it("match as path.Match does", () => {
    for (const { reference, pattern, match, error } of facts.familiarMatch) {
      const run = () => familiarMatches(parseReference(core, reference), pattern);
      if (error) expect(run).toThrow(NacreError);
      else expect({ pattern, reference, match: run() }).toEqual({ pattern, reference, match });
    }
  });

  it("know classes, ranges, negation and escapes", () => {
    const ubuntu = parseReference(core, "ubuntu:22.04");
    expect(familiarMatches(ubuntu, "ubunt[s-v]")).toBe(true);
    expect(familiarMatches(ubuntu, "ubunt[^u]")).toBe(false);
    expect(familiarMatches(ubuntu, "ubunt[z-a]")).toBe(false);
    expect(familiarMatches(ubuntu, "u\\buntu:22?04")).toBe(true);
    for (const pattern of ["[", "[a", "[]", "[a-]", "[a-", "\\", "[\\"]) {
      expect(() => familiarMatches(ubuntu, pattern), pattern).toThrow(NacreError);
    }
  });
});

const forms: ReferenceForm[] = ["plain", "normalized", "docker", "name"];

/** Texts over the few characters on which the grammar turns. */
const dense = fc.string({ unit: fc.constantFrom(..."aaaa0._-/:@B"), maxLength: 8 });

/** Mostly valid pieces in mostly valid order. */
const pieces = fc
  .array(
    fc.oneof(
      fc.constantFrom("/", ":", "@", ".", "-", "_", "__", "..", "[", "]", "[::1]", "localhost"),
      fc.constantFrom("docker.io", "index.docker.io", "library", "a", "B", "0", "5000", "x.y"),
      fc.constantFrom("sha256:", `sha256:${"ab".repeat(32)}`, `@sha512:${"0".repeat(128)}`),
      fc.constantFrom("f".repeat(64), "c".repeat(127), "D".repeat(32), "sha3+x:", " ", "é"),
      fc.string({ maxLength: 3 }),
    ),
    { maxLength: 9 },
  )
  .map((parts) => parts.join(""));

const nearlyReferences = fc.oneof(pieces, dense);

describe("random texts", () => {
  it("are read alike by both builds and by the regular expressions of the grammar", () => {
    const wasm = wasmCore();
    const javascript = portableCore();
    fc.assert(
      fc.property(nearlyReferences, fc.constantFrom(...forms, "any" as const), (text, form) => {
        const readIn = (core: Core) =>
          plain(
            form === "any" ? tryParseAnyReference(core, text) : tryParseReference(core, text, form),
          );
        const found = readIn(wasm);
        expect(readIn(javascript)).toEqual(found);
        const naive = naiveReference(text, form);
        if (typeof found === "string" || !("name" in (found as object))) {
          expect(typeof found === "string" ? found : (found as Fact).string).toEqual(naive);
        } else {
          const { domain, path, tag, digest } = found as Fact;
          expect({ domain, path, tag, digest }).toEqual(naive);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it("are the same to the short way for simple names, where it takes them", () => {
    const core = wasmCore();
    let taken = 0;
    const names = fc.oneof(
      fc.stringMatching(/^[a-z0-9_.-]{1,5}(:[\w.:-]{0,4})?$/),
      fc.stringMatching(/^[a-f0-9]{62,65}(:[\w.-]{126,129})?$/),
      nearlyReferences,
    );
    fc.assert(
      fc.property(names, (text) => {
        const simple = simpleFamiliarName(text);
        if (simple === undefined) return;
        taken++;
        const parsed = tryParseAnyReference(core, text);
        expect(parsed instanceof Reference && parsed.withDefaultTag().toString()).toBe(simple);
      }),
      { numRuns: 5000 },
    );
    expect(taken).toBeGreaterThan(500);
    for (const text of ["debian", "debian:12", "busybox:1.36-musl"]) {
      expect(simpleFamiliarName(text)).toMatch(/^docker\.io\/library\//);
    }
  });

  it("come back the same when a full reference is read again", () => {
    const core = wasmCore();
    fc.assert(
      fc.property(nearlyReferences, (text) => {
        const first = tryParseReference(core, text, "docker");
        if (typeof first === "string" || first.domain === "") return;
        expect(plain(tryParseReference(core, first.toString(), "docker"))).toEqual(plain(first));
        expect(plain(tryParseReference(core, first.familiar(), "docker"))).toEqual(plain(first));
        expect(typedName(first.toString())).toBe(first.familiar());
      }),
      { numRuns: 2000 },
    );
  });
});
