// Memory on the simulated machine: what is charged to whom, and what happens at a limit.

import type { ProgramContext } from "@nacre/simulated/program.ts";
import { describe, expect, it } from "vitest";
import { CgroupMachine, outcome, TOP } from "./cgroup-machine.ts";

const MIB = 2 ** 20;
/** What a program takes by being there. */
const PROGRAM = 256 << 10;
const NODE = `${TOP}/memory/n`;

const holding =
  (bytes: number, log?: string[]) =>
  async ({ resources, sleep }: ProgramContext): Promise<void> => {
    await resources.allocate(bytes);
    log?.push("has it");
    await sleep(1e9);
  };

const limited = (bytes: number, options: ConstructorParameters<typeof CgroupMachine>[0] = {}) => {
  const machine = new CgroupMachine(options);
  machine.node(NODE, { "memory.limit_in_bytes": String(bytes) });
  return machine;
};

describe("memory", () => {
  it("is charged to the node of the process and all above, and given back when it ends", async () => {
    const machine = limited(64 * MIB);
    const inner = machine.node(`${NODE}/inner`);
    const running = await machine.start(holding(10 * MIB), inner);
    await machine.settle();
    const used = 10 * MIB + PROGRAM;
    for (const path of [inner, NODE]) {
      expect(machine.read(`${path}/memory.usage_in_bytes`)).toBe(`${used}\n`);
    }
    expect(machine.value(`${NODE}/memory.stat`, "rss")).toBe(0);
    expect(machine.value(`${NODE}/memory.stat`, "total_rss")).toBe(used);
    expect(machine.value(`${inner}/memory.stat`, "hierarchical_memory_limit")).toBe(64 * MIB);
    expect(machine.read(`/proc/${running.process.pid}/status`)).toContain(
      `VmRSS:\t${String(used / 1024).padStart(8)} kB\n`,
    );
    expect(machine.read("/proc/meminfo")).toContain(
      `MemFree:        ${String((8 * 2 ** 30 - used) / 1024).padStart(8)} kB\n`,
    );
    machine.kernel.signal(running.process, 9);
    await running.exited;
    expect(machine.read(`${NODE}/memory.usage_in_bytes`)).toBe("0\n");
    expect(machine.read(`${NODE}/memory.max_usage_in_bytes`)).toBe(`${used}\n`);
    machine.write(`${NODE}/memory.max_usage_in_bytes`, "0");
    expect(machine.read(`${NODE}/memory.max_usage_in_bytes`)).toBe("0\n");
  });

  it("beyond the limit costs the process its life, by SIGKILL", async () => {
    const machine = limited(8 * MIB);
    const running = await machine.start(holding(9 * MIB), NODE);
    await machine.settle();
    expect(await running.exited).toMatchObject({ code: 137, signal: 9 });
    expect(machine.value(`${NODE}/memory.oom_control`, "oom_kill")).toBe(1);
    expect(Number(machine.read(`${NODE}/memory.failcnt`))).toBeGreaterThan(0);
    expect(machine.read(`${NODE}/memory.usage_in_bytes`)).toBe("0\n");
  });

  it("costs the largest one its life, not who wants more, unless oom_score_adj says otherwise", async () => {
    const machine = limited(16 * MIB);
    const large = await machine.start(holding(12 * MIB), NODE);
    await machine.settle();
    const small = await machine.start(holding(5 * MIB), NODE);
    await machine.settle();
    expect(await large.exited).toMatchObject({ code: 137 });
    expect(machine.kernel.alive(small.process)).toBe(true);
    const guarded = await machine.start(async (context) => {
      context.files.write("/proc/self/oom_score_adj", "-1000");
      await holding(10 * MIB)(context);
    }, NODE);
    await machine.settle();
    const another = await machine.start(holding(3 * MIB), NODE);
    await machine.settle();
    expect(await small.exited).toMatchObject({ code: 137 });
    expect(machine.kernel.alive(guarded.process)).toBe(true);
    expect(machine.kernel.alive(another.process)).toBe(true);
  });

  it("is refused with ENOMEM where nobody may be killed", async () => {
    const machine = limited(8 * MIB);
    const refused: string[] = [];
    await machine.start(async ({ files, resources }) => {
      files.write("/proc/self/oom_score_adj", "-1000");
      await resources.allocate(9 * MIB).catch((error: Error) => refused.push(error.message));
    }, NODE);
    await machine.settle();
    expect(refused).toEqual(["ENOMEM"]);
  });

  it("is waited for where memory.oom_control forbids killing, until there is room", async () => {
    const machine = limited(8 * MIB);
    machine.write(`${NODE}/memory.oom_control`, "1");
    const log: string[] = [];
    await machine.start(holding(9 * MIB, log), NODE);
    await machine.settle();
    expect(log).toEqual([]);
    expect(machine.value(`${NODE}/memory.oom_control`, "under_oom")).toBe(1);
    machine.write(`${NODE}/memory.limit_in_bytes`, String(12 * MIB));
    await machine.settle();
    expect(log).toEqual(["has it"]);
    expect(machine.read(`${NODE}/memory.oom_control`)).toBe(
      "oom_kill_disable 1\nunder_oom 0\noom_kill 0\n",
    );
  });

  it("of the page cache is given up before anybody is killed", async () => {
    const machine = limited(8 * MIB);
    const running = await machine.start(async ({ resources, sleep }) => {
      await resources.readDisk(7 * MIB);
      await resources.allocate(6 * MIB);
      await sleep(1e9);
    }, NODE);
    await machine.clock.advance(1000);
    expect(machine.kernel.alive(running.process)).toBe(true);
    const cache = machine.value(`${NODE}/memory.stat`, "cache");
    expect(cache).toBeGreaterThan(0);
    expect(cache).toBeLessThan(2 * MIB);
    machine.write(`${NODE}/memory.force_empty`, "0");
    expect(machine.value(`${NODE}/memory.stat`, "cache")).toBe(0);
  });

  it("holds what is written to a tmpfs, until it is removed", async () => {
    const machine = limited(8 * MIB);
    const log: number[] = [];
    const usage = () => machine.value(`${NODE}/memory.stat`, "shmem");
    const running = await machine.start(({ files }) => {
      files.write("/dev/shm/data", new Uint8Array(3 * MIB));
      log.push(usage());
      files.remove("/dev/shm/data");
      log.push(usage());
      files.write("/dev/shm/more", new Uint8Array(2 * MIB));
    }, NODE);
    await running.exited;
    expect(log).toEqual([3 * MIB, 0]);
    expect(usage()).toBe(2 * MIB);
    const greedy = await machine.start(async ({ files, sleep }) => {
      files.write("/dev/shm/data", new Uint8Array(7 * MIB));
      await sleep(1);
    }, NODE);
    expect(await greedy.exited).toMatchObject({ code: 137 });
  });

  it("is swapped out where there is swap, within memory.memsw", async () => {
    const machine = limited(8 * MIB, { hardware: { swapBytes: 64 * MIB } });
    machine.write(`${NODE}/memory.memsw.limit_in_bytes`, String(16 * MIB));
    const running = await machine.start(async ({ resources, sleep }) => {
      await resources.allocate(6 * MIB);
      await resources.allocate(6 * MIB);
      await sleep(1000);
      await resources.allocate(6 * MIB);
    }, NODE);
    await machine.settle();
    expect(machine.kernel.alive(running.process)).toBe(true);
    expect(Number(machine.read(`${NODE}/memory.usage_in_bytes`))).toBeLessThanOrEqual(8 * MIB);
    expect(machine.read(`${NODE}/memory.memsw.usage_in_bytes`)).toBe(`${12 * MIB + PROGRAM}\n`);
    expect(machine.read(`/proc/${running.process.pid}/status`)).toMatch(/VmSwap:\t +[1-9]\d* kB/);
    await machine.clock.advance(1000);
    expect(await running.exited).toMatchObject({ code: 137 });
  });

  it("stays charged where it was used first when the process moves on", async () => {
    const machine = limited(64 * MIB);
    const other = machine.node(`${TOP}/memory/other`);
    const running = await machine.start(holding(4 * MIB), NODE);
    await machine.settle();
    machine.write(`${other}/cgroup.procs`, String(running.process.pid));
    expect(machine.read(`${other}/memory.usage_in_bytes`)).toBe("0\n");
    machine.removeNode(NODE);
    expect(machine.value(`${TOP}/memory/memory.stat`, "rss")).toBe(4 * MIB + PROGRAM);
    machine.kernel.signal(running.process, 9);
    await running.exited;
    expect(machine.value(`${TOP}/memory/memory.stat`, "rss")).toBe(0);
  });

  it("in use is the least that a limit can be", async () => {
    const machine = limited(64 * MIB);
    await machine.start(holding(4 * MIB), NODE);
    await machine.settle();
    const file = `${NODE}/memory.limit_in_bytes`;
    expect(outcome(() => machine.write(file, "4M"))).toBe("EBUSY");
    expect(machine.read(file)).toBe(`${64 * MIB}\n`);
    expect(outcome(() => machine.write(file, "5M"))).toBe("done");
  });

  it("of the whole machine can be used up, too", async () => {
    const machine = new CgroupMachine({ hardware: { memoryBytes: 64 * MIB } });
    const first = await machine.start(holding(40 * MIB));
    await machine.settle();
    const second = await machine.start(holding(30 * MIB));
    await machine.settle();
    expect(await first.exited).toMatchObject({ code: 137 });
    expect(machine.kernel.alive(second.process)).toBe(true);
  });
});

describe("memory of version 2", () => {
  const unified = () => {
    const machine = new CgroupMachine({ cgroups: "v2" });
    machine.write(`${TOP}/cgroup.subtree_control`, "+memory");
    return { machine, node: machine.node(`${TOP}/n`) };
  };

  it("counts its events here and above", async () => {
    const { machine, node } = unified();
    machine.write(`${node}/memory.max`, String(8 * MIB));
    const running = await machine.start(holding(9 * MIB), node);
    await machine.settle();
    expect(await running.exited).toMatchObject({ code: 137 });
    const events = `${node}/memory.events`;
    expect(machine.value(events, "oom")).toBe(1);
    expect(machine.value(events, "oom_kill")).toBe(1);
    expect(machine.value(events, "max")).toBeGreaterThan(0);
  });

  it("kills a whole group where memory.oom.group says so", async () => {
    const { machine, node } = unified();
    machine.write(`${node}/memory.max`, String(8 * MIB));
    machine.write(`${node}/memory.oom.group`, "1");
    const bystander = await machine.start(holding(1 * MIB), node);
    const greedy = await machine.start(holding(9 * MIB), node);
    await machine.settle();
    expect(await greedy.exited).toMatchObject({ code: 137 });
    expect(await bystander.exited).toMatchObject({ code: 137 });
    expect(machine.value(`${node}/memory.events`, "oom_group_kill")).toBe(1);
  });

  it("takes lives for a memory.max below what is used", async () => {
    const { machine, node } = unified();
    const running = await machine.start(holding(9 * MIB), node);
    await machine.settle();
    expect(machine.read(`${node}/memory.current`)).toBe(`${9 * MIB + PROGRAM}\n`);
    machine.write(`${node}/memory.max`, "4M");
    expect(await running.exited).toMatchObject({ code: 137 });
  });

  it("gives up cache above memory.high", async () => {
    const { machine, node } = unified();
    machine.write(`${node}/memory.high`, "4M");
    await machine.start(({ resources }) => resources.readDisk(16 * MIB), node);
    await machine.clock.advance(1000);
    expect(Number(machine.read(`${node}/memory.current`))).toBeLessThanOrEqual(4 * MIB);
    expect(machine.value(`${node}/memory.events`, "high")).toBeGreaterThan(0);
  });
});

describe("huge pages", () => {
  const NODE_HUGE = `${TOP}/hugetlb/n`;

  it("are taken from the machine's, within the limits of nodes", async () => {
    const machine = new CgroupMachine({ hardware: { hugePages: { "2MB": 8 } } });
    machine.node(NODE_HUGE, { "hugetlb.2MB.limit_in_bytes": "7M" });
    expect(machine.read(`${NODE_HUGE}/hugetlb.2MB.limit_in_bytes`)).toBe(`${6 * MIB}\n`);
    const refused: string[] = [];
    const running = await machine.start(async ({ resources, sleep }) => {
      resources.allocateHugePages("2MB", 3);
      try {
        resources.allocateHugePages("2MB", 1);
      } catch (error) {
        refused.push((error as Error).message);
      }
      await sleep(1e9);
    }, NODE_HUGE);
    await machine.settle();
    expect(refused).toEqual(["ENOMEM"]);
    expect(machine.read(`${NODE_HUGE}/hugetlb.2MB.usage_in_bytes`)).toBe(`${6 * MIB}\n`);
    expect(machine.read("/proc/meminfo")).toMatch(/HugePages_Free: +5\n/);
    expect(outcome(() => machine.write(`${NODE_HUGE}/hugetlb.2MB.limit_in_bytes`, "2M"))).toBe(
      "EBUSY",
    );
    machine.kernel.signal(running.process, 9);
    await running.exited;
    expect(machine.read(`${NODE_HUGE}/hugetlb.2MB.usage_in_bytes`)).toBe("0\n");
    expect(machine.read(`${NODE_HUGE}/hugetlb.2MB.max_usage_in_bytes`)).toBe(`${6 * MIB}\n`);
    expect(machine.read("/proc/meminfo")).toMatch(/HugePages_Free: +8\n/);
  });
});
