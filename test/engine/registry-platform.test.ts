import type { Descriptor, Platform } from "@nacre/core/oci/image.ts";
import {
  choosePlatform,
  offeredPlatforms,
  parsePlatform,
  platformPreferences,
  platformText,
} from "@nacre/engine/registry/platform.ts";
import { describe, expect, it } from "vitest";

const entry = (text: string | undefined): Descriptor => {
  const [os = "", architecture = "", variant] = text?.split("/") ?? [];
  const platform: Platform = { os, architecture, ...(variant ? { variant } : {}) };
  return { mediaType: "m", digest: text ?? "none", size: 1, ...(text ? { platform } : {}) };
};
const choose = (offered: (string | undefined)[], wanted: string) =>
  choosePlatform(offered.map(entry), parsePlatform(wanted))?.digest;

describe("a platform", () => {
  it("has one spelling", () => {
    const spellings = {
      "linux/amd64": "linux/amd64",
      "Linux/x86_64": "linux/amd64",
      "linux/amd64/v1": "linux/amd64",
      aarch64: "linux/arm64",
      "linux/arm64/v8": "linux/arm64",
      "linux/arm": "linux/arm/v7",
      "linux/arm/6": "linux/arm/v6",
      armhf: "linux/arm/v7",
      armel: "linux/arm/v6",
      "linux/i386": "linux/386",
      riscv64: "linux/riscv64",
    };
    for (const [text, expected] of Object.entries(spellings)) {
      expect(platformText(parsePlatform(text)), text).toBe(expected);
    }
  });

  it("is refused with an example when it is none", () => {
    for (const text of ["", "linux", "a/b/c/d", "linux/", "linux/amd 64", "linux/\u001b[2J"]) {
      expect(() => parsePlatform(text)).toThrow(/is not a platform/);
    }
  });

  it("runs what its predecessors run, newest first", () => {
    const list = (text: string) => platformPreferences(parsePlatform(text)).map(platformText);
    expect(list("linux/amd64/v3")).toEqual([
      "linux/amd64/v3",
      "linux/amd64/v2",
      "linux/amd64",
      "linux/386",
    ]);
    expect(list("linux/arm/v7")).toEqual(["linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]);
    expect(list("linux/arm64")).toEqual([
      "linux/arm64",
      "linux/arm/v8",
      "linux/arm/v7",
      "linux/arm/v6",
      "linux/arm/v5",
    ]);
    expect(list("linux/arm64/v9.1").slice(0, 5)).toEqual([
      "linux/arm64/v9.1",
      "linux/arm64/v9",
      "linux/arm64/v8.6",
      "linux/arm64/v8.5",
      "linux/arm64/v8.4",
    ]);
  });
});

describe("the choice from an index", () => {
  it("takes the best that suits, and the first of equals", () => {
    const offered = ["linux/arm/v5", "linux/arm/v7", "linux/arm64/v8", "linux/amd64", "linux/386"];
    expect(choose(offered, "amd64")).toBe("linux/amd64");
    expect(choose(offered, "linux/amd64/v2")).toBe("linux/amd64");
    expect(choose(offered, "arm64")).toBe("linux/arm64/v8");
    expect(choose(offered, "linux/arm/v6")).toBe("linux/arm/v5");
    expect(choose(["linux/386"], "amd64")).toBe("linux/386");
    expect(choose(["linux/amd64/v2"], "amd64")).toBeUndefined();
    expect(choose(["windows/amd64"], "amd64")).toBeUndefined();
  });

  it("passes attestations by, and takes one without a platform only where it is alone", () => {
    expect(choose(["unknown/unknown", "linux/amd64"], "amd64")).toBe("linux/amd64");
    expect(choose([undefined], "amd64")).toBe("none");
    expect(choose([undefined, "linux/arm64"], "amd64")).toBeUndefined();
    expect(offeredPlatforms(["unknown/unknown", "linux/arm64"].map(entry))).toBe("linux/arm64");
  });
});
