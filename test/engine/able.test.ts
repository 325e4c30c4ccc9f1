import type { KernelFacts } from "@nacre/core/ports/kernel.ts";
import { leftOutLimits, mustBeAble, mustHaveParent } from "@nacre/engine/containers/able.ts";
import { describe, expect, it } from "vitest";

const FACTS: KernelFacts = {
  ...{ release: "6.18.0", architecture: "amd64", privileged: true, erofs: "files", overlay: true },
};
const ALONE = [{ containerID: 0, hostID: 1000, size: 1 }];
const ROOTLESS: KernelFacts = { ...FACTS, userNamespace: { uids: ALONE, gids: ALONE } };
const hierarchy = (version: 1 | 2, ...controllers: string[]) => ({
  ...{ version, controllers, mountpoint: "/c" },
});

describe("whether a machine can run containers", () => {
  it("is answered with what stands in the way", () => {
    expect(() => mustBeAble(FACTS)).not.toThrow();
    expect(() => mustBeAble(ROOTLESS)).not.toThrow();
    expect(() => mustBeAble({ ...FACTS, privileged: false })).toThrow("need root, or a user");
    const refusal = "unshare: No space left on device";
    expect(() => mustBeAble({ ...FACTS, privileged: false, refusal })).toThrow(
      `this user gets no user namespace (${refusal})`,
    );
    expect(() => mustBeAble({ ...ROOTLESS, privileged: false })).toThrow("lacks powers");
    expect(() => mustBeAble({ ...FACTS, release: "5.4.0" })).toThrow("too old");
    expect(() => mustBeAble({ ...FACTS, overlay: false })).toThrow("no overlay");
  });
});

describe("limits that cannot be held", () => {
  it("are named where the machine's version of cgroups has no file for them", () => {
    const unified = { "memory.high": "1" };
    const [one, two] = [[hierarchy(1, "memory")], [hierarchy(2, "memory")]];
    expect(leftOutLimits({ unified }, one, FACTS)).toBe(
      "cgroup v1 knows no --cgroup-conf: left out",
    );
    expect(leftOutLimits({ unified }, two, FACTS)).toBeUndefined();
    const swappiness = { memorySwappiness: 5 };
    expect(leftOutLimits(swappiness, one, FACTS)).toBeUndefined();
    expect(leftOutLimits(swappiness, two, FACTS)).toContain("v2 knows no --memory-swappiness");
  });

  it("are named by their controllers for a user who has none of these", () => {
    const said = leftOutLimits({ memoryBytes: 1, nanoCpus: 1, pids: 3 }, [], ROOTLESS);
    expect(said).toContain("limits of memory, cpu, pids are ignored");
    const some = [hierarchy(2, "memory", "pids")];
    expect(leftOutLimits({ memoryBytes: 1, pids: 3 }, some, ROOTLESS)).toBeUndefined();
    expect(leftOutLimits({ memoryBytes: 1, cpuShares: 3 }, some, ROOTLESS)).toContain("of cpu are");
    expect(leftOutLimits({ blkioWeight: 5 }, some, ROOTLESS)).toContain("limits of block I/O are");
    expect(leftOutLimits({ blkioWeight: 5 }, [hierarchy(2, "io")], ROOTLESS)).toBeUndefined();
    const deviceRules = ["c 1:3 r"];
    expect(leftOutLimits({ deviceRules }, some, ROOTLESS)).toContain("limits of devices are");
    expect(leftOutLimits({ throttles: [], oomKillDisable: false }, [], ROOTLESS)).toBeUndefined();
  });

  it("are all, where only a part of v1 is there and no container gets a node in it", () => {
    const part = [hierarchy(1, "memory")];
    expect(leftOutLimits({ memoryBytes: 1 }, part, ROOTLESS)).toContain("limits of memory are");
    const whole = [...part, hierarchy(1, "pids")];
    expect(leftOutLimits({ memoryBytes: 1, pids: 3 }, whole, ROOTLESS)).toBeUndefined();
  });

  it("are those that v2 does not know for root", () => {
    expect(leftOutLimits({ memoryBytes: 1 }, [], FACTS)).toBeUndefined();
    expect(leftOutLimits({ memorySwappiness: 1 }, [hierarchy(2)], FACTS)).toContain("v2 knows no");
    expect(leftOutLimits({ memorySwappiness: 1 }, [hierarchy(1)], FACTS)).toBeUndefined();
  });
});

describe("a cgroup that a container shall stand below", () => {
  const parent = { cgroupParent: "/jobs" };

  it("is refused where there is none, and never left out in silence", () => {
    expect(() => mustHaveParent(parent, [], ROOTLESS)).toThrow(
      "--cgroup-parent /jobs: no cgroup is delegated to this user",
    );
    expect(() => mustHaveParent(parent, [hierarchy(1, "memory")], ROOTLESS)).toThrow("delegated");
    expect(() => mustHaveParent(parent, [], FACTS)).toThrow("no cgroups are mounted");
    expect(() => mustHaveParent(parent, [hierarchy(2, "pids")], ROOTLESS)).not.toThrow();
    expect(() => mustHaveParent({}, [], ROOTLESS)).not.toThrow();
  });
});
