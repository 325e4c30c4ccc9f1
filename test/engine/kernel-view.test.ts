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
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { NamespaceService } from "@nacre/engine/namespaces/namespaces.ts";
import { Pins } from "@nacre/engine/namespaces/pins.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import { SimulatedStateStore } from "@nacre/simulated/state-store.ts";
import { describe, expect, it } from "vitest";
import { wasmCore } from "../core/wasm-core.ts";

const ID = "ab".repeat(32);

/** A machine on which the container `web` sleeps, with namespaces and a memory limit of its own. */
async function machine(cgroups: "v1" | "v2" | "hybrid" = "hybrid") {
  const clock = new SimulatedClock();
  const kernel = new SimulatedKernel(clock, { core: wasmCore(), cgroups });
  const files = kernel.hostFiles();
  files.makeDirectory("/var/lib/nacre");
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
  const containers = containersOf(web, kernel);
  const paths = new StatePaths("/var/lib/nacre");
  const state = new SimulatedStateStore();
  const pins = (boot = "this boot") => new Pins(kernel, files, state, clock, paths, boot);
  const namespaces = (boot?: string) =>
    new NamespaceService(kernel, files, containers, pins(boot), paths);
  return {
    kernel,
    web,
    mounts: new CgroupMounts(kernel, files),
    files,
    cgroups: new CgroupService(wasmCore, files, containers, () => layout),
    state,
    namespaces: namespaces(),
    afterReboot: () => namespaces("another boot"),
  };
}

const delegate = (path: string): Operation[] => [
  { op: "writeFile", path: `${path}/cgroup.subtree_control`, data: "+memory" },
];

/** Runs until its process has ended; the record stays. */
function containersOf({ process }: RunningProgram, kernel: SimulatedKernel): Containers {
  const stored = { pid: process.pid, startTime: String(process.startTime) };
  const record = () =>
    (kernel.alive(process)
      ? { id: ID, name: "web", request: {}, process: stored, status: "running" }
      : { id: ID, name: "web", request: {}, status: "exited" }) as ContainerRecord;
  return {
    list: () => [record()].filter(({ status }) => status === "running"),
    get: (name: string) => {
      if (name === "web") return record();
      if (name === "idle") return { ...record(), id: "1".repeat(64) };
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
    await expect(cgroups.tree("idle")).rejects.toThrow("the container idle has no cgroup");
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
        pins: [],
        parents: [],
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

describe("pins", () => {
  it("keep namespaces alive when the container has ended, and let go of them", async () => {
    const { namespaces, kernel, web } = await machine();
    const before = kernel.state();
    const { net, uts } = kernel.namespaces(web.process.pid);
    const record = await namespaces.pin("lab", "web", ["net", "uts"]);
    expect(record).toMatchObject({
      namespaces: [
        { kind: "net", id: Number(net) },
        { kind: "uts", id: Number(uts) },
      ],
      of: { container: { id: ID, name: "web" } },
    });
    kernel.signal(web.process, 9);
    await web.exited;
    const left = (await namespaces.list()).filter(({ own }) => !own);
    expect(left).toMatchObject([
      { kind: "net", id: Number(net), pins: ["lab"], processes: [], container: { name: "web" } },
      { kind: "uts", id: Number(uts), pins: ["lab"] },
    ]);
    expect(await namespaces.list({ container: "web" })).toHaveLength(2);
    await namespaces.unpin("lab");
    expect(namespaces.pins()).toEqual([]);
    expect((await namespaces.list()).filter(({ own }) => !own)).toEqual([]);
    expect(kernel.mounts().filter(({ target }) => target.includes("pins"))).toEqual([]);
    expect(JSON.stringify(before)).not.toContain("nacre-pins");
    await expect(namespaces.unpin("lab")).rejects.toMatchObject({ kind: "not-found" });
  });

  it("take all that is not our own, unless kinds are named", async () => {
    const { namespaces } = await machine();
    const { namespaces: kinds } = await namespaces.pin("all", "web");
    expect(kinds.map(({ kind }) => kind).sort()).toEqual(["mnt", "net", "pid", "uts"]);
    const one = await namespaces.pin("one", "1", ["uts"]);
    expect(one.of).toEqual({ pid: 1, command: "init" });
    await expect(namespaces.pin("none", "1")).rejects.toMatchObject({ kind: "invalid" });
    await expect(namespaces.pin("gone", "4000")).rejects.toMatchObject({ kind: "not-found" });
    await expect(namespaces.pin("one", "web")).rejects.toMatchObject({ kind: "exists" });
    await expect(namespaces.pin("../x", "web")).rejects.toMatchObject({ kind: "invalid" });
  });

  it("leave nothing, whichever operation of theirs fails", async () => {
    const { namespaces, kernel } = await machine();
    const { host } = await namespaces.pinProgram("lab", "web");
    // What is there from now on: the directory of all pins.
    await namespaces.pin("lab", "web");
    await namespaces.unpin("lab");
    const before = kernel.state();
    for (let index = 1; index < host.length; index++) {
      const on = { section: "host", index, call: host[index]!.op } as const;
      kernel.injectFaults({ rules: [{ on, fault: { do: "fail", errno: "ENOSPC" } }] });
      await expect(namespaces.pin("lab", "web"), `at ${index}`).rejects.toMatchObject({
        errno: "ENOSPC",
      });
      kernel.injectFaults(undefined);
      expect(kernel.state(), `at ${index}`).toEqual(before);
      expect(namespaces.pins()).toEqual([]);
    }
  });

  it("that hold nothing after a reboot are told apart, and pruned", async () => {
    const { namespaces, afterReboot } = await machine();
    await namespaces.pin("lab", "web");
    expect(await namespaces.prunePins()).toEqual([]);
    const later = afterReboot();
    await expect(later.exec("lab", { command: ["true"] })).rejects.toMatchObject({
      kind: "conflict",
      message: "lab holds nothing any more",
    });
    expect(await later.prunePins()).toEqual(["lab"]);
    expect(later.pins()).toEqual([]);
  });

  it("are pruned as unused once no process is in what they hold", async () => {
    const { namespaces, kernel, web } = await machine();
    await namespaces.pin("lab", "web");
    expect(await namespaces.prunePins({ unused: true })).toEqual([]);
    kernel.signal(web.process, 9);
    await web.exited;
    expect(await namespaces.prunePins()).toEqual([]);
    expect(await namespaces.prunePins({ unused: true })).toEqual(["lab"]);
  });
});

describe("a command in namespaces of others", () => {
  const command = { command: ["true"], environment: ["PATH=/bin"] };

  it("joins those of a container, of a process, and of a pin", async () => {
    const { namespaces, web } = await machine();
    await namespaces.pin("lab", "web", ["net", "uts"]);
    for (const target of ["web", String(web.process.pid), "lab"]) {
      const { exited } = await namespaces.exec(target, { ...command, kinds: ["net"] });
      expect([target, await exited]).toEqual([target, 0]);
    }
    const { process } = await namespaces.execProgram("lab", command);
    expect(process?.clone.joinPaths).toEqual([
      { kind: "uts", path: "/var/lib/nacre/pins/lab/uts" },
      { kind: "net", path: "/var/lib/nacre/pins/lab/net" },
    ]);
    await expect(namespaces.exec("lab", { ...command, kinds: ["mnt"] })).rejects.toMatchObject({
      kind: "not-found",
      advice: "It has net, uts.",
    });
    await expect(namespaces.exec("db", command)).rejects.toMatchObject({ kind: "not-found" });
    await expect(namespaces.exec("lab", { command: ["nope"] })).rejects.toMatchObject({
      kind: "command-not-found",
    });
  });

  it("says that a pid namespace is dead when its first process has ended", async () => {
    const { namespaces, kernel, web } = await machine();
    await namespaces.pin("lab", "web", ["pid", "uts"]);
    kernel.signal(web.process, 9);
    await web.exited;
    await expect(namespaces.exec("lab", command)).rejects.toMatchObject({
      kind: "conflict",
      message: expect.stringContaining("is dead"),
    });
    const { exited } = await namespaces.exec("lab", { ...command, kinds: ["uts"] });
    expect(await exited).toBe(0);
    await expect(namespaces.exec("web", command)).rejects.toMatchObject({ kind: "conflict" });
  });
});
