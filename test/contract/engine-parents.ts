// Cgroups of containers below parents that are named for them, on whatever kernel: part of
// engineContract. Their names are this suite's own, for the real hierarchies are everybody's.

import { expect, it } from "vitest";
import type { Bench } from "./engine.ts";
import { refusal } from "./engine.ts";

const LOOP = "while :; do sleep 0.05; done";

export function parentCases(bench: () => Bench): void {
  const paths = async (name: string) => {
    const { hierarchies } = await bench().subject.engine.cgroups.tree(name);
    return [...new Set(hierarchies.map(({ root }) => root.path))];
  };
  const isThere = async (path: string) =>
    bench()
      .subject.engine.cgroups.tree(path)
      .then(
        () => true,
        () => false,
      );

  it.each([
    ["/nacre-contract/below", "/nacre-contract/below", "/nacre-contract"],
    [
      "nacreContract-below.slice",
      "/nacreContract.slice/nacreContract-below.slice",
      "/nacreContract.slice",
    ],
  ])("stands below %s, with all that is done to it there", async (cgroupParent, path, top) => {
    const { containers } = bench();
    await bench().start("child", `echo ready; ${LOOP}`, {
      cgroupParent,
      resources: { memoryBytes: 64 << 20, pids: 20 },
    });
    await bench().says("child", "ready");
    const { id } = containers.get("child");
    expect(await paths("child")).toEqual([`${path}/${id}`]);
    expect(containers.top("child").length).toBeGreaterThan(0);
    await containers.pause("child");
    await containers.unpause("child");
    await containers.update("child", { memoryBytes: 32 << 20 });
    for await (const [usage] of containers.stats({ wanted: ["child"] })) {
      expect(usage).toMatchObject({ memoryLimitBytes: 32 << 20 });
      break;
    }
    expect((await bench().exec("child", { command: ["true"] })).code).toBe(0);
    expect(containers.inspect("child")).toMatchObject({
      HostConfig: { CgroupParent: cgroupParent },
    });
    await containers.remove("child", { force: true });
    await expect.poll(() => isThere(top), { timeout: 20_000 }).toBe(false);
  });

  it("refuses a parent that is none", async () => {
    for (const cgroupParent of ["../up", "a--b.slice"]) {
      expect((await refusal(bench().run(["true"], { cgroupParent }))).kind).toBe("invalid");
    }
    expect(bench().containers.list({ all: true })).toEqual([]);
  });
}
