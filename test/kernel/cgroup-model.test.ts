// The model of cgroups (core/cgroup.ts) beside the real ones: the same writes into the same tree,
// and every file and every refusal must agree.

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { type CgroupHandle, Cgroups, type Controller, type Limit } from "@nacre/core/cgroup.ts";
import { detectLayout, type HierarchyMount } from "@nacre/core/cgroup-layout.ts";
import { CssSets } from "@nacre/core/css-set.ts";
import { NacreError } from "@nacre/core/error.ts";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { wasmCore } from "../core/wasm-core.ts";

const read = (path: string): string => readFileSync(path, "utf8");
const layout = detectLayout(read("/proc/self/mountinfo"), read("/proc/cgroups"));
const isRoot = process.getuid?.() === 0;

/** Errno, or "fine". */
function outcome(run: () => void): string {
  try {
    run();
    return "fine";
  } catch (error) {
    if (error instanceof NacreError) return error.errno ?? error.kind;
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

interface FileOfLimit {
  readonly controller: Controller;
  readonly file: string;
  readonly limit: Limit;
  readonly values: readonly (number | "max")[];
}

const MIB = 1 << 20;
const CPU_TIMES = [-1, 0, 999, 1000, 20000, 40000, 50000, 100000, 1000000, 1000001];
/** Nothing below what a node's own bookkeeping uses: the model does not know of memory in use. */
const BYTES = [-1, MIB, 2 * MIB + 5, 4 * MIB, 64 * MIB];
const files: readonly FileOfLimit[] = [
  {
    controller: "cpu",
    file: "cpu.shares",
    limit: "cpuWeight",
    values: [0, 1, 2, 1024, 262144, 262145],
  },
  { controller: "cpu", file: "cpu.cfs_quota_us", limit: "cpuQuota", values: CPU_TIMES },
  { controller: "cpu", file: "cpu.cfs_period_us", limit: "cpuPeriod", values: CPU_TIMES.slice(1) },
  { controller: "cpu", file: "cpu.cfs_burst_us", limit: "cpuBurst", values: CPU_TIMES.slice(1) },
  { controller: "memory", file: "memory.limit_in_bytes", limit: "memoryMax", values: BYTES },
  { controller: "memory", file: "memory.memsw.limit_in_bytes", limit: "memorySwap", values: BYTES },
  { controller: "memory", file: "memory.soft_limit_in_bytes", limit: "memoryLow", values: BYTES },
  {
    controller: "pids",
    file: "pids.max",
    limit: "pidsMax",
    values: ["max", 0, 7, 4194304, 4194305],
  },
  { controller: "blkio", file: "blkio.bfq.weight", limit: "ioWeight", values: [0, 1, 1000, 1001] },
];

const mountOf = (controller: Controller): HierarchyMount | undefined =>
  layout.hierarchies.find((h) => h.version === 1 && h.controllers.includes(controller));

const controllers = ["cpu", "memory", "pids", "blkio", "cpuset"] as const;
const testable = controllers.filter((name) => mountOf(name)?.controllers.length === 1);
const NODES = ["", "/a", "/a/b", "/c"];
let serial = 0;

/** One tree in the kernel and the same in the model. */
class Twin {
  readonly cgroups = new Cgroups(wasmCore(), { cpus: availableParallelism(), memoryNodes: 1 });
  readonly tasks = new CssSets(this.cgroups);
  readonly directory: string;
  readonly nodes: CgroupHandle[] = [];
  readonly #home: string;
  readonly #tenant: number | undefined;

  /** `tenant` is a process that may be moved in; it is moved out at the end. */
  constructor(controller: Controller, tenant?: number) {
    const name = `nacre-twin-${process.pid}-${++serial}`;
    this.#home = mountOf(controller)!.mountpoint;
    this.#tenant = tenant;
    this.directory = `${this.#home}/${name}`;
    const { root } = this.cgroups.mount(1, [controller]);
    for (const path of NODES) {
      mkdirSync(this.directory + path);
      const parent = path === "" ? root : this.nodes[path === "/a/b" ? 1 : 0]!;
      this.nodes.push(this.cgroups.create(parent, path.split("/").at(-1) || name));
    }
  }

  path(node: number, file: string): string {
    return `${this.directory}${NODES[node]}/${file}`;
  }

  [Symbol.dispose](): void {
    if (this.#tenant) writeFileSync(`${this.#home}/cgroup.procs`, String(this.#tenant));
    for (const path of NODES.toReversed()) rmdirSync(this.directory + path);
  }
}

/** A version 1 memory file shows "max" as a number near 2^63, rounded to pages. */
function shown(text: string): number | "max" {
  const value = text.trim() === "max" ? -1 : Number(text);
  return value < 0 || value > 2 ** 60 ? "max" : value;
}

// Cgroups are made and removed as root.
describe.runIf(isRoot)("the model of cgroups beside the kernel's", () => {
  const limited = testable.filter((name) => name !== "cpuset");

  it.each(limited)("takes and refuses the same writes to %s", (controller) => {
    const own = files.filter((file) => file.controller === controller);
    const write = fc.tuple(
      fc.nat(NODES.length - 1),
      fc
        .constantFrom(...own)
        .chain((file) => fc.tuple(fc.constant(file), fc.constantFrom(...file.values))),
    );
    fc.assert(
      fc.property(fc.array(write, { minLength: 1, maxLength: 25 }), (program) => {
        using twin = new Twin(controller);
        for (const [node, [{ file, limit }, value]] of program) {
          const real = outcome(() => writeFileSync(twin.path(node, file), String(value)));
          const model = outcome(() => twin.cgroups.setLimit(twin.nodes[node]!, limit, value));
          expect([NODES[node], file, value, model]).toEqual([NODES[node], file, value, real]);
          for (const other of own) {
            const text = shown(read(twin.path(node, other.file)));
            expect([other.file, twin.cgroups.limit(twin.nodes[node]!, other.limit)]).toEqual([
              other.file,
              text,
            ]);
          }
        }
      }),
      { numRuns: 15 },
    );
  });

  // A machine may have given cpuset to nobody, or not have it.
  describe.runIf(testable.includes("cpuset"))("cpusets", () => {
    const sleeper = isRoot ? spawn("sleep", ["600"], { stdio: "ignore" }) : undefined;
    afterAll(() => {
      sleeper?.kill("SIGKILL");
    });

    it("take and refuse the same lists, and the same tasks", () => {
      const lists = ["", "0", "0-1", "1", "1-0", "x", "0,,0", "4096", "0-"];
      const step = fc.oneof(
        fc.tuple(
          fc.constantFrom("cpus" as const, "mems" as const),
          fc.nat(NODES.length - 1),
          fc.constantFrom(...lists),
        ),
        fc.tuple(fc.constant("move" as const), fc.nat(NODES.length - 1), fc.constant("")),
      );
      fc.assert(
        fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (program) => {
          const pid = sleeper!.pid!;
          using twin = new Twin("cpuset", pid);
          twin.tasks.spawn(pid);
          for (const [what, node, list] of program) {
            const handle = twin.nodes[node]!;
            const file = what === "move" ? "cgroup.procs" : `cpuset.${what}`;
            const text = what === "move" ? String(pid) : `${list}\n`;
            const real = outcome(() => writeFileSync(twin.path(node, file), text));
            const model = outcome(() => {
              if (what === "move") twin.tasks.move(pid, [handle]);
              else twin.cgroups.setCpuset(handle, what, list);
            });
            expect([NODES[node], file, list, model]).toEqual([NODES[node], file, list, real]);
            for (const one of ["cpus", "mems"] as const) {
              expect(twin.cgroups.cpuset(handle, one)).toBe(
                read(twin.path(node, `cpuset.${one}`)).trim(),
              );
            }
          }
        }),
        { numRuns: 25 },
      );
    });
  });
});
