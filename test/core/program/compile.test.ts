import type { MountedHierarchy } from "@nacre/core/program/cgroup-plan.ts";
import { type CompileInput, compile } from "@nacre/core/program/compile.ts";
import { describe as sentence } from "@nacre/core/program/describe.ts";
import { inverseOf } from "@nacre/core/program/inverse.ts";
import type { Operation, OperationName } from "@nacre/core/program/operation.ts";
import { printProgram, programToJson } from "@nacre/core/program/printer.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { BindRequest, ContainerRequest } from "@nacre/core/program/request.ts";
import { createSpec } from "@nacre/core/program/spec.ts";
import { describe, expect, it } from "vitest";
import { MACHINE, namespaceOf } from "./machine-sample.ts";
import { sampleRequest } from "./request-sample.ts";

const V1: MountedHierarchy[] = [
  "cpu",
  "memory",
  "pids",
  "devices",
  "freezer",
  "cpuset",
  "blkio",
].map((name) => ({ version: 1, controllers: [name], mountpoint: `/sys/fs/cgroup/${name}` }));
const V2: MountedHierarchy[] = [
  { version: 2, controllers: ["cpu", "memory", "pids"], mountpoint: "/sys/fs/cgroup" },
];

function program(
  change: Partial<ContainerRequest> = {},
  hierarchies = V1,
  more: Partial<CompileInput> = {},
): KernelProgram {
  const request = sampleRequest({ command: ["true"], ...change });
  const spec = createSpec(
    request,
    {},
    {
      id: "f".repeat(64),
      user: { uid: 1000, gid: 1000, additionalGids: [44], home: "/" },
      network: { own: request.network === "none" },
      mounts: request.mounts.filter((mount) => mount.type === "bind" || mount.type === "tmpfs"),
      ownFiles: { directory: "/state/files", names: ["hosts", "hostname", "resolv.conf"] },
      rootfs: "/state/rootfs",
      cgroupsPath: "/nacre/f",
      machine: MACHINE,
      namespaceOf,
    },
  );
  return compile({
    title: "run debian as sample",
    spec,
    root: {
      host: [],
      child: [
        {
          op: "mount",
          mount: { type: "overlay", source: "overlay", options: [], attributes: [] },
          target: "/state/rootfs",
        },
      ],
    },
    network: { host: [], child: [{ op: "linkUp", name: "lo" }] },
    hierarchies,
    cpusetRoot: () => ({ cpus: "0-3", mems: "0" }),
    files: [],
    supervision: { stdin: "null", output: "inherit", terminal: "none", detached: false },
    ...more,
  });
}

const names = (operations: readonly Operation[]): OperationName[] => operations.map((o) => o.op);
const child = (p: KernelProgram): readonly Operation[] => p.process!.child;
const at = (p: KernelProgram, name: OperationName): number => names(child(p)).indexOf(name);

describe("compile", () => {
  it("ends in execute, and enters the root before it", () => {
    const p = program();
    expect(names(child(p)).at(-1)).toBe("execute");
    expect(at(p, "enterRoot")).toBeGreaterThan(at(p, "openRoot"));
    expect(at(p, "enterRoot")).toBeLessThan(at(p, "changeDirectory"));
  });

  it("joins cgroups before the cgroup namespace is made, so that its node is the root", () => {
    const p = program();
    expect(p.process!.clone.create).not.toContain("cgroup");
    expect(p.process!.clone.cgroups).toContain("/sys/fs/cgroup/memory/nacre/f");
    expect(child(p)[0]).toMatchObject({ op: "unshare", namespaces: ["cgroup"] });
  });

  it("gives up powers in the order in which the kernel lets it", () => {
    const p = program();
    const order = ["boundCapabilities", "setUser", "setCapabilities", "execute"] as const;
    const places = order.map((name) => at(p, name));
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  it("makes no mount that is seen outside: propagation is cut before the first one", () => {
    const p = program();
    expect(at(p, "setPropagation")).toBeLessThan(at(p, "mount"));
  });

  it("hides and protects paths after everything that could cover them is mounted", () => {
    const p = program({
      mounts: [{ type: "tmpfs", target: "/proc/scsi", options: [] }],
    });
    const last = names(child(p)).lastIndexOf("mountInRoot");
    expect(at(p, "maskInRoot")).toBeGreaterThan(last);
    expect(at(p, "readOnlyInRoot")).toBeGreaterThan(last);
  });

  it("tells of a bind what lies within its source, who owns it, and how far it is read-only", () => {
    const bind = { type: "bind", source: "/s", target: "/t", recursive: true } as const;
    const binds = (more: Partial<BindRequest>) => {
      const mount = { ...bind, readOnly: false, propagation: "private", ...more } as const;
      const p = program({ mounts: [mount] });
      return child(p).filter((o) => "target" in o && o.target === "/t");
    };
    expect(binds({ subpath: "a/b" })).toMatchObject([{ op: "bindInRoot", subpath: "a/b" }]);
    const range = { stored: 1000, shown: 0, length: 1 };
    expect(binds({ idmap: { uids: [range, range], gids: [] } })).toMatchObject([
      { idmap: { uids: "1000 0 1\n1000 0 1\n", gids: "" } },
    ]);
    expect(binds({ readOnly: true })).toMatchObject([{ attributes: ["ro"] }]);
    expect(binds({ readOnly: true, writableBelow: true })).toMatchObject([{ attributes: [] }]);
    const top = program({
      mounts: [{ ...bind, readOnly: true, writableBelow: true, propagation: "private" }],
    });
    expect(child(top)).toContainEqual(
      expect.objectContaining({ op: "setMountAttributes", path: "/t", attributes: ["ro"] }),
    );
    expect(at(top, "setMountAttributes")).toBeGreaterThan(at(top, "enterRoot"));
  });

  it("makes the root read-only only when asked", () => {
    const readOnly = (p: KernelProgram) =>
      child(p).flatMap((o) => (o.op === "setMountAttributes" ? [o.path] : []));
    expect(readOnly(program())).toEqual(["/sys/fs/cgroup"]);
    expect(readOnly(program({ readOnlyRoot: true }))).toEqual(["/sys/fs/cgroup", "/"]);
    expect(readOnly(program({}, V2))).toEqual([]);
  });

  it("joins no v1 hierarchy in which it has nothing to write or count", () => {
    const paths = program().process!.clone.cgroups;
    expect(paths).not.toContain("/sys/fs/cgroup/blkio/nacre/f");
    expect(paths).toContain("/sys/fs/cgroup/memory/nacre/f");
  });

  it("opens a v1 cpuset, and the one above it, before processors are chosen", () => {
    const { host } = program({ resources: { cpusetCpus: "1" } });
    const lines = host.flatMap((o) =>
      o.op === "writeFile" && o.path.includes("cpuset") ? [`${o.path.slice(22)}=${o.data}`] : [],
    );
    expect(lines).toEqual([
      "nacre/cpuset.cpus=0-3",
      "nacre/cpuset.mems=0",
      "nacre/f/cpuset.cpus=0-3",
      "nacre/f/cpuset.mems=0",
      "nacre/f/cpuset.cpus=1",
    ]);
  });

  it("writes limits where v1 and v2 keep them", () => {
    const resources = { memoryBytes: 64 << 20, nanoCpus: 500_000_000, pids: 5 };
    const writes = (hierarchies: MountedHierarchy[]) =>
      program({ resources }, hierarchies)
        .host.filter((o) => o.op === "writeFile")
        .map((o) => `${o.path.replace("/sys/fs/cgroup/", "")}=${o.data}`);
    expect(writes(V1)).toEqual(
      expect.arrayContaining([
        "memory/nacre/f/memory.limit_in_bytes=67108864",
        "cpu/nacre/f/cpu.cfs_quota_us=50000",
        "pids/nacre/f/pids.max=5",
        "devices/nacre/f/devices.deny=a *:* rwm",
      ]),
    );
    expect(writes(V2)).toEqual([
      "cgroup.subtree_control=+memory +cpu +pids",
      "nacre/cgroup.subtree_control=+memory +cpu +pids",
      "nacre/f/memory.max=67108864",
      "nacre/f/memory.swap.max=67108864",
      "nacre/f/cpu.max=50000 100000",
      "nacre/f/pids.max=5",
    ]);
  });

  it("has a list of devices on v1, and a program for them on v2", () => {
    const filters = (request: Parameters<typeof program>[0]) =>
      program(request, V2).host.filter((o) => o.op === "attachDeviceFilter");
    const [filter, ...others] = filters({});
    expect(others).toEqual([]);
    expect(filter).toMatchObject({ path: "/sys/fs/cgroup/nacre/f" });
    expect(inverseOf(filter as Operation)).toBeUndefined();
    expect(filters({ privileged: true })).toEqual([]);
    const text = printProgram(program({}, V2), { columns: 0, colour: false });
    expect(text).toContain("unless type is c, a character device, go on at");
    expect(program().host.filter((o) => o.op === "attachDeviceFilter")).toEqual([]);
  });

  it("links /dev/core where there is something for it to lead to", () => {
    const links = (showsMemory: boolean) =>
      child(program({}, V1, { showsMemory })).flatMap((o) =>
        o.op === "placeSymlink" ? [`${o.path} ${o.text}`] : [],
      );
    expect(links(false)).not.toContain("/dev/core /proc/kcore");
    expect(links(true)).toEqual([...links(false), "/dev/core /proc/kcore"]);
  });

  it("kills what has a time at its end, the last thing that its parent does", () => {
    const { parent } = program({ oomScoreAdj: 5 }, V1, { timeoutMs: 5000 }).process!;
    expect(parent.at(-1)).toMatchObject({ op: "killAfter", timeoutMs: 5000 });
    expect(program({ oomScoreAdj: 5 }).process!.parent).toEqual(parent.slice(0, -1));
  });

  it("tells of OOM kills from the file of the version at hand", () => {
    expect(program().process!.supervision.collect).toEqual([
      "/sys/fs/cgroup/memory/nacre/f/memory.oom_control",
    ]);
    expect(program({}, V2).process!.supervision.collect).toEqual([
      "/sys/fs/cgroup/nacre/f/memory.events",
    ]);
  });

  it("undoes every host operation that leaves something behind", () => {
    for (const operation of program().host) {
      if (operation.op === "writeFile") continue;
      expect(inverseOf(operation), sentence(operation)).toBeDefined();
    }
  });
});

describe("printProgram", () => {
  it("shows every operation with its number, reason, system calls and inverse", () => {
    const text = printProgram(program(), { columns: 0, colour: false });
    expect(text).toContain("make cgroup /sys/fs/cgroup/memory/nacre/f");
    expect(text).toContain("undone: remove directory /sys/fs/cgroup/memory/nacre/f");
    expect(text).toContain("by clone3");
    expect(text).toContain("become user 1000, group 1000, groups 44");
    expect(text).toMatch(/\d+ {2}execute true/);
  });

  it("keeps to the columns of the terminal where words allow it", () => {
    const lines = printProgram(program(), { columns: 80, colour: false }).split("\n");
    const reasons = lines.filter((line) => line.startsWith("       "));
    expect(Math.max(...reasons.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("prints JSON that a machine reads back", () => {
    const parsed = JSON.parse(programToJson(program()));
    expect(parsed.host[0]).toMatchObject({ op: "makeCgroup", inverse: { op: "removeDirectory" } });
    expect(parsed.process.child.at(-1)).toMatchObject({ op: "execute", arguments: ["true"] });
  });
});
