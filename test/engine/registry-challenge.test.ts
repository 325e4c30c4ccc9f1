import { parseChallenges } from "@nacre/engine/registry/challenge.ts";
import { describe, expect, it } from "vitest";

const read = (field: string) =>
  parseChallenges(field).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe("a WWW-Authenticate field", () => {
  it("is read as registries write it", () => {
    const field =
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/debian:pull"';
    expect(read(field)).toEqual([
      [
        "bearer",
        {
          realm: "https://auth.docker.io/token",
          service: "registry.docker.io",
          scope: "repository:library/debian:pull",
        },
      ],
    ]);
  });

  it("may hold several challenges, quotes with commas and escapes, and odd spacing", () => {
    expect(read('BASIC Realm = "a, \\"b\\"" , Bearer realm=plain , Negotiate')).toEqual([
      ["basic", { realm: 'a, "b"' }],
      ["bearer", { realm: "plain" }],
      ["negotiate", {}],
    ]);
    expect(read("Negotiate YII+/==, Basic realm=x")).toEqual([
      ["negotiate", {}],
      ["basic", { realm: "x" }],
    ]);
  });

  it("never stops the engine, whatever it holds", () => {
    for (const field of [
      "",
      ",,,",
      '"',
      'Bearer realm="',
      "=",
      "Bearer =x",
      "\u0000",
      "a".repeat(1e5),
    ]) {
      expect(() => parseChallenges(field)).not.toThrow();
    }
  });
});
