// Known escapes by their shapes: none works, and each does where its protection is taken away.

import { describe, expect, it } from "vitest";
import { ESCAPES, judge } from "../escapes/escapes.ts";

describe("an escape", () => {
  it.each(ESCAPES.map((one) => [one.shape, one] as const))("%s", async (_, one) => {
    expect(await judge(one)).toEqual({ worked: false, worksWithout: true });
  });
});
