import type { Files } from "@nacre/core/ports/files.ts";
import { nodesToJoin } from "@nacre/engine/oci/sub-cgroups.ts";
import { describe, expect, it } from "vitest";

const HIERARCHIES = [
  { version: 1, mountpoint: "/cg/cpu,cpuacct", controllers: ["cpu", "cpuacct"] },
  { version: 1, mountpoint: "/cg/pids", controllers: ["pids"] },
] as const;
const [CPU, PIDS] = ["/cg/cpu,cpuacct/one", "/cg/pids/one"];

function joined(words: readonly string[], there: readonly string[] = [CPU, PIDS]): string[] {
  const files = { status: (path: string) => (there.includes(path) ? {} : undefined) };
  return nodesToJoin(files as unknown as Files, HIERARCHIES, [CPU, PIDS], words);
}

describe("the nodes that a process of exec joins", () => {
  it("are the container's own, as many as are there", () => {
    expect(joined([])).toEqual([CPU, PIDS]);
    expect(joined(["/"])).toEqual([CPU, PIDS]);
    expect(joined([], [PIDS])).toEqual([PIDS]);
  });

  it("are below them where that is said, of all hierarchies or of some", () => {
    const there = [CPU, PIDS, `${CPU}/a/b`, `${PIDS}/a/b`, `${PIDS}/c`];
    expect(joined(["a/b/"], there)).toEqual([`${CPU}/a/b`, `${PIDS}/a/b`]);
    expect(joined(["pids:/c"], there)).toEqual([CPU, `${PIDS}/c`]);
    expect(joined(["cpu,cpuacct:a/b", "pids:c"], there)).toEqual([`${CPU}/a/b`, `${PIDS}/c`]);
  });

  it("are no others", () => {
    expect(() => joined([".."])).toThrow("bad sub cgroup path: ..");
    expect(() => joined(["pids:a/../../x"])).toThrow("bad sub cgroup path");
    expect(() => joined(["none:/"])).toThrow("unknown controller none");
    expect(() => joined(["absent"])).toThrow(`${CPU}/absent: no such file or directory`);
  });
});
