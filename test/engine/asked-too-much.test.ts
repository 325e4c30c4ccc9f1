// What containers and builds ask for that nobody is to get: room without end, places outside.

import { describe, expect, it } from "vitest";
import { type SimulateOptions, simulate, tools } from "../../cli/simulated.ts";

/** Where a simulated machine has its state. */
const ROOT = "/var/lib/nacre";
const IMAGES: NonNullable<SimulateOptions["images"]> = {
  box: { command: ["sh"], files: { ...tools, "/big": "x".repeat(100_000) } },
};

describe("a health check that says a lot", () => {
  it("is kept by its first 4096 bytes", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { containers } = simulation.engine;
    const health = { test: ["CMD", "cat", "/big"], intervalMs: 1000, timeoutMs: 5000 };
    const command = ["sleep", "3600"];
    const { id } = await containers.create({ image: "box", command, detached: true, health });
    await containers.start(id);
    const found = () => containers.list({ all: true })[0]?.health?.log[0];
    for (let i = 0; i < 20 && !found(); i++) await simulation.advance(1000);
    expect(found()?.output).toBe("x".repeat(4096));
  });
});

describe("a cache of a build", () => {
  it("lies among the other caches, whatever its ID", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const files = simulation.kernel.hostFiles();
    const text = "FROM box\nRUN --mount=type=cache,id=../../../planted,target=/c echo x >/c/y";
    await simulation.engine.builds.build({
      context: { files: {} },
      dockerfileText: { name: "Dockerfile", text },
    });
    const caches = files.list(ROOT).filter((name) => name.includes("cache"));
    expect(caches).toHaveLength(1);
    expect(files.list(`${ROOT}/${caches[0]}`)).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
    expect(files.list("/")).not.toContain("planted");
  });
});
