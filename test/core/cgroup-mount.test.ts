import {
  type CgroupMachine,
  type CgroupMountRequest,
  explainRefusal,
  planCgroupMount,
  planCgroupUnmount,
} from "@nacre/core/cgroup-mount.ts";
import { NacreError } from "@nacre/core/error.ts";
import { parseMountinfo } from "@nacre/core/mountinfo.ts";
import { describe, expect, it } from "vitest";

const MACHINE: CgroupMachine = {
  procCgroups: [
    "#subsys_name\thierarchy\tnum_cgroups\tenabled",
    "cpu\t2\t1\t1",
    "cpuacct\t2\t1\t1",
    "memory\t3\t9\t1",
    "freezer\t5\t1\t1",
    "pids\t0\t1\t1",
    "rdma\t0\t1\t0",
    "",
  ].join("\n"),
  selfCgroup: "5:freezer:/\n4:name=teams:/\n3:memory:/\n2:cpu,cpuacct:/\n0::/\n",
  mounts: parseMountinfo(
    [
      "31 23 0:28 / /cg rw - tmpfs tmpfs rw",
      "32 31 0:29 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct",
      "33 31 0:30 / /cg/memory rw - cgroup cgroup rw,memory,release_agent=/x",
      "34 31 0:31 / /cg/teams rw - cgroup cgroup rw,xattr,name=teams",
      "35 31 0:32 / /cg/unified rw - cgroup2 cgroup2 rw",
    ].join("\n"),
  ),
  exists: (path) => ["/cg", "/mnt"].includes(path) || path.startsWith("/cg/"),
  nodes: (mountpoint) => (mountpoint === "/cg/memory" ? ["web"] : []),
};

function plan(options: string, target = "/mnt/a/b", type: "cgroup" | "cgroup2" = "cgroup") {
  const words = options.split(",").filter(Boolean);
  const request: CgroupMountRequest = { type, options: words, source: "x", target };
  return planCgroupMount(request, MACHINE);
}

function refusal(work: () => unknown): NacreError {
  try {
    work();
  } catch (error) {
    if (error instanceof NacreError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("the program of a cgroup mount", () => {
  it("makes what is missing of the target, then one mount", () => {
    const { host } = plan("pids");
    expect(host).toMatchObject([
      { op: "makeDirectory", path: "/mnt/a", existing: "keep" },
      { op: "makeDirectory", path: "/mnt/a/b" },
      {
        op: "mount",
        mount: {
          type: "cgroup",
          source: "x",
          options: ["pids"],
          attributes: ["nosuid", "nodev", "noexec"],
        },
        target: "/mnt/a/b",
      },
    ]);
  });

  it.each([
    ["cpuacct,cpu", ["cpu", "cpuacct"], "one more place"],
    ["memory", ["memory"], "one more place"],
    ["name=teams", ["none", "name=teams"], "one more place"],
    ["none,name=teams", ["none", "name=teams"], "one more place"],
    ["none,name=new", ["none", "name=new"], "a new hierarchy"],
    ["pids,name=new,xattr", ["pids", "name=new", "xattr"], "a new hierarchy"],
    ["rw,pids,ro,defaults", ["pids"], "a new hierarchy"],
  ])("of %s", (given, options, why) => {
    const { host } = plan(given, "/cg/cpu");
    expect(host).toMatchObject([
      { op: "mount", mount: { options }, why: expect.stringContaining(why) },
    ]);
  });

  it("shows version 2, which takes no controllers", () => {
    expect(plan("ro,nsdelegate", "/mnt", "cgroup2").host).toMatchObject([
      {
        op: "mount",
        mount: {
          type: "cgroup2",
          options: ["nsdelegate"],
          attributes: expect.arrayContaining(["ro"]),
        },
      },
    ]);
    expect(refusal(() => plan("memory", "/mnt", "cgroup2"))).toMatchObject({ kind: "invalid" });
  });
});

describe("what is refused before the kernel is asked", () => {
  it.each([
    ["cpu", "EBUSY", "cpu,cpuacct (number 2, mounted at /cg/cpu)"],
    ["cpu,memory", "EBUSY", "cpu,cpuacct (number 2, mounted at /cg/cpu)"],
    ["pids,memory", "EBUSY", "memory (number 3, mounted at /cg/memory)"],
    ["freezer,pids", "EBUSY", "freezer (number 5, mounted nowhere that is seen here)"],
    ["pids,name=teams", "EBUSY", "name=teams (number 4, mounted at /cg/teams)"],
    ["", "EBUSY", "cpu,cpuacct"],
    ["all", "EBUSY", "cpu,cpuacct"],
  ])("%s, because it is taken", (options, errno, where) => {
    const error = refusal(() => plan(options));
    expect(error).toMatchObject({ kind: "in-use", errno });
    expect(error.message).toContain(where);
  });

  it.each([
    ["disk", "no cgroup controller or option disk"],
    ["rdma", "no cgroup controller or option rdma"],
    ["none", "needs a name"],
    ["none,pids", "contradict"],
    ["all,pids", "contradict"],
    ["name=", "cannot be a hierarchy's name"],
    ["name=a b", "cannot be a hierarchy's name"],
    ["name=a,name=b", "cannot be a hierarchy's name"],
    [`name=${"a".repeat(64)}`, "cannot be a hierarchy's name"],
  ])("%s, because no kernel takes it", (options, message) => {
    const error = refusal(() => plan(options));
    expect(error.kind).toBe("invalid");
    expect(error.message).toContain(message);
  });
});

describe("the program of a remount", () => {
  it("gives a hierarchy without nodes other controllers, and knows the way back", () => {
    expect(plan("remount,pids", "/cg/teams").host).toMatchObject([
      {
        op: "remount",
        target: "/cg/teams",
        options: ["pids", "name=teams"],
        before: ["none", "name=teams"],
      },
    ]);
    expect(plan("remount,memory", "/cg/memory").host).toHaveLength(1);
  });

  it.each([
    ["remount,pids", "/cg/memory", "in-use", "has nodes (web)"],
    ["remount,memory", "/cg/cpu", "in-use", "memory (number 3"],
    ["remount,name=other,pids", "/cg/teams", "invalid", "cannot be renamed"],
    ["remount,pids", "/cg", "not-found", "no cgroup hierarchy is mounted at /cg"],
    ["remount,pids", "/cg/unified", "invalid", "version 2"],
  ])("%s of %s is refused: %s", (options, target, kind, message) => {
    const error = refusal(() => plan(options, target));
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(message);
  });
});

describe("the program of an unmount", () => {
  it("takes cgroup hierarchies only, and does not detach what is in use", () => {
    expect(planCgroupUnmount("/cg/unified", MACHINE).host).toMatchObject([
      { op: "unmount", target: "/cg/unified", detach: false },
    ]);
    const error = refusal(() => planCgroupUnmount("/cg", MACHINE));
    expect(error).toMatchObject({ kind: "not-found", advice: expect.stringContaining("/cg/cpu") });
  });
});

describe("what the kernel refuses all the same", () => {
  it("is explained, and other errors pass", () => {
    const busy = new NacreError("kernel", "mount …: EBUSY", { errno: "EBUSY", operation: "mount" });
    expect(explainRefusal(busy, "cannot mount")).toMatchObject({
      kind: "in-use",
      operation: "mount",
      cause: busy,
    });
    const invalid = new NacreError("kernel", "EINVAL", { errno: "EINVAL" });
    expect(explainRefusal(invalid, "cannot mount")).toMatchObject({ kind: "invalid" });
    const other = new NacreError("denied", "EPERM", { errno: "EPERM" });
    expect(explainRefusal(other, "cannot mount")).toBe(other);
  });
});
