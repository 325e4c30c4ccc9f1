// The views of cgroups and namespaces, over a simulated machine: what they show is what programs
// made there.

import { detectLayout } from "@nacre/core/cgroup-layout.ts";
import type { NodeReport } from "@nacre/core/cgroup-survey.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { RunningProgram } from "@nacre/core/ports/kernel.ts";
import type { NamespaceKind, Operation } from "@nacre/core/program/operation.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { CgroupService } from "@nacre/engine/cgroups/cgroups.ts";
import { CgroupMounts } from "@nacre/engine/cgroups/mount.ts";
import type { Containers } from "@nacre/engine/engine.ts";
import { NamespaceService } from "@nacre/engine/namespaces/namespaces.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import { describe, expect, it } from "vitest";
import { wasmCore } from "../core/portable.ts";

const ID = "ab".repeat(32);

/** A machine on which the container `web` sleeps, with namespaces and a memory limit of its own. */
async function machine(cgroups: "v1" | "v2" | "hybrid" = "hybrid") {
  const kernel = new SimulatedKernel(new SimulatedClock(), { core: wasmCore(), cgroups });
  const files = kernel.hostFiles();
  const layout = detectLayout(
    files.readText("/proc/self/mountinfo"),
    files.readText("/proc/cgroups"),
  );
  const top = cgroups === "v2" ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
  const host: Operation[] = [
    ...(cgroups === "v2" ? delegate(top) : []),
    { op: "makeCgroup", path: `${top}/nacre`, shared: true },
    ...(cgroups === "v2" ? delegate(`${top}/nacre`) : []),
    { op: "makeCgroup", path: `${top}/nacre/${ID}`, shared: false },
    {
      op: "writeFile",
      path: `${top}/nacre/${ID}/${cgroups === "v2" ? "memory.max" : "memory.limit_in_bytes"}`,
      data: "67108864",
    },
  ];
  const create: NamespaceKind[] = ["mnt", "pid", "uts", "net"];
  const web = await kernel.execute(
    {
      title: "web",
      host,
      process: {
        clone: { create, cgroups: [`${top}/nacre/${ID}`], joinPaths: [] },
        parent: [],
        child: [{ op: "execute", arguments: ["sleep", "1000"], environment: ["PATH=/bin"] }],
        supervision: {
          stdin: "null",
          output: "inherit",
          terminal: "none",
          collect: [],
          detached: false,
        },
      },
    },
    { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  );
  const containers = containersOf(web);
  return {
    kernel,
    web,
    mounts: new CgroupMounts(kernel, files),
    files,
    cgroups: new CgroupService(wasmCore, files, containers, () => layout),
    namespaces: new NamespaceService(kernel, files, containers),
  };
}

const delegate = (path: string): Operation[] => [
  { op: "writeFile", path: `${path}/cgroup.subtree_control`, data: "+memory" },
];

function containersOf({ process }: RunningProgram): Containers {
  const stored = { pid: process.pid, startTime: String(process.startTime) };
  const record = { id: ID, name: "web", process: stored, status: "running" };
  return {
    list: () => [record as ContainerRecord],
    get: (name: string) => {
      if (name === "web") return record as ContainerRecord;
      throw new NacreError("not-found", `no such container: ${name}`);
    },
  } as Containers;
}

function nodesOf(node: NodeReport): NodeReport[] {
  return [node, ...node.children.flatMap(nodesOf)];
}

describe("the tree of cgroups", () => {
  it.each(["v1", "v2", "hybrid"] as const)("shows a container's limit on %s", async (layout) => {
    const { cgroups } = await machine(layout);
    const { hierarchies, containers } = await cgroups.tree();
    const memory = hierarchies.find(({ controllers }) => controllers.includes("memory"))!;
    const node = nodesOf(memory.root).find(({ path }) => path === `/nacre/${ID}`);
    const limit = { own: 67108864, effective: 67108864, from: `/nacre/${ID}` };
    expect(node).toMatchObject({ processes: 1, limits: { memoryMax: limit } });
    expect(containers).toEqual(new Map([[ID, "web"]]));
  });

  it("begins at a path, at a directory, or at a container's node", async () => {
    const { cgroups } = await machine();
    for (const at of ["web", `/nacre/${ID}`, `/sys/fs/cgroup/memory/nacre/${ID}/`]) {
      const { hierarchies } = await cgroups.tree(at);
      expect(hierarchies).toMatchObject([
        { controllers: ["memory"], root: { path: `/nacre/${ID}`, processes: 1 } },
      ]);
    }
    await expect(cgroups.tree("/none")).rejects.toMatchObject({
      kind: "not-found",
      advice: expect.stringContaining("/sys/fs/cgroup"),
    });
    await expect(cgroups.tree("db")).rejects.toMatchObject({ kind: "not-found" });
  });
});

describe("css_sets", () => {
  it("part the container's process from the others", async () => {
    const { cgroups, web } = await machine();
    const sets = await cgroups.cssSets();
    expect(sets).toHaveLength(2);
    const own = sets.find(({ container }) => container?.name === "web")!;
    expect(own.processes).toEqual([{ pid: web.process.pid, command: "sleep" }]);
    expect(own.cgroups.filter(({ path }) => path !== "/")).toMatchObject([
      { controllers: ["memory"], path: `/nacre/${ID}` },
    ]);
  });
});

describe("namespaces", () => {
  it("are shown with their members, whose they are, and in which we are", async () => {
    const { namespaces, kernel, web } = await machine();
    const all = await namespaces.list();
    const own = all.filter((report) => report.own);
    expect(own.map(({ kind }) => kind)).toEqual([
      "cgroup",
      "ipc",
      "mnt",
      "net",
      "pid",
      "time",
      "user",
      "uts",
    ]);
    const theirs = await namespaces.list({ container: "web" });
    expect(theirs.map(({ kind }) => kind)).toEqual(["mnt", "net", "pid", "uts"]);
    const { net } = kernel.namespaces(web.process.pid);
    expect(theirs.find(({ kind }) => kind === "net")).toMatchObject({
      id: Number(net),
      own: false,
      container: { id: ID, name: "web" },
      processes: [{ pid: web.process.pid, command: "sleep" }],
    });
    expect(await namespaces.list({ kinds: ["net"] })).toHaveLength(2);
  });

  it("go with their last member, but for one that is bound to a file", async () => {
    const { namespaces, kernel, web } = await machine();
    await kernel.perform({
      title: "hold",
      host: [
        { op: "createFile", path: "/run/net", mode: 0o400, data: "" },
        { op: "bind", source: `/proc/${web.process.pid}/ns/net`, target: "/run/net" },
      ],
    });
    const { net } = kernel.namespaces(web.process.pid);
    kernel.signal(web.process, 9);
    await web.exited;
    const left = (await namespaces.list()).filter(({ own }) => !own);
    expect(left).toEqual([
      {
        kind: "net",
        id: Number(net),
        own: false,
        processes: [],
        descriptors: [],
        mounts: [{ path: "/run/net" }],
      },
    ]);
  });
});

describe("mounting a hierarchy", () => {
  const named = { type: "cgroup", source: "teams", target: "/cgroup/teams" } as const;

  it("shows a new one, in which every process is, and takes it away again", async () => {
    const { mounts, files, kernel } = await machine();
    await mounts.mount({ ...named, options: ["none", "name=teams"] });
    expect(files.readText("/proc/self/cgroup")).toMatch(/^\d+:name=teams:\/$/m);
    expect(files.readText("/cgroup/teams/cgroup.procs")).toContain("1\n");
    await mounts.unmount("/cgroup/teams");
    expect(kernel.mounts().filter(({ target }) => target === "/cgroup/teams")).toEqual([]);
    await expect(mounts.unmount("/cgroup/teams")).rejects.toMatchObject({ kind: "not-found" });
  });

  it("says where a controller is that it cannot have", async () => {
    const { mounts, kernel } = await machine();
    const before = kernel.state();
    await expect(mounts.mount({ ...named, options: ["cpu", "memory"] })).rejects.toMatchObject({
      kind: "in-use",
      errno: "EBUSY",
      message: expect.stringContaining("mounted at /sys/fs/cgroup/"),
    });
    expect(kernel.state()).toEqual(before);
  });

  it("gives one other controllers while it has no nodes", async () => {
    const { mounts, files } = await machine("hybrid");
    await mounts.mount({ ...named, options: ["none", "name=teams"] });
    await mounts.mount({ ...named, options: ["remount", "net_cls"] });
    expect(files.readText("/proc/self/cgroup")).toMatch(/^\d+:net_cls,name=teams:\/$/m);
    files.makeDirectory("/cgroup/teams/node", 0o755);
    await expect(mounts.mount({ ...named, options: ["remount", "none"] })).rejects.toMatchObject({
      kind: "in-use",
    });
  });
});
