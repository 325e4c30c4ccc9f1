import { describe, expect, it } from "vitest";
import { missingCommands } from "../../scripts/debian-packages.ts";

describe("what the tests need beside Node", () => {
  it("is looked for on the PATH", () => {
    expect(missingCommands({ node: "nodejs", "no-such-command": "none" })).toEqual([
      "no-such-command",
    ]);
  });
});
