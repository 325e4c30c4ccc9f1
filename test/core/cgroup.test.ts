import { Cgroups, type Controller, type Limit, type LimitValue } from "@nacre/core/cgroup.ts";
import { CssSets } from "@nacre/core/css-set.ts";
import { NacreError } from "@nacre/core/error.ts";
import { describe, expect, it } from "vitest";
import { builds } from "./portable.ts";

/** The errno that `run` is refused with, or "fine". */
function errno(run: () => void): string {
  try {
    run();
    return "fine";
  } catch (error) {
    if (error instanceof NacreError) return error.errno ?? error.kind;
    throw error;
  }
}

describe.each(builds)("cgroups in $build", ({ core }) => {
  const machine = () => new Cgroups(core(), { cpus: 8, memoryNodes: 2 });

  it("attaches a controller to one hierarchy only", () => {
    const cgroups = machine();
    cgroups.mount(1, ["cpu", "cpuacct"]);
    expect(errno(() => cgroups.mount(1, ["cpu"]))).toBe("EBUSY");
    const v2 = cgroups.mount(2);
    expect(v2.controllers).not.toContain("cpu");
    expect(v2.controllers).toContain("pids");
    expect(errno(() => cgroups.mount(2))).toBe("EBUSY");
    cgroups.mount(1, ["pids"]);
    expect(cgroups.hierarchy(v2.handle).controllers).not.toContain("pids");
    expect(cgroups.hierarchies()).toHaveLength(3);
    expect(() => new Cgroups(core(), { cpus: 0, memoryNodes: 1 })).toThrow(NacreError);
  });

  it("gives a controller back when its hierarchy ends, which children prevent", () => {
    const cgroups = machine();
    const memory = cgroups.mount(1, ["memory"]);
    const node = cgroups.create(memory.root, "a");
    expect(errno(() => cgroups.unmount(memory.handle))).toBe("EBUSY");
    cgroups.remove(node);
    cgroups.unmount(memory.handle);
    expect(errno(() => cgroups.get(memory.root))).toBe("ENOENT");
    expect(cgroups.mount(2).controllers).toContain("memory");
  });

  it("remounts a hierarchy with other controllers while it has no nodes", () => {
    const cgroups = machine();
    const first = cgroups.mount(1, ["cpu"]);
    cgroups.mount(1, ["memory"]);
    const v2 = cgroups.mount(2);
    expect(errno(() => cgroups.remount(first.handle, ["cpu", "memory"]))).toBe("EBUSY");
    expect(errno(() => cgroups.remount(v2.handle, ["pids"]))).toBe("EINVAL");
    cgroups.remount(first.handle, ["pids"]);
    expect(cgroups.hierarchy(first.handle).controllers).toEqual(["pids"]);
    expect(cgroups.hierarchy(v2.handle).controllers).toContain("cpu");
    expect(cgroups.hierarchy(v2.handle).controllers).not.toContain("pids");
    const node = cgroups.create(first.root, "a");
    expect(errno(() => cgroups.remount(first.handle, ["cpu"]))).toBe("EBUSY");
    expect(errno(() => cgroups.setLimit(node, "pidsMax", 5))).toBe("fine");
    cgroups.remove(node);
    cgroups.remount(first.handle, ["cpu"]);
    expect(errno(() => cgroups.mount(1, ["pids"]))).toBe("fine");
  });

  it("has the controllers that its kernel was built with, and no others", () => {
    const controllers = ["cpu", "memory"] as const;
    const cgroups = new Cgroups(core(), { cpus: 1, memoryNodes: 1, controllers });
    expect(errno(() => cgroups.mount(1, ["pids"]))).toBe("EINVAL");
    const { handle } = cgroups.mount(1, ["memory"]);
    expect(errno(() => cgroups.remount(handle, ["memory", "pids"]))).toBe("EINVAL");
    expect(cgroups.mount(2).controllers).toEqual(["cpu"]);
  });

  it("keeps a controller in version 2 while its nodes use it", () => {
    const cgroups = machine();
    const { root } = cgroups.mount(2);
    cgroups.setSubtreeControl(root, { enable: ["memory"] });
    const node = cgroups.create(root, "a");
    expect(errno(() => cgroups.mount(1, ["memory"]))).toBe("EBUSY");
    cgroups.remove(node);
    cgroups.mount(1, ["memory"]);
    expect(cgroups.get(root).subtreeControl).toEqual([]);
  });

  it("makes, finds and removes nodes as directories", () => {
    const cgroups = machine();
    const { root } = cgroups.mount(1, ["memory"]);
    const a = cgroups.create(root, "a");
    const b = cgroups.create(a, "bé");
    expect(cgroups.path(b)).toBe("/a/bé");
    expect(cgroups.child(a, "bé")).toBe(b);
    expect(cgroups.child(a, "b")).toBeUndefined();
    expect(errno(() => cgroups.create(root, "a"))).toBe("EEXIST");
    expect(errno(() => cgroups.remove(a))).toBe("EBUSY");
    expect(errno(() => cgroups.remove(root))).toBe("EBUSY");
    const names = {
      "": "ENOENT",
      ".": "EEXIST",
      "..": "EEXIST",
      "a/b": "EINVAL",
      "a\nb": "EINVAL",
    };
    for (const [name, fault] of Object.entries(names)) {
      expect(errno(() => cgroups.create(root, name))).toBe(fault);
    }
    expect(errno(() => cgroups.create(root, "x".repeat(4096)))).toBe("ENAMETOOLONG");
    cgroups.remove(b);
    cgroups.remove(a);
    expect(errno(() => cgroups.remove(a))).toBe("ENOENT");
    expect(cgroups.children(root)).toEqual([]);
    const again = cgroups.create(root, "a");
    expect(again).not.toBe(a);
    expect(errno(() => cgroups.get(a))).toBe("ENOENT");
  });

  it("refuses to remove a node with tasks, and says so as the kernel does", () => {
    const cgroups = machine();
    const tasks = new CssSets(cgroups);
    const { root } = cgroups.mount(2);
    const node = cgroups.create(root, "web");
    tasks.spawn(7, [node]);
    expect(() => cgroups.remove(node)).toThrow("rmdir /web: busy (EBUSY)");
    tasks.exit(7);
    cgroups.remove(node);
  });

  it("passes controllers down version 2 one level at a time", () => {
    const cgroups = machine();
    const { root } = cgroups.mount(2);
    const a = cgroups.create(root, "a");
    const b = cgroups.create(a, "b");
    expect(errno(() => cgroups.setLimit(a, "memoryMax", 1 << 20))).toBe("ENOENT");
    expect(errno(() => cgroups.setSubtreeControl(a, { enable: ["memory"] }))).toBe("ENOENT");
    cgroups.setSubtreeControl(root, { enable: ["memory", "pids"] });
    cgroups.setSubtreeControl(a, { enable: ["memory"] });
    expect(cgroups.get(b).controllers).toEqual(["memory"]);
    expect(errno(() => cgroups.setSubtreeControl(root, { disable: ["memory"] }))).toBe("EBUSY");
    cgroups.setLimit(b, "memoryMax", 1 << 20);
    cgroups.setSubtreeControl(a, { disable: ["memory"] });
    cgroups.setSubtreeControl(a, { enable: ["memory"] });
    expect(cgroups.limit(b, "memoryMax")).toBe("max");
  });

  it("keeps tasks out of inner nodes of version 2", () => {
    const cgroups = machine();
    const tasks = new CssSets(cgroups);
    const { root } = cgroups.mount(2);
    cgroups.setSubtreeControl(root, { enable: ["memory", "cpu"] });
    const inner = cgroups.create(root, "inner");
    const leaf = cgroups.create(inner, "leaf");
    cgroups.setSubtreeControl(inner, { enable: ["memory"] });
    expect(errno(() => tasks.spawn(1, [inner]))).toBe("EBUSY");
    tasks.spawn(1, [leaf]);
    cgroups.setSubtreeControl(inner, { disable: ["memory"] });
    tasks.spawn(2, [inner]);
    expect(errno(() => cgroups.setSubtreeControl(inner, { enable: ["memory"] }))).toBe("EBUSY");
    expect(errno(() => cgroups.setSubtreeControl(inner, { enable: ["cpu"] }))).toBe("EBUSY");
    tasks.exit(1);
    // cpu can weigh threads: a node with tasks may pass it on, and is a threaded root from then on.
    cgroups.setSubtreeControl(inner, { enable: ["cpu"] });
    expect(errno(() => tasks.spawn(3, [leaf]))).toBe("EOPNOTSUPP");
    expect(errno(() => cgroups.setSubtreeControl(inner, { enable: ["memory"] }))).toBe(
      "EOPNOTSUPP",
    );
  });

  it("takes the values that each version takes", () => {
    const cgroups = machine();
    const v1 = cgroups.mount(1, ["cpu", "blkio", "freezer", "pids", "memory"]);
    const node = cgroups.create(v1.root, "a");
    const refused: [Limit, LimitValue, string][] = [
      ["cpuWeight", -1, "EINVAL"],
      ["cpuWeight", 1.5, "EINVAL"],
      ["cpuWeight", Number.NaN, "EINVAL"],
      ["cpuQuota", 999, "EINVAL"],
      ["cpuPeriod", 1000001, "EINVAL"],
      ["ioWeight", 0, "ERANGE"],
      ["ioWeight", 1001, "ERANGE"],
      ["frozen", 2, "EINVAL"],
      ["pidsMax", 4194305, "EINVAL"],
      ["memoryMax", -2, "EINVAL"],
      ["memoryHigh", 4096, "ENOENT"],
    ];
    for (const [limit, value, fault] of refused) {
      const before = errno(() => cgroups.limit(node, limit));
      expect([limit, value, errno(() => cgroups.setLimit(node, limit, value))]).toEqual([
        limit,
        value,
        fault,
      ]);
      expect(errno(() => cgroups.limit(node, limit))).toBe(before);
    }
    cgroups.setLimit(node, "cpuWeight", 1);
    expect(cgroups.limit(node, "cpuWeight")).toBe(2);
    cgroups.setLimit(node, "memoryMax", 10000);
    expect(cgroups.limit(node, "memoryMax")).toBe(8192);
    cgroups.setLimit(node, "memoryMax", Number.POSITIVE_INFINITY);
    expect(cgroups.limit(node, "memoryMax")).toBe("max");
    expect(errno(() => cgroups.setLimit(v1.root, "memoryMax", 4096))).toBe("EINVAL");
    expect(errno(() => cgroups.limit(v1.root, "pidsMax"))).toBe("ENOENT");
  });

  it("keeps memory plus swap of version 1 above memory, in either order of writing", () => {
    const cgroups = machine();
    const node = cgroups.create(cgroups.mount(1, ["memory"]).root, "a");
    expect(errno(() => cgroups.setLimit(node, "memorySwap", 4096))).toBe("EINVAL");
    cgroups.setLimit(node, "memoryMax", 1 << 20);
    cgroups.setLimit(node, "memorySwap", 2 << 20);
    expect(errno(() => cgroups.setLimit(node, "memoryMax", 4 << 20))).toBe("EINVAL");
    expect(cgroups.limit(node, "memoryMax")).toBe(1 << 20);
  });

  it("holds the tightest limit on the way to the root", () => {
    const cgroups = machine();
    const { root } = cgroups.mount(2);
    const all: Controller[] = ["cpu", "memory", "pids"];
    cgroups.setSubtreeControl(root, { enable: all });
    const a = cgroups.create(root, "a");
    cgroups.setSubtreeControl(a, { enable: all });
    const b = cgroups.create(a, "b");
    cgroups.setLimit(a, "memoryMax", 1 << 20);
    cgroups.setLimit(b, "memoryMax", 1 << 30);
    cgroups.setLimit(a, "memoryLow", 1 << 20);
    cgroups.setLimit(b, "memoryLow", 1 << 21);
    cgroups.setLimit(a, "cpuQuota", 50000);
    cgroups.setLimit(b, "cpuPeriod", 10000);
    cgroups.setLimit(a, "frozen", 1);
    expect(cgroups.effectiveLimit(b, "memoryMax")).toBe(1 << 20);
    expect(cgroups.effectiveLimit(b, "memoryLow")).toBe(1 << 20);
    expect(cgroups.effectiveLimit(b, "cpuQuota")).toBe(5000);
    expect(cgroups.effectiveLimit(b, "pidsMax")).toBe("max");
    expect(cgroups.effectiveLimit(b, "frozen")).toBe(1);
    expect(cgroups.limit(b, "frozen")).toBe(0);
  });

  it("allows no child more CPU than its parent in version 1, whichever is written", () => {
    const cgroups = machine();
    const a = cgroups.create(cgroups.mount(1, ["cpu"]).root, "a");
    const between = cgroups.create(a, "between");
    const b = cgroups.create(between, "b");
    cgroups.setLimit(a, "cpuQuota", 50000);
    expect(errno(() => cgroups.setLimit(b, "cpuQuota", 60000))).toBe("EINVAL");
    cgroups.setLimit(b, "cpuQuota", 40000);
    expect(errno(() => cgroups.setLimit(a, "cpuQuota", 30000))).toBe("EINVAL");
    expect(errno(() => cgroups.setLimit(b, "cpuPeriod", 50000))).toBe("EINVAL");
    expect(cgroups.limit(a, "cpuQuota")).toBe(50000);
  });

  it("divides weights among siblings with tasks", () => {
    const cgroups = machine();
    const tasks = new CssSets(cgroups);
    const { root } = cgroups.mount(1, ["cpu"]);
    const [a, b, idle] = ["a", "b", "idle"].map((name) => cgroups.create(root, name));
    const inner = cgroups.create(a!, "inner");
    tasks.spawn(1, [inner]);
    tasks.spawn(2, [b!]);
    cgroups.setLimit(b!, "cpuWeight", 3072);
    expect(cgroups.share(inner, "cpuWeight")).toBe(0.25);
    expect(cgroups.share(b!, "cpuWeight")).toBe(0.75);
    expect(cgroups.share(idle!, "cpuWeight")).toBe(0.2);
  });

  it("keeps cpusets of version 1 within their parents, and tasks out of empty ones", () => {
    const cgroups = machine();
    const tasks = new CssSets(cgroups);
    const { root } = cgroups.mount(1, ["cpuset"]);
    const a = cgroups.create(root, "a");
    const b = cgroups.create(a, "b");
    expect(cgroups.cpuset(root, "cpus")).toBe("0-7");
    expect(errno(() => tasks.spawn(1, [a]))).toBe("ENOSPC");
    expect(errno(() => cgroups.setCpuset(b, "cpus", "0"))).toBe("EACCES");
    cgroups.setCpuset(a, "cpus", "0-3,6");
    cgroups.setCpuset(a, "mems", "0");
    cgroups.setCpuset(b, "cpus", "1-2");
    expect(errno(() => cgroups.setCpuset(a, "cpus", "2-3"))).toBe("EBUSY");
    expect(errno(() => cgroups.setCpuset(b, "cpus", "7"))).toBe("EACCES");
    expect(errno(() => cgroups.setCpuset(b, "cpus", "8"))).toBe("ERANGE");
    expect(errno(() => cgroups.setCpuset(b, "mems", "2"))).toBe("EINVAL");
    expect(errno(() => cgroups.setCpuset(b, "mems", "1024"))).toBe("ERANGE");
    tasks.spawn(1, [a]);
    expect(errno(() => cgroups.setCpuset(a, "mems", ""))).toBe("ENOSPC");
    expect(cgroups.cpuset(a, "cpus")).toBe("0-3,6");
    expect(cgroups.effectiveCpuset(b, "cpus")).toBe("1-2");
  });

  it("intersects cpusets of version 2 down the tree", () => {
    const cgroups = machine();
    const { root } = cgroups.mount(2);
    cgroups.setSubtreeControl(root, { enable: ["cpuset"] });
    const a = cgroups.create(root, "a");
    cgroups.setSubtreeControl(a, { enable: ["cpuset"] });
    const b = cgroups.create(a, "b");
    expect(cgroups.effectiveCpuset(b, "cpus")).toBe("0-7");
    cgroups.setCpuset(a, "cpus", "2-5");
    cgroups.setCpuset(b, "cpus", "0,4-7");
    expect(cgroups.effectiveCpuset(b, "cpus")).toBe("4-5");
    cgroups.setCpuset(b, "cpus", "0-1");
    expect(cgroups.effectiveCpuset(b, "cpus")).toBe("2-5");
    expect(cgroups.cpuset(b, "cpus")).toBe("0-1");
    expect(cgroups.effectiveCpuset(b, "mems")).toBe("0-1");
  });
});
