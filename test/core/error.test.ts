import { NacreError } from "@nacre/core/error.ts";
import { expect, it } from "vitest";

class OneKind extends NacreError {}

it("is known also where another copy of its class made it", () => {
  const other = Object.assign(new Error("gone"), { name: "NacreError", kind: "not-found" });
  expect(other).toBeInstanceOf(NacreError);
  expect(new NacreError("invalid", "wrong")).toBeInstanceOf(NacreError);
  expect(new OneKind("invalid", "wrong")).toBeInstanceOf(NacreError);
  const others = [new Error("gone"), { ...other, name: "NacreError" }, undefined, "NacreError"];
  for (const value of others) expect(value instanceof NacreError).toBe(false);
  const unkind = Object.assign(new Error("gone"), { name: "NacreError" });
  expect(unkind instanceof NacreError).toBe(false);
});

it("is of a class that extends it only where that has made it", () => {
  expect(new OneKind("invalid", "wrong")).toBeInstanceOf(OneKind);
  expect(new NacreError("invalid", "wrong") instanceof OneKind).toBe(false);
});
