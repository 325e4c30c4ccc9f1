// What a config.json is compiled to, where no test on a kernel of this machine can see it.

import { readConfig } from "@nacre/core/oci/config.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { runtimeProgram } from "@nacre/core/program/runtime-program.ts";
import { describe, expect, it } from "vitest";

type Json = Record<string, unknown>;

function program(more: Json, linux: Json = {}, hasSelinux = false) {
  const config = {
    ociVersion: "1.2.0",
    root: { path: "rootfs" },
    process: { cwd: "/", args: ["sh"], env: ["PATH=/bin"] },
    ...more,
    linux: { namespaces: [{ type: "mount" }, { type: "pid" }], ...linux },
  };
  const spec = readConfig(JSON.stringify(config), () => {});
  return runtimeProgram({
    id: "one",
    mounts: { spec, hierarchies: [], cgroupPath: "/one", bundle: "/bundle", hasSelinux },
    rootfs: "/bundle/rootfs",
    cgroups: { host: [], nodes: [], hierarchies: [], parents: [], leftOut: [] },
    directory: "/run/one",
    around: ["/bundle", "/"],
    state: (status) => [`{"status":"${status}","pid":`, "}"],
    supervision: {
      ...{ stdin: "inherit", output: "inherit", terminal: "none", collect: [] },
      ...{ detached: true, leaves: true, startPath: "/run/one/start" },
    },
    filter: undefined,
  });
}

const child = (...given: Parameters<typeof program>): readonly Operation[] =>
  program(...given).process?.child ?? [];
const names = (operations: readonly Operation[]) => operations.map(({ op }) => op);

describe("the program of an OCI container", () => {
  it("has nothing to do after its wait but hooks and execve", () => {
    const operations = child({ hooks: { startContainer: [{ path: "/hook" }] } });
    expect(names(operations).slice(-4)).toEqual([
      "findProgram",
      "awaitStart",
      "runHook",
      "execute",
    ]);
    const begun = names(operations).indexOf("awaitStart");
    for (const op of ["enterRoot", "boundCapabilities", "setUser", "setCapabilities"] as const) {
      expect(names(operations).indexOf(op)).toBeLessThan(begun);
    }
  });

  it("runs hooks between the mounts and the root's entering, outside and inside", () => {
    const hook = [{ path: "/hook", timeout: 2 }];
    const hooks = { prestart: hook, createRuntime: hook, createContainer: hook };
    const operations = child({ hooks, mounts: [{ destination: "/p", type: "proc" }] });
    const run = operations.flatMap((o) => (o.op === "runHook" ? [o] : []));
    expect(run.map(({ by, field, timeoutMs }) => [by, field, timeoutMs])).toEqual([
      ["parent", "hooks.prestart[0]", 2000],
      ["parent", "hooks.createRuntime[0]", 2000],
      ["self", "hooks.createContainer[0]", 2000],
    ]);
    const order = names(operations);
    expect(order.lastIndexOf("mountInRoot")).toBeLessThan(order.indexOf("runHook"));
    expect(order.lastIndexOf("runHook")).toBeLessThan(order.indexOf("enterRoot"));
  });

  it("labels mounts where there is SELinux, and only those that have no labels of their own", () => {
    const mounts = ["tmpfs", "mqueue", "proc"].map((type) => ({ destination: `/${type}`, type }));
    const options = (hasSelinux: boolean) =>
      child({ mounts }, { mountLabel: "a:b:c" }, hasSelinux).flatMap((o) =>
        o.op === "mountInRoot" ? [o.mount.options] : [],
      );
    expect(options(true)).toEqual([['context="a:b:c"'], ['context="a:b:c"'], []]);
    expect(options(false)).toEqual([[], [], []]);
  });

  it("shares nothing of the root with the machine while mounts are made", () => {
    const spread = (mode: string) =>
      child({}, { rootfsPropagation: mode }).flatMap((o) =>
        o.op === "setPropagation" ? [[o.path, o.mode, o.recursive]] : [],
      );
    expect(spread("private")).toEqual([["/", "private", true]]);
    expect(spread("rslave")).toEqual([["/", "slave", true]]);
    expect(spread("shared")).toEqual([
      ["/bundle", "private", false],
      ["/", "private", false],
      ["/", "shared", false],
    ]);
    expect(spread("unbindable")).toEqual([
      ["/", "slave", true],
      ["/", "unbindable", false],
    ]);
  });

  it("opens the root as who it is outside, and is root of its users before it makes anything", () => {
    const map = [{ containerID: 0, hostID: 1000, size: 10 }];
    const users = { uidMappings: map, gidMappings: map };
    const namespaces = [{ type: "mount" }, { type: "user" }];
    const given = program({}, { namespaces, ...users });
    expect(given.process?.clone.create).toEqual(["mnt", "user"]);
    expect(given.process?.parent.map((o) => "data" in o && o.data)).toEqual([
      "0 1000 10\n",
      "0 1000 10\n",
    ]);
    const order = names(given.process?.child ?? []);
    expect(order.indexOf("openRoot")).toBeLessThan(order.indexOf("setUser"));
    // Nobody makes devices in a user namespace.
    expect(order).not.toContain("placeNode");
    expect(order.indexOf("setUser")).toBeLessThan(order.indexOf("bindInRoot"));
  });

  it("has what is bound bound by who is outside of its users, in rows", () => {
    const map = [{ containerID: 0, hostID: 1000, size: 10 }];
    const users = { uidMappings: map, gidMappings: map };
    const namespaces = [{ type: "mount" }, { type: "user" }];
    const bind = (destination: string) => ({ destination, source: "/s", options: ["bind"] });
    const mounts = [bind("/a"), bind("/b"), { destination: "/c", type: "tmpfs" }, bind("/d")];
    const { process } = program({ mounts }, { namespaces, ...users });
    const rows = (process?.child ?? []).filter(({ outside }) => outside);
    expect(names(rows)).toEqual([
      ...["openRoot", "actAsOwner", "bindInRoot", "bindInRoot"],
      ...["openRoot", "actAsOwner", "bindInRoot"],
    ]);
    expect(
      names((program({ mounts }).process?.child ?? []).filter(({ outside }) => outside)),
    ).toEqual([]);
  });

  it("joins namespaces by path, the users' last, and makes the time's late", () => {
    const namespaces = [
      { type: "mount" },
      { type: "time" },
      { type: "user", path: "/u" },
      { type: "pid", path: "/p" },
    ];
    const given = program({}, { namespaces, timeOffsets: { monotonic: { secs: 5 } } });
    expect(given.process?.clone.create).toEqual(["mnt"]);
    expect(given.process?.clone.joinPaths.map(({ kind }) => kind)).toEqual(["pid", "user"]);
    expect(given.process?.child.slice(0, 3)).toMatchObject([
      { op: "unshare", namespaces: ["time"] },
      { op: "writeOwnFile", name: "timens_offsets", data: "monotonic 5 0\n" },
      { op: "enterTimeNamespace" },
    ]);
  });
});
