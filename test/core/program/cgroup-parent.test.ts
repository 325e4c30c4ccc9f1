import { cgroupParentPath, cgroupPath, nodesAbove } from "@nacre/core/program/cgroup-parent.ts";
import { planCgroups } from "@nacre/core/program/cgroup-plan.ts";
import { describe, expect, it } from "vitest";

const ID = "c".repeat(64);

describe("the parent of a container's cgroup", () => {
  it.each([
    ["/foo", "/foo"],
    ["foo", "/foo"],
    ["/a/b/", "/a/b"],
    ["a//b/./c", "/a/b/c"],
    ["/", "/"],
    ["a b", "/a b"],
    ["foo.slice", "/foo.slice"],
    ["a-b.slice", "/a.slice/a-b.slice"],
    ["a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"],
    ["-.slice", "/"],
    // A path is what it says.
    ["/a-b.slice", "/a-b.slice"],
    ["a.slice/b", "/a.slice/b"],
  ])("%s is %s", (wanted, path) => {
    expect(cgroupParentPath(wanted)).toBe(path);
  });

  it.each([
    "..",
    "/../x",
    "x/../y",
    "a\nb",
    "a\u0000b",
    "x".repeat(256),
    "a/".repeat(1600),
    "a--b.slice",
    "-a.slice",
    "a-.slice",
    ".slice",
  ])("%j is none", (wanted) => {
    expect(() => cgroupParentPath(wanted)).toThrow(expect.objectContaining({ kind: "invalid" }));
  });

  it("is Nacre's own where none is named", () => {
    expect(cgroupPath({ id: ID })).toBe(`/nacre/${ID}`);
    expect(cgroupPath({ id: ID, cgroupParent: "" })).toBe(`/nacre/${ID}`);
    expect(cgroupPath({ id: ID, cgroupParent: "/" })).toBe(`/${ID}`);
    expect(nodesAbove(`/nacre/${ID}`)).toEqual({ paths: ["/nacre"], own: true });
    expect(nodesAbove(`/nacre/x/${ID}`)).toEqual({ paths: ["/nacre", "/nacre/x"], own: false });
    expect(nodesAbove(`/${ID}`)).toEqual({ paths: [], own: false });
  });
});

describe("the plan below a parent", () => {
  const path = `/a.slice/a-b.slice/${ID}`;
  const shown = ({ host }: ReturnType<typeof planCgroups>) =>
    host.map((o) => `${o.op} ${"path" in o ? o.path : ""}${"data" in o ? `=${o.data}` : ""}`);

  it("makes what is missing of it on v1, and leaves what the user has set there", () => {
    const v1 = (mountpoint: string, ...controllers: string[]) =>
      ({ version: 1, mountpoint, controllers }) as const;
    const hierarchies = [v1("/p", "pids"), v1("/s", "cpuset")];
    const lists = new Map([
      ["/s", { cpus: "0-3", mems: "0" }],
      ["/s/a.slice", { cpus: "1-2", mems: "0" }],
      ["/s/a.slice/a-b.slice", { cpus: "", mems: "" }],
    ]);
    const plan = planCgroups(hierarchies, path, { cpu: { cpus: "2" } }, (node) => lists.get(node));
    expect(shown(plan)).toEqual([
      "makeDirectory /p/a.slice",
      "makeDirectory /p/a.slice/a-b.slice",
      `makeCgroup /p${path}`,
      "makeDirectory /s/a.slice",
      "makeDirectory /s/a.slice/a-b.slice",
      "writeFile /s/a.slice/a-b.slice/cpuset.cpus=1-2",
      "writeFile /s/a.slice/a-b.slice/cpuset.mems=0",
      `makeCgroup /s${path}`,
      `writeFile /s${path}/cpuset.cpus=1-2`,
      `writeFile /s${path}/cpuset.mems=0`,
      `writeFile /s${path}/cpuset.cpus=2`,
    ]);
  });

  it("hands controllers down every step of it on v2", () => {
    const unified = { version: 2, mountpoint: "/c", controllers: ["pids", "memory"] } as const;
    const data = "=+memory +pids";
    expect(shown(planCgroups([unified], path, {}))).toEqual([
      `writeFile /c/cgroup.subtree_control${data}`,
      "makeDirectory /c/a.slice",
      "makeDirectory /c/a.slice/a-b.slice",
      `makeCgroup /c${path}`,
      `writeFile /c/a.slice/cgroup.subtree_control${data}`,
      `writeFile /c/a.slice/a-b.slice/cgroup.subtree_control${data}`,
    ]);
  });
});
