import { compile } from "@nacre/core/program/compile.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { mappedLayers, mustBeMapped, outside } from "@nacre/core/program/outside.ts";
import { printProgram } from "@nacre/core/program/printer.ts";
import { protections } from "@nacre/core/program/protections.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import { createSpec } from "@nacre/core/program/spec.ts";
import { encodeProgram } from "@nacre/core/program/wire.ts";
import type { UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import { describe, expect, it } from "vitest";
import { MACHINE, namespaceOf } from "./machine-sample.ts";
import { sampleRequest } from "./request-sample.ts";

const one = (hostID: number, size: number) => [{ containerID: 0, hostID, size }];
const USERS: UserMaps = { uids: one(100000, 65536), gids: one(200000, 65536) };

function overlay(...options: readonly string[]): Operation {
  return {
    op: "mount",
    mount: { type: "overlay", source: "overlay", options, attributes: [] },
    target: "/state/rootfs",
  };
}

const ROOT = overlay(
  "lowerdir+=/state/mounts/a",
  "upperdir=/state/containers/f/upper",
  "workdir=/state/containers/f/work",
);

function program(
  users: (UserMaps & { path?: string }) | undefined,
  change: Partial<ContainerRequest> = {},
) {
  const spec = createSpec(
    sampleRequest({ command: ["true"], ...change }),
    {},
    {
      id: "f".repeat(64),
      user: { uid: 7, gid: 8, additionalGids: [], home: "/" },
      network: { own: true },
      mounts: [],
      ownFiles: { directory: "/state/files", names: ["hosts", "hostname", "resolv.conf"] },
      rootfs: "/state/rootfs",
      cgroupsPath: "/nacre/f",
      machine: MACHINE,
      namespaceOf,
      ...(users && { users: { ...(users.path && { path: users.path }) } }),
    },
  );
  return compile({
    title: "run",
    spec,
    ...(users && { user: users }),
    root: { host: [], child: [ROOT] },
    network: { host: [], child: [{ op: "linkUp", name: "lo" }] },
    hierarchies: [{ version: 2, controllers: [], mountpoint: "/sys/fs/cgroup" }],
    files: [
      { op: "openRoot", path: "/state/files" },
      { op: "placeText", path: "hosts", data: "", mode: 0o644, uid: 0, gid: 0 },
    ],
    supervision: { stdin: "null", output: "log", terminal: "none", detached: true },
  }).process!;
}

const named = (operations: readonly Operation[], op: string) =>
  operations.filter((operation) => operation.op === op);

describe("a container with users of its own", () => {
  const { clone, parent, child } = program(USERS, {
    terminal: true,
    limits: [{ name: "nofile", soft: 5000, hard: 6000 }],
  });

  it("is born in its user namespace, whose maps are written while it waits", () => {
    expect(clone.create).toContain("user");
    expect(parent).toMatchObject([
      { op: "writeProcessFile", name: "uid_map", data: "0 100000 65536\n" },
      { op: "writeProcessFile", name: "gid_map", data: "0 200000 65536\n" },
      { op: "setLimit", soft: 5000n, hard: 6000n },
    ]);
    expect(named(child, "setLimit")).toEqual([]);
  });

  it("has few descriptors only once it needs no more, and may have them raised before", () => {
    const limits = [{ name: "nofile", soft: 5, hard: 6000 }];
    const few = program(USERS, { limits, init: true });
    expect(named(few.parent, "setLimit")).toMatchObject([{ soft: 6000n, hard: 6000n }]);
    expect(few.child.slice(-2)).toMatchObject([
      { op: "setLimit", soft: 5n, hard: 6000n },
      { op: "execute" },
    ]);
    const fewer = program(USERS, { limits: [{ name: "nofile", soft: 5, hard: 6 }] });
    expect(named(fewer.parent, "setLimit")).toEqual([]);
  });

  it("has its root made by who is outside, in one row, before it becomes root", () => {
    const marked = child.map(({ outside }) => outside === true);
    const [first, last] = [marked.indexOf(true), marked.lastIndexOf(true)];
    expect(marked.slice(first, last + 1)).not.toContain(false);
    expect(child[first]).toMatchObject({ op: "actAsOwner", uid: 100000, gid: 200000 });
    expect(child.findIndex(({ op }) => op === "enterRoot")).toBeLessThan(last + 1);
    const own = child.slice(last + 1).map(({ op }) => op);
    expect(own.slice(0, 4)).toEqual(["openRoot", "setUser", "mountInRoot", "openTerminal"]);
    expect(own.at(-1)).toBe("execute");
    expect(child.slice(last + 1)[2]).toMatchObject({ mount: { type: "devpts" } });
  });

  it("sees its layers and its storage layer by its own owners", () => {
    const idmap = { uids: "0 100000 65536\n", gids: "0 200000 65536\n" };
    expect(named(child, "bind")).toMatchObject([
      { source: "/state/mounts/a", target: "/state/mounts/a", idmap },
      { source: "/state/containers/f", target: "/state/containers/f", idmap },
    ]);
    expect(child.findLastIndex(({ op }) => op === "bind")).toBeLessThan(
      child.findIndex((o) => o.op === "mount" && o.mount.type === "overlay"),
    );
  });

  it("owns what is placed for it", () => {
    expect(named(child, "placeText")).toMatchObject([{ uid: 100000, gid: 200000 }]);
    expect(named(child, "placeNode").map((o) => (o as { gid: number }).gid)).toContain(200005);
  });

  it("says in print what is done outside", () => {
    const text = printProgram(
      { title: "", host: [], process: program(USERS) },
      { columns: 0, colour: false },
    );
    const turns = text.split("\n").filter((line) => /^ {5}\w/.test(line) && line.endsWith(":"));
    expect(turns).toEqual([
      "     for it, by a process outside of its user namespace:",
      "     itself:",
    ]);
  });

  it("is told apart on the wire, and in what stands between it and the machine", () => {
    const process = program(USERS);
    const plain = encodeProgram({
      title: "",
      host: [],
      process: {
        ...process,
        child: process.child.map(({ outside, ...rest }) => rest as Operation),
      },
    });
    const bytes = encodeProgram({ title: "", host: [], process });
    expect(bytes.length).toBe(plain.length);
    expect(bytes.filter((byte, i) => byte !== plain[i]).every((byte) => byte === 2)).toBe(true);
    const row = (users: UserMaps | undefined) =>
      protections({ title: "", host: [], process: program(users) }).find(({ name }) =>
        name.startsWith("user"),
      );
    expect(row(USERS)).toMatchObject({
      on: true,
      change: expect.stringContaining("--userns host"),
    });
    expect(row(undefined)).toMatchObject({
      on: false,
      change: expect.stringContaining("--userns auto"),
    });
  });
});

describe("a container with another's users", () => {
  it("joins them last, and writes no maps", () => {
    const namespaces = { pid: "container:other" };
    const { clone, parent } = program({ ...USERS, path: "/proc/7/ns/user" }, { namespaces });
    expect(clone.create).not.toContain("user");
    expect(clone.joinPaths.map(({ kind }) => kind)).toEqual(["pid", "user"]);
    expect(parent).toEqual([]);
  });
});

describe("what is done outside", () => {
  it("has the machine's IDs, also in options of mounts", () => {
    const mount = { type: "tmpfs", source: "tmpfs", attributes: [] };
    const asked: Operation = {
      ...{ op: "mountInRoot", target: "/x" },
      mount: { ...mount, options: ["uid=7", "gid=9", "size=1m"] },
    };
    expect(outside([asked], USERS)).toMatchObject([
      { outside: true, mount: { options: ["uid=100007", "gid=200009", "size=1m"] } },
    ]);
    const small = { uids: one(5, 7), gids: one(5, 7) };
    expect(() => outside([asked], small)).toThrow(
      "/x: ID 7 is not in the container's user namespace",
    );
  });

  it("binds many layers of one directory at once", () => {
    const lowers = ["/s/d/a", "/s/d/b", "/other"].map((path) => `lowerdir+=${path}`);
    const made = mappedLayers([overlay(...lowers, "upperdir=/c\\,1/upper")], USERS);
    expect(named(made, "bind")).toMatchObject([
      { source: "/s/d" },
      { source: "/other" },
      { source: "/c,1" },
    ]);
  });

  it("shows all layers before the first is mounted, and what is within another with that one", () => {
    const context = overlay(
      ...["lowerdir+=/state/mounts/b", "upperdir=/state/containers/f/mounts/0/upper"],
      "workdir=/state/containers/f/mounts/0/work",
    );
    const made = mappedLayers([{ op: "newSession" }, context, ROOT], USERS);
    const said = made.map((operation) =>
      operation.op === "bind" ? operation.source : operation.op,
    );
    expect(said).toEqual([
      ...["newSession", "/state/mounts/b", "/state/mounts/a", "/state/containers/f"],
      ...["mount", "mount"],
    ]);
  });

  it("is for processes of whom the namespace has the IDs", () => {
    const user = { uid: 65535, gid: 0, additionalGids: [65536], home: "/" };
    expect(() => mustBeMapped(user, USERS)).toThrow("group: ID 65536 is not in");
    expect(() => mustBeMapped({ ...user, uid: 65536 }, USERS)).toThrow("user: ID 65536 is not in");
  });
});
