// CPU time on virtual time: who gets how much of it.

import type { SimulatedProgram } from "@nacre/simulated/program.ts";
import { describe, expect, it } from "vitest";
import { CgroupMachine, TOP } from "./cgroup-machine.ts";

const SECOND_MS = 1000;
const NS = 1e6;
const forever: SimulatedProgram = ({ resources }) => resources.compute(1e12);

const oneCpu = () => new CgroupMachine({ hardware: { cpus: 1 } });

/** CPU time of nodes of cpuacct, in milliseconds. */
const usages = (machine: CgroupMachine, ...names: string[]): number[] =>
  names.map((name) =>
    Math.round(Number(machine.read(`${TOP}/cpuacct/${name}/cpuacct.usage`)) / NS),
  );

/** A node of the same name for each controller. */
function both(machine: CgroupMachine, name: string, cpu: Record<string, string> = {}): string[] {
  return [machine.node(`${TOP}/cpu/${name}`, cpu), machine.node(`${TOP}/cpuacct/${name}`)];
}

describe("CPU time", () => {
  it("goes by shares to those who want it, whatever the number of their processes", async () => {
    const machine = oneCpu();
    const large = both(machine, "large", { "cpu.shares": "3072" });
    const small = both(machine, "small", { "cpu.shares": "1024" });
    await machine.start(forever, ...large);
    for (let n = 0; n < 5; n++) await machine.start(forever, ...small);
    await machine.clock.advance(60 * SECOND_MS);
    expect(usages(machine, "large", "small")).toEqual([45_000, 15_000]);
  });

  it("is cut at a quota: 60 % for one group and 20 % for another leave 20 % idle", async () => {
    const machine = oneCpu();
    const first = both(machine, "first", { "cpu.cfs_quota_us": "60000" });
    const second = both(machine, "second", { "cpu.cfs_quota_us": "20000" });
    await machine.start(forever, ...first);
    await machine.start(forever, ...second);
    await machine.clock.advance(10 * SECOND_MS);
    expect(usages(machine, "first", "second")).toEqual([6_000, 2_000]);
    // In each period both are stopped: at once they would take half each until 20 ms are used.
    const stat = `${TOP}/cpu/second/cpu.stat`;
    expect(machine.value(stat, "nr_throttled")).toBe(machine.value(stat, "nr_periods"));
    expect(machine.value(stat, "nr_periods")).toBe(100);
    expect(machine.value(stat, "throttled_time") / NS).toBeCloseTo(6_000, 3);
    expect(machine.value(`${TOP}/cpu/first/cpu.stat`, "throttled_time") / NS).toBeCloseTo(2_000, 3);
  });

  it("that one level leaves goes to the neighbours on the same level first", async () => {
    const machine = oneCpu();
    const top = { "cpu.shares": "1024" };
    both(machine, "a", top);
    const idle = both(machine, "a/idle", { "cpu.shares": "9000" });
    const busy = both(machine, "a/busy", { "cpu.shares": "2" });
    const other = both(machine, "b", top);
    const sleeper = await machine.start(({ sleep }) => sleep(1e9), ...idle);
    await machine.start(forever, ...busy);
    await machine.start(forever, ...other);
    await machine.clock.advance(10 * SECOND_MS);
    expect(usages(machine, "a/busy", "b")).toEqual([5_000, 5_000]);
    machine.kernel.signal(sleeper.process, 9);
  });

  it("is at most one CPU for one process, and fair to three on two CPUs", async () => {
    const machine = new CgroupMachine({ hardware: { cpus: 2 } });
    const rich = both(machine, "rich", { "cpu.shares": "100000" });
    const poor = both(machine, "poor");
    await machine.start(forever, ...rich);
    await machine.start(forever, ...poor);
    await machine.clock.advance(SECOND_MS);
    expect(usages(machine, "rich", "poor")).toEqual([1_000, 1_000]);
    const three = new CgroupMachine({ hardware: { cpus: 2 } });
    const nodes = both(three, "three");
    const running = [];
    for (let n = 0; n < 3; n++) running.push(await three.start(forever, ...nodes));
    await three.clock.advance(3 * SECOND_MS);
    for (const { process } of running) {
      const stat = three.read(`/proc/${process.pid}/stat`).split(" ");
      expect(Number(stat[13])).toBe(200);
      expect(stat[2]).toBe("R");
    }
  });

  it("is that of the CPUs of a cpuset", async () => {
    const machine = new CgroupMachine({ hardware: { cpus: 4 } });
    const pinned = (name: string, cpus: string): string =>
      machine.node(`${TOP}/cpuset/${name}`, { "cpuset.cpus": cpus, "cpuset.mems": "0" });
    const [cpuA, acctA] = both(machine, "a") as [string, string];
    const [cpuB, acctB] = both(machine, "b") as [string, string];
    const [cpuC, acctC] = both(machine, "c") as [string, string];
    const one = pinned("one", "1");
    const same = pinned("same", "1");
    const more = pinned("more", "1-3");
    await machine.start(forever, cpuA, acctA, one);
    await machine.start(forever, cpuB, acctB, same);
    for (let n = 0; n < 4; n++) await machine.start(forever, cpuC, acctC, more);
    await machine.clock.advance(SECOND_MS);
    const [a = 0, b = 0, c = 0] = usages(machine, "a", "b", "c");
    expect(a).toBe(b);
    // CPUs 1, 2 and 3 are busy all the time; 0 is nobody's.
    expect(a + b + c).toBeCloseTo(3_000, -1);
    expect(c).toBeGreaterThanOrEqual(2_000);
    expect(machine.read(`${TOP}/cpuacct/a/cpuacct.usage_percpu`)).toBe(`0 ${a * NS} 0 0 \n`);
  });

  it("goes by nice values among the processes of one group", async () => {
    const machine = oneCpu();
    const nodes = both(machine, "group");
    const nice = await machine.start(
      ({ resources }) => {
        resources.setNice(5);
        return resources.compute(1e12);
      },
      ...nodes,
    );
    const plain = await machine.start(forever, ...nodes);
    await machine.clock.advance(10 * SECOND_MS);
    const ticks = (pid: number) => Number(machine.read(`/proc/${pid}/stat`).split(" ")[13]);
    // A step of nice is worth a quarter: 1.25 to the power of 5 is about 3.
    expect(ticks(plain.process.pid) / ticks(nice.process.pid)).toBeCloseTo(1.25 ** 5, 1);
  });

  it("is what a program waits for, as long as its cgroups let it wait", async () => {
    const machine = oneCpu();
    const nodes = both(machine, "slow", { "cpu.cfs_quota_us": "25000" });
    const done: number[] = [];
    await machine.start(
      async ({ resources, nowMs }) => {
        const before = nowMs();
        await resources.compute(100);
        done.push(nowMs() - before);
      },
      ...nodes,
    );
    await machine.clock.advance(SECOND_MS);
    // 25 ms in each of four periods, the last of which it need not wait out.
    expect(done).toEqual([325]);
  });

  it("may be used later where there is a burst", async () => {
    const machine = oneCpu();
    const nodes = both(machine, "bursty", {
      "cpu.cfs_quota_us": "20000",
      "cpu.cfs_burst_us": "20000",
    });
    await machine.start(
      async ({ resources, sleep }) => {
        for (;;) {
          await resources.compute(40);
          await sleep(260);
        }
      },
      ...nodes,
    );
    await machine.clock.advance(2 * SECOND_MS);
    const stat = `${TOP}/cpu/bursty/cpu.stat`;
    expect(machine.value(stat, "nr_bursts")).toBeGreaterThan(5);
    expect(machine.value(stat, "burst_time")).toBeGreaterThan(0);
  });

  it("stops for who is stopped or frozen, and goes on where it was", async () => {
    const machine = oneCpu();
    const nodes = both(machine, "group");
    const cold = machine.node(`${TOP}/freezer/cold`);
    const running = await machine.start(forever, ...nodes, cold);
    await machine.clock.advance(SECOND_MS);
    machine.write(`${cold}/freezer.state`, "FROZEN");
    await machine.clock.advance(SECOND_MS);
    expect(usages(machine, "group")).toEqual([1_000]);
    machine.write(`${cold}/freezer.state`, "THAWED");
    machine.kernel.signal(machine.kernel.identify(running.process.pid)!, 19);
    await machine.clock.advance(SECOND_MS);
    expect(usages(machine, "group")).toEqual([1_000]);
    machine.kernel.signal(running.process, 18);
    await machine.clock.advance(SECOND_MS);
    expect(usages(machine, "group")).toEqual([2_000]);
  });

  it("follows a process that moves, and a limit that changes, from that moment on", async () => {
    const machine = oneCpu();
    const first = both(machine, "first");
    both(machine, "second");
    const running = await machine.start(forever, ...first);
    await machine.clock.advance(SECOND_MS);
    for (const controller of ["cpu", "cpuacct"]) {
      machine.write(`${TOP}/${controller}/second/cgroup.procs`, String(running.process.pid));
    }
    machine.write(`${TOP}/cpu/second/cpu.cfs_quota_us`, "10000");
    await machine.clock.advance(SECOND_MS);
    expect(usages(machine, "first", "second")).toEqual([1_000, 100]);
    machine.write(`${TOP}/cpu/second/cpu.cfs_quota_us`, "-1");
    await machine.clock.advance(SECOND_MS);
    expect(usages(machine, "first", "second")).toEqual([1_000, 1_100]);
  });

  it("stays counted above when a node is removed, until it is reset", async () => {
    const machine = oneCpu();
    both(machine, "a");
    const below = both(machine, "a/b");
    const running = await machine.start(({ resources }) => resources.compute(50), ...below);
    await machine.clock.advance(SECOND_MS);
    await running.exited;
    for (const path of below) machine.removeNode(path);
    expect(usages(machine, "a", "")).toEqual([50, 50]);
    expect(machine.read(`${TOP}/cpuacct/a/cpuacct.stat`)).toBe("user 5\nsystem 0\n");
    machine.write(`${TOP}/cpuacct/a/cpuacct.usage`, "0");
    expect(usages(machine, "a", "")).toEqual([0, 50]);
  });

  it("leaves nothing waiting once nobody wants it", async () => {
    const machine = oneCpu();
    const nodes = both(machine, "group", { "cpu.cfs_quota_us": "1000" });
    const running = await machine.start(forever, ...nodes);
    await machine.clock.advance(SECOND_MS);
    machine.kernel.signal(running.process, 9);
    await running.exited;
    await machine.settle();
    expect(machine.clock.sleeping).toBe(0);
  });
});

describe("cpu.weight and cpu.max", () => {
  const unified = () => {
    const machine = new CgroupMachine({ cgroups: "v2", hardware: { cpus: 1 } });
    machine.write(`${TOP}/cgroup.subtree_control`, "+cpu");
    return machine;
  };

  it("share and limit as in version 1, and cpu.stat tells", async () => {
    const machine = unified();
    const a = machine.node(`${TOP}/a`, { "cpu.weight": "300" });
    const b = machine.node(`${TOP}/b`, { "cpu.weight": "100" });
    const c = machine.node(`${TOP}/c`, { "cpu.max": "10000 100000" });
    await machine.start(forever, a);
    await machine.start(forever, b);
    await machine.start(forever, c);
    await machine.clock.advance(10 * SECOND_MS);
    const used = (path: string) => machine.value(`${path}/cpu.stat`, "usage_usec") / 1000;
    expect(used(a) / used(b)).toBeCloseTo(3, 5);
    expect(used(c)).toBeCloseTo(1_000, 3);
    expect(used(a) + used(b) + used(c)).toBeCloseTo(10_000, 3);
    expect(machine.value(`${TOP}/cpu.stat`, "usage_usec")).toBe(10_000_000);
    expect(machine.value(`${c}/cpu.stat`, "nr_throttled")).toBeGreaterThan(0);
  });

  it("hold from above for a node that the controller is not passed on to", async () => {
    const machine = unified();
    machine.node(`${TOP}/a`, { "cpu.max": "30000" });
    const inner = machine.node(`${TOP}/a/inner`);
    expect(machine.has(`${inner}/cpu.max`)).toBe(false);
    await machine.start(forever, inner);
    await machine.clock.advance(SECOND_MS);
    expect(machine.value(`${inner}/cpu.stat`, "usage_usec")).toBe(300_000);
  });
});
