// Random machines: the same steps on both builds, each outcome compared.

import {
  type CgroupHandle,
  Cgroups,
  CONTROLLERS,
  LIMITS,
  type LimitValue,
} from "@nacre/core/cgroup.ts";
import { formatCpusetList, parseCpusetList } from "@nacre/core/cpuset-list.ts";
import { NacreError } from "@nacre/core/error.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { portableCore } from "./portable.ts";
import { wasmCore } from "./wasm-core.ts";

/** A version 2 tree three deep with all controllers passed on, and one of version 1. */
function grow(cgroups: Cgroups): CgroupHandle[] {
  const old = cgroups.mount(1, ["cpu", "blkio"]).root;
  const { root, controllers } = cgroups.mount(2);
  const made = [old, cgroups.create(old, "old"), root];
  for (let at = root; made.length < 6; made.push(at)) {
    cgroups.setSubtreeControl(at, { enable: controllers });
    at = cgroups.create(at, "deep");
  }
  return made;
}

type Step = (cgroups: Cgroups, pick: (n: number) => CgroupHandle, made: CgroupHandle[]) => unknown;

const handles = fc.nat(12);
const controllers = fc.subarray([...CONTROLLERS]);
const values = fc.oneof(
  fc.constantFrom<LimitValue>("max", 0, 1, 2, 10, 100, 999, 1000, 1024, 50000, 100000, 1000000),
  fc.integer({ min: -2, max: 300000 }),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(Number.NaN, 0.5, 2 ** 60, Number.POSITIVE_INFINITY),
);
const lists = fc.oneof(
  fc.uniqueArray(fc.nat(7), { minLength: 1 }).map((numbers) => formatCpusetList(numbers)),
  fc.constantFrom("", "0", "0-7", "0-3", "2-5,7", "4-9", "1,,2", "1-", "x", "1024", "0-2000"),
  fc.array(fc.nat(9), { maxLength: 4 }).map((numbers) => formatCpusetList(numbers)),
);

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constantFrom(1, 2), controllers).map(([version, names]): Step => {
    return (cgroups, _, made) => {
      const found = version === 2 ? cgroups.mount(2) : cgroups.mount(1, names.slice(0, 3));
      made.push(found.root);
      return found;
    };
  }),
  fc.tuple(handles, fc.constantFrom("a", "b", "c", ".", "")).map(([node, name]): Step => {
    return (cgroups, pick, made) => made.push(cgroups.create(pick(node), name));
  }),
  fc.tuple(handles, fc.constantFrom("a", "b", "c")).map(([node, name]): Step => {
    return (cgroups, pick, made) => made.push(cgroups.create(pick(node), name));
  }),
  handles.map(
    (node): Step =>
      (cgroups, pick) =>
        cgroups.remove(pick(node)),
  ),
  handles.map(
    (node): Step =>
      (cgroups, pick) =>
        cgroups.unmount(cgroups.get(pick(node)).hierarchy),
  ),
  fc.tuple(handles, controllers, controllers).map(([node, enable, disable]): Step => {
    return (cgroups, pick) =>
      cgroups.setSubtreeControl(pick(node), {
        enable: enable.filter((name) => cgroups.get(pick(node)).controllers.includes(name)),
        disable: disable.slice(0, 1),
      });
  }),
  fc.tuple(handles, fc.constantFrom(...LIMITS), values).map(([node, limit, value]): Step => {
    return (cgroups, pick) => cgroups.setLimit(pick(node), limit, value);
  }),
  fc.tuple(handles, fc.constantFrom("cpus" as const, "mems" as const), lists).map(
    ([node, file, list]): Step =>
      (cgroups, pick) =>
        cgroups.setCpuset(pick(node), file, list),
  ),
);

function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (error instanceof NacreError) return `${error.kind} ${error.errno}`;
    throw error;
  }
}

/** Everything that can be seen of a node. */
function see(cgroups: Cgroups, node: CgroupHandle): unknown {
  return outcome(() => ({
    ...cgroups.get(node),
    path: cgroups.path(node),
    children: cgroups.children(node),
    limits: LIMITS.map((limit) => outcome(() => cgroups.limit(node, limit))),
    effective: LIMITS.map((limit) => cgroups.effectiveLimit(node, limit)),
    cpus: outcome(() => cgroups.cpuset(node, "cpus")),
    cpusets: [cgroups.effectiveCpuset(node, "cpus"), cgroups.effectiveCpuset(node, "mems")],
    share: cgroups.share(node, "cpuWeight"),
  }));
}

/** What must hold by definition, computed from what the files show. */
function checkEffective(cgroups: Cgroups, node: CgroupHandle): void {
  const way: CgroupHandle[] = [];
  for (let at: CgroupHandle | undefined = node; at !== undefined; at = cgroups.get(at).parent) {
    way.unshift(at);
  }
  for (const limit of ["memoryMax", "memoryHigh", "memorySwap", "pidsMax"] as const) {
    const shown = way.map((at) => outcome(() => cgroups.limit(at, limit)));
    const numbers = shown.filter((value) => typeof value === "number");
    const least = numbers.length === 0 ? "max" : Math.min(...numbers);
    expect(cgroups.effectiveLimit(node, limit)).toBe(least);
  }
  const { version } = cgroups.hierarchy(cgroups.get(node).hierarchy);
  if (version === 1) return;
  let cpus = new Set([0, 1, 2, 3, 4, 5, 6, 7]);
  for (const at of way.slice(1)) {
    const own = outcome(() => cgroups.cpuset(at, "cpus")) as string;
    if (own.startsWith("not-found")) continue;
    const both = parseCpusetList(own).filter((cpu) => cpus.has(cpu));
    if (both.length > 0) cpus = new Set(both);
  }
  expect(cgroups.effectiveCpuset(node, "cpus")).toBe(formatCpusetList(cpus));
}

describe("random cgroup operations", () => {
  it("have the same outcome in both builds, and effective limits that follow from the own ones", () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 40 }), (program) => {
        const worlds = [wasmCore(), portableCore()].map((core) => {
          const cgroups = new Cgroups(core, { cpus: 8, memoryNodes: 2 });
          return { cgroups, made: grow(cgroups) };
        });
        for (const step of program) {
          const [a, b] = worlds.map(({ cgroups, made }) =>
            outcome(() => step(cgroups, (n) => made[n % made.length]!, made)),
          );
          expect(b).toEqual(a);
        }
        const [first, second] = worlds;
        for (const node of first!.made) {
          const seen = see(first!.cgroups, node);
          expect(see(second!.cgroups, node)).toEqual(seen);
          if (typeof seen !== "string") checkEffective(first!.cgroups, node);
        }
      }),
      { numRuns: 400 },
    );
  });
});
