// Known escapes by their shapes: none works, and each does where its protection is taken away; and
// the tests that hold others fail where what they test is taken away.

import { describe, expect, it } from "vitest";
import { ABSENCES } from "../escapes/absences.ts";
import { ESCAPES, judge } from "../escapes/escapes.ts";
import { guarded } from "../escapes/guarded.ts";
import { GUARDS } from "../escapes/guards.ts";

describe("an escape", () => {
  it.each(ESCAPES.map((one) => [one.shape, one] as const))("%s", async (_, one) => {
    expect(await judge(one)).toEqual({ worked: false, worksWithout: true });
  });
});

describe("a test of a protection", () => {
  it.each(GUARDS.map((one) => [one.shape, one] as const))("%s", async (_, one) => {
    expect(await guarded(one)).toEqual({ holds: true, missed: true });
  });
});

describe("what an escape would need", () => {
  it.each(ABSENCES.map((one) => [one.why, one] as const))("%s", (_, { absent }) => {
    expect(absent()).toBe(true);
  });
});
