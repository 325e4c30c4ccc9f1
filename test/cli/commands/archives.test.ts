import { describe, expect, it } from "vitest";
import { FakeEngine } from "../fake-engine.ts";
import { nacre } from "../fake-host.ts";

describe("diff", () => {
  it("prints a line a path as docker does, with control characters shown", async () => {
    const engine = new FakeEngine();
    const { code, out } = await nacre(["diff", "web"], { engine });
    expect(code).toBe(0);
    expect(out.split("\n")).toEqual(["C /etc", "A /etc/\\x1b[31mred", "D /etc/motd", ""]);
    expect(engine.calls).toEqual([["diff", "web"]]);
  });

  it("fails with 1 where there is no such container", async () => {
    const engine = new FakeEngine();
    engine.failure = new Error("none");
    expect((await nacre(["container", "diff", "web"], { engine })).code).toBe(1);
  });
});
