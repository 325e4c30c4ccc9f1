import { readdirSync, readFileSync } from "node:fs";
import { type CgroupHandle, Cgroups } from "@nacre/core/cgroup.ts";
import { type CssSet, CssSets, cssSetsOf, parseMembership } from "@nacre/core/css-set.ts";
import { NacreError } from "@nacre/core/error.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { builds, portableCore } from "./portable.ts";
import { wasmCore } from "./wasm-core.ts";

function errno(run: () => void): string {
  try {
    run();
    return "fine";
  } catch (error) {
    if (error instanceof NacreError) return error.errno ?? error.kind;
    throw error;
  }
}

/** Two version 1 hierarchies and version 2, each with two nodes. */
function machine(core: ReturnType<typeof wasmCore>) {
  const cgroups = new Cgroups(core, { cpus: 4, memoryNodes: 1 });
  const roots = [cgroups.mount(1, ["cpu"]), cgroups.mount(1, ["pids"]), cgroups.mount(2)];
  const nodes = roots.map(({ root }) => [
    root,
    cgroups.create(root, "a"),
    cgroups.create(root, "b"),
  ]);
  return { cgroups, nodes, tasks: new CssSets(cgroups) };
}

describe.each(builds)("css_sets in $build", ({ core }) => {
  it("are shared by tasks with the same combination of nodes, and inherited by a fork", () => {
    const { tasks, nodes } = machine(core());
    tasks.spawn(1);
    tasks.fork(1, 2);
    expect(tasks.of(2).handle).toBe(tasks.of(1).handle);
    expect(tasks.counts()).toEqual({ sets: 1, links: 3, tasks: 2 });
    tasks.move(2, [nodes[0]![1]!]);
    expect(tasks.counts()).toEqual({ sets: 2, links: 6, tasks: 2 });
    tasks.fork(1, 3, [nodes[0]![1]!]);
    expect(tasks.of(3).handle).toBe(tasks.of(2).handle);
    expect([...tasks.of(3).tasks].sort()).toEqual([2, 3]);
  });

  it("go with their last task, and their links with them", () => {
    const { cgroups, tasks, nodes } = machine(core());
    const [, a] = nodes[2]!;
    tasks.spawn(1, [a!]);
    const { handle } = tasks.of(1);
    expect(tasks.setsOf(a!)).toEqual([handle]);
    expect(cgroups.get(a!)).toMatchObject({ tasks: 1, population: 1 });
    tasks.exit(1);
    expect(tasks.counts()).toEqual({ sets: 0, links: 0, tasks: 0 });
    expect(tasks.setsOf(a!)).toEqual([]);
    expect(errno(() => tasks.get(handle))).toBe("ENOENT");
  });

  it("never hold two nodes of one hierarchy", () => {
    const { tasks, nodes } = machine(core());
    const [, a, b] = nodes[0]!;
    expect(errno(() => tasks.spawn(1, [a!, b!]))).toBe("EINVAL");
    expect(errno(() => tasks.spawn(1, [a!, a!]))).toBe("EINVAL");
    expect(tasks.counts().tasks).toBe(0);
  });

  it("refuse what the kernel refuses", () => {
    const { cgroups, tasks, nodes } = machine(core());
    const [, a] = nodes[1]!;
    tasks.spawn(1);
    expect(errno(() => tasks.spawn(1))).toBe("EEXIST");
    expect(errno(() => tasks.fork(9, 2))).toBe("ESRCH");
    expect(errno(() => tasks.exit(9))).toBe("ESRCH");
    expect(errno(() => tasks.move(1, [12345]))).toBe("ENOENT");
    for (const pid of [0, -1, 0.5, 2 ** 32]) expect(errno(() => tasks.spawn(pid))).toBe("EINVAL");
    cgroups.setLimit(a!, "pidsMax", 2);
    const below = cgroups.create(a!, "below");
    tasks.fork(1, 2, [a!]);
    tasks.fork(1, 3, [below]);
    expect(errno(() => tasks.fork(3, 4))).toBe("EAGAIN");
    // Moving in is not forking: it may pass the limit (cgroup-v2.rst, PID).
    tasks.move(1, [below]);
    expect(cgroups.get(a!).population).toBe(3);
    expect(tasks.tasksOf(below)).toEqual([1, 3]);
  });

  it("gain a link when a hierarchy is mounted, and lose it when it ends", () => {
    const { cgroups, tasks, nodes } = machine(core());
    tasks.spawn(1);
    tasks.spawn(2, [nodes[0]![1]!]);
    const { handle } = tasks.of(2);
    const memory = cgroups.mount(1, ["memory"]);
    expect(cgroups.get(memory.root)).toMatchObject({ tasks: 2, population: 2 });
    expect(tasks.counts().links).toBe(8);
    expect(tasks.of(2)).toMatchObject({ handle });
    tasks.fork(2, 3);
    expect(tasks.of(3).handle).toBe(handle);
    cgroups.unmount(memory.handle);
    expect(tasks.counts()).toEqual({ sets: 2, links: 6, tasks: 3 });
    tasks.fork(2, 4);
    expect(tasks.of(4).handle).toBe(handle);
  });
});

// Random tasks, beside a model that knows only where each task is.

type Place = Map<number, CgroupHandle>; // by hierarchy
type Operation =
  | { do: "spawn" | "move"; pid: number; at: [number, number][] }
  | { do: "fork"; pid: number; parent: number; at: [number, number][] }
  | { do: "exit"; pid: number }
  | { do: "mount" | "unmount" };

const pids = fc.integer({ min: 1, max: 9 });
const places = fc.uniqueArray(fc.tuple(fc.nat(2), fc.nat(2)), {
  maxLength: 3,
  selector: ([hierarchy]) => hierarchy,
});
const operations: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ do: fc.constant("spawn" as const), pid: pids, at: places }),
  fc.record({ do: fc.constant("fork" as const), pid: pids, parent: pids, at: places }),
  fc.record({ do: fc.constant("move" as const), pid: pids, at: places }),
  fc.record({ do: fc.constant("exit" as const), pid: pids }),
  fc.record({ do: fc.constantFrom("mount" as const, "unmount" as const) }),
);

function run(world: ReturnType<typeof machine>, operation: Operation): void {
  const { cgroups, tasks, nodes } = world;
  const picked = "at" in operation ? operation.at.map(([h, n]) => nodes[h]![n]!) : [];
  if (operation.do === "spawn") tasks.spawn(operation.pid, picked);
  else if (operation.do === "fork") tasks.fork(operation.parent, operation.pid, picked);
  else if (operation.do === "move") tasks.move(operation.pid, picked);
  else if (operation.do === "exit") tasks.exit(operation.pid);
  else if (operation.do === "mount") cgroups.mount(1, ["memory"]);
  else {
    const memory = cgroups.hierarchies().find(({ controllers, version }) => {
      return version === 1 && controllers.includes("memory");
    });
    if (memory) cgroups.unmount(memory.handle);
  }
}

/** The same on the model: a map from PID to the node by hierarchy, and nothing else. */
function model(where: Map<number, Place>, operation: Operation): string {
  const given = "at" in operation ? operation.at : [];
  const change = (from: Place): Place => new Map([...from, ...given]);
  const roots: Place = new Map([0, 1, 2].map((hierarchy) => [hierarchy, 0]));
  switch (operation.do) {
    case "spawn":
      if (where.has(operation.pid)) return "EEXIST";
      where.set(operation.pid, change(roots));
      return "fine";
    case "fork": {
      if (where.has(operation.pid)) return "EEXIST";
      const from = where.get(operation.parent);
      if (from === undefined) return "ESRCH";
      where.set(operation.pid, change(from));
      return "fine";
    }
    case "move": {
      const from = where.get(operation.pid);
      if (from === undefined) return "ESRCH";
      where.set(operation.pid, change(from));
      return "fine";
    }
    case "exit":
      return where.delete(operation.pid) ? "fine" : "ESRCH";
    default:
      return "any";
  }
}

/** PIDs by combination, in an order that does not depend on handles. */
function groups(entries: Iterable<[key: string, pid: number]>): [string, number[]][] {
  const sets = new Map<string, number[]>();
  for (const [key, pid] of entries) sets.set(key, [...(sets.get(key) ?? []), pid]);
  for (const members of sets.values()) members.sort((a, b) => a - b);
  return [...sets].sort(([a], [b]) => (a < b ? -1 : 1));
}

function checkLinks({ tasks, cgroups }: ReturnType<typeof machine>, sets: CssSet[]): void {
  const hierarchies = cgroups.hierarchies().length;
  const pairs = new Set<string>();
  for (const { handle, nodes, tasks: members } of sets) {
    expect(new Set(nodes.map((node) => cgroups.get(node).hierarchy)).size).toBe(hierarchies);
    expect(nodes).toHaveLength(hierarchies);
    expect(members.length).toBeGreaterThan(0);
    for (const node of nodes) {
      expect(tasks.setsOf(node)).toContain(handle);
      pairs.add(`${handle} ${node}`);
    }
  }
  expect(tasks.counts().links).toBe(pairs.size);
}

describe("random tasks", () => {
  it("are in the same css_sets in both builds and in a model that groups them naively", () => {
    fc.assert(
      fc.property(fc.array(operations, { maxLength: 60 }), (program) => {
        const worlds = [machine(wasmCore()), machine(portableCore())] as const;
        const where = new Map<number, Place>();
        for (const operation of program) {
          const [a, b] = worlds.map((world) => errno(() => run(world, operation)));
          expect(b).toBe(a);
          const wanted = model(where, operation);
          if (wanted !== "any") expect(a).toBe(wanted);
        }
        const naive = groups(
          [...where].map(([pid, place]) => [[0, 1, 2].map((h) => place.get(h)).join(), pid]),
        );
        for (const world of worlds) {
          const sets = world.tasks.sets();
          checkLinks(world, sets);
          const indexOf = (set: CssSet, h: number): number =>
            world.nodes[h]!.findIndex((node) => set.nodes.includes(node));
          const ours = groups(
            sets.flatMap((set) =>
              set.tasks.map((pid): [string, number] => [
                [0, 1, 2].map((h) => indexOf(set, h)).join(),
                pid,
              ]),
            ),
          );
          expect(ours).toEqual(naive);
          expect(sets).toHaveLength(naive.length);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("the css_sets of a machine", () => {
  it("are read from its tasks' cgroup files", () => {
    const at = (memory: string, unified: string): string =>
      `4:memory:${memory}\n1:name=systemd:/\n0::${unified}\n`;
    const sets = cssSetsOf(wasmCore(), [
      { pid: 1, text: at("/", "/init") },
      { pid: 30, text: at("/a", "/../x (deleted)") },
      { pid: 20, text: at("/a", "/../x (deleted)") },
    ]);
    expect(sets).toEqual([
      {
        tasks: [20, 30],
        cgroups: [
          { hierarchy: 4, controllers: ["memory"], path: "/a" },
          { hierarchy: 1, controllers: ["name=systemd"], path: "/" },
          { hierarchy: 0, controllers: [], path: "/../x (deleted)" },
        ],
      },
      expect.objectContaining({ tasks: [1] }),
    ]);
    expect(() => parseMembership("nonsense")).toThrow(NacreError);
    expect(() => cssSetsOf(wasmCore(), [{ pid: 1, text: "0::/a\n0::/b\n" }])).toThrow(NacreError);
  });

  // Only Linux has cgroups to read.
  it.runIf(process.platform === "linux")("are those of this one, grouped by equal files", () => {
    const texts = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          return [{ pid: Number(name), text: readFileSync(`/proc/${name}/cgroup`, "utf8") }];
        } catch {
          return []; // gone since it was listed
        }
      });
    const naive = groups(texts.map(({ pid, text }) => [text, pid]));
    for (const core of [wasmCore(), portableCore()]) {
      const ours = groups(
        cssSetsOf(core, texts).flatMap(({ cgroups, tasks }) => {
          const lines = cgroups.map((c) => `${c.hierarchy}:${c.controllers.join()}:${c.path}\n`);
          return tasks.map((pid): [string, number] => [lines.join(""), pid]);
        }),
      );
      expect(ours).toEqual(naive);
    }
  });
});
