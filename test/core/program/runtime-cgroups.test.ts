// Where the cgroups of an OCI container are, and what is written for which field.

import { cgroupPathOf, planRuntimeCgroups } from "@nacre/core/program/runtime-cgroups.ts";
import { describe, expect, it } from "vitest";

const V1 = ["memory", "cpuset", "pids"].map((name) => ({
  version: 1 as const,
  controllers: [name],
  mountpoint: `/sys/fs/cgroup/${name}`,
}));
const V2 = [{ version: 2 as const, controllers: ["memory", "pids"], mountpoint: "/sys/fs/cgroup" }];

const sight = (there: readonly string[] = [], texts: Record<string, string> = {}) => ({
  exists: (path: string) => there.includes(path),
  read: (path: string) => texts[path],
});

describe("the path of an OCI container's cgroups", () => {
  it.each([
    [undefined, false, "/nacre-oci/c"],
    ["/a/b", false, "/a/b"],
    ["a/b", false, "/a/b"],
    ["/a/../../b/./c", false, "/b/c"],
    ["user.slice:libpod:c", true, "/user.slice/libpod-c.scope"],
    ["user-1000.slice:libpod:c", true, "/user.slice/user-1000.slice/libpod-c.scope"],
    [":libpod:c", true, "/system.slice/libpod-c.scope"],
    ["-.slice::c", true, "/c.scope"],
    ["a.slice::b.slice", true, "/a.slice/b.slice"],
  ])("of %j (systemd: %s) is %s", (wanted, systemd, path) => {
    expect(cgroupPathOf(wanted, "c", systemd)).toBe(path);
  });

  it.each([
    ["/", false],
    ["/../..", false],
    ["/a/b", true],
    ["a:b", true],
    ["a/b.slice:x:y", true],
    ["a.slice:b:c:d", true],
  ])("is not %j (systemd: %s)", (wanted, systemd) => {
    expect(() => cgroupPathOf(wanted, "c", systemd)).toThrow(/config\.json: linux\.cgroupsPath/);
  });
});

describe("the cgroups of an OCI container", () => {
  it("are made below what is there, and only what is made goes with them", () => {
    const there = V1.map((h) => `${h.mountpoint}/a`);
    const { host, nodes, parents } = planRuntimeCgroups(V1, "/a/b/c", {}, sight(there));
    const made = host.filter(({ op }) => op === "makeCgroup").map((o) => "path" in o && o.path);
    expect(made.slice(0, 2)).toEqual(["/sys/fs/cgroup/memory/a/b", "/sys/fs/cgroup/memory/a/b/c"]);
    expect(nodes).toEqual(V1.map((h) => `${h.mountpoint}/a/b/c`));
    expect(parents).toEqual(V1.map((h) => `${h.mountpoint}/a/b`).reverse());
  });

  it("begin with the processors of the node above", () => {
    const texts = {
      "/sys/fs/cgroup/cpuset/cpuset.cpus": "0-7\n",
      "/sys/fs/cgroup/cpuset/a/cpuset.cpus": "2-3\n",
      "/sys/fs/cgroup/cpuset/cpuset.mems": "0\n",
    };
    const { host } = planRuntimeCgroups(V1, "/a/b", {}, sight([], texts));
    const written = host.flatMap((o) => (o.op === "writeFile" ? [`${o.path}=${o.data}`] : []));
    expect(written).toContain("/sys/fs/cgroup/cpuset/a/b/cpuset.cpus=2-3");
    expect(written).toContain("/sys/fs/cgroup/cpuset/a/b/cpuset.mems=0");
  });

  it("carry the field of each limit, and refuse what has no controller", () => {
    const { host } = planRuntimeCgroups(V1, "/c", { pids: { limit: 5 } }, sight());
    expect(host.at(-1)).toMatchObject({ data: "5", field: "linux.resources.pids.limit" });
    const plan = (resources: Parameters<typeof planRuntimeCgroups>[2]) => () =>
      planRuntimeCgroups(V1, "/c", resources, sight());
    expect(plan({ hugepageLimits: [{ pageSize: "2MB", limit: 1n }] })).toThrow(
      /linux\.resources\.hugepageLimits: this machine has no hugetlb controller/,
    );
    expect(plan({ unified: { "memory.high": "1" } })).toThrow(/linux\.resources\.unified needs/);
  });

  it("write what is unified last on v2, and hand controllers down", () => {
    const resources = { memory: { limit: 64 }, unified: { "memory.high": "32" } };
    const { host } = planRuntimeCgroups(V2, "/a/c", resources, sight());
    const written = host.flatMap((o) => (o.op === "writeFile" ? [`${o.path} ${o.data}`] : []));
    expect(written).toEqual([
      "/sys/fs/cgroup/cgroup.subtree_control +memory +pids",
      "/sys/fs/cgroup/a/cgroup.subtree_control +memory +pids",
      "/sys/fs/cgroup/a/c/memory.max 64",
      "/sys/fs/cgroup/a/c/memory.high 32",
    ]);
  });

  it("leave the devices that every container has usable", () => {
    const devices = [{ allow: false, access: "rwm" }];
    const { host } = planRuntimeCgroups(
      [
        { version: 1, controllers: ["pids"], mountpoint: "/p" },
        { version: 1, controllers: ["devices"], mountpoint: "/d" },
      ],
      "/c",
      { devices },
      sight(),
    );
    const rules = host.flatMap((o) => (o.op === "writeFile" ? [`${o.path} ${o.data}`] : []));
    expect(rules[0]).toBe("/d/c/devices.deny a *:* rwm");
    expect(rules).toContain("/d/c/devices.allow c 1:3 rwm");
    expect(rules).toContain("/d/c/devices.allow b *:* m");
  });
});
