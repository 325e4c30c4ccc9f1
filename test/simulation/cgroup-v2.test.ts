// cgroups of version 2 on the simulated machine.

import { describe, expect, it } from "vitest";
import facts from "../core/facts/cgroups.json" with { type: "json" };
import { CgroupMachine, outcome, TOP } from "./cgroup-machine.ts";

const unified = (...controllers: string[]) => {
  const machine = new CgroupMachine({ cgroups: "v2" });
  if (controllers.length > 0) machine.write(`${TOP}/cgroup.subtree_control`, controllers.join(" "));
  return machine;
};

describe("delegation", () => {
  it("gives files to the nodes below, and takes them with what was written", () => {
    const machine = unified("+memory", "+pids");
    const node = machine.node(`${TOP}/n`, { "pids.max": "7" });
    expect(machine.read(`${TOP}/cgroup.subtree_control`)).toBe("memory pids\n");
    expect(machine.read(`${node}/cgroup.controllers`)).toBe("memory pids\n");
    expect(machine.has(`${node}/io.max`)).toBe(false);
    machine.write(`${TOP}/cgroup.subtree_control`, "-pids +io");
    expect(machine.has(`${node}/pids.max`)).toBe(false);
    expect(machine.has(`${node}/io.max`)).toBe(true);
    machine.write(`${TOP}/cgroup.subtree_control`, "+pids");
    expect(machine.read(`${node}/pids.max`)).toBe("max\n");
  });

  it("is refused as the kernel refuses it", () => {
    const machine = unified("+memory");
    const node = machine.node(`${TOP}/n`);
    machine.node(`${node}/m`);
    const control = `${node}/cgroup.subtree_control`;
    expect(outcome(() => machine.write(control, "+pids"))).toBe("ENOENT");
    expect(outcome(() => machine.write(control, "memory"))).toBe("EINVAL");
    expect(outcome(() => machine.write(control, "+speed"))).toBe("EINVAL");
    expect(outcome(() => machine.write(control, "+blkio"))).toBe("EINVAL");
    machine.write(control, "+memory");
    const above = `${TOP}/cgroup.subtree_control`;
    expect(outcome(() => machine.write(above, "-memory"))).toBe("EBUSY");
    machine.write(control, "-memory");
    machine.write(`${node}/cgroup.procs`, "2");
    expect(outcome(() => machine.write(control, "+memory"))).toBe("EBUSY");
  });

  it("of controllers for threads makes a threaded subtree, in which others cannot live", () => {
    const machine = unified("+pids");
    const node = machine.node(`${TOP}/n`);
    const inner = machine.node(`${node}/m`);
    expect(machine.read(`${node}/cgroup.type`)).toBe("domain\n");
    machine.write(`${node}/cgroup.subtree_control`, "+pids");
    machine.write(`${node}/cgroup.procs`, "2");
    expect(machine.read(`${node}/cgroup.type`)).toBe("domain threaded\n");
    expect(machine.read(`${inner}/cgroup.type`)).toBe("domain invalid\n");
    expect(outcome(() => machine.write(`${inner}/cgroup.procs`, "2"))).toBe("ENOTSUP");
    expect(outcome(() => machine.write(`${inner}/cgroup.type`, "threaded"))).toBe("ENOTSUP");
    expect(outcome(() => machine.write(`${inner}/cgroup.type`, "domain"))).toBe("EINVAL");
  });
});

describe("the files of every node", () => {
  it("tell whether somebody is below, and how many nodes", async () => {
    const machine = unified();
    const node = machine.node(`${TOP}/n`);
    const inner = machine.node(`${node}/m`);
    expect(machine.read(`${node}/cgroup.events`)).toBe("populated 0\nfrozen 0\n");
    const running = await machine.start(({ sleep }) => sleep(10), inner);
    expect(machine.read(`${node}/cgroup.events`)).toBe("populated 1\nfrozen 0\n");
    expect(machine.value(`${TOP}/cgroup.stat`, "nr_descendants")).toBe(2);
    await machine.clock.advance(10);
    await running.exited;
    expect(machine.read(`${node}/cgroup.events`)).toBe("populated 0\nfrozen 0\n");
  });

  it("limit how many nodes there are below, and how deep", () => {
    const machine = unified();
    const node = machine.node(`${TOP}/n`, { "cgroup.max.descendants": "2" });
    machine.node(`${node}/a`);
    machine.node(`${node}/a/b`);
    expect(outcome(() => machine.node(`${node}/c`))).toBe("EAGAIN");
    machine.write(`${node}/cgroup.max.descendants`, "max");
    machine.write(`${node}/cgroup.max.depth`, "2");
    expect(outcome(() => machine.node(`${node}/a/b/c`))).toBe("EAGAIN");
    expect(outcome(() => machine.node(`${node}/c`))).toBe("done");
    expect(outcome(() => machine.write(`${node}/cgroup.max.depth`, "-1"))).toBe("ERANGE");
    expect(outcome(() => machine.write(`${node}/cgroup.max.depth`, "deep"))).toBe("EINVAL");
  });

  it("kill all that are below", async () => {
    const machine = unified();
    const node = machine.node(`${TOP}/n`);
    const first = await machine.start(({ sleep }) => sleep(1e6), node);
    const second = await machine.start(({ sleep }) => sleep(1e6), machine.node(`${node}/m`));
    expect(outcome(() => machine.write(`${node}/cgroup.kill`, "2"))).toBe("ERANGE");
    machine.write(`${node}/cgroup.kill`, "1");
    expect(await first.exited).toMatchObject({ code: 137 });
    expect(await second.exited).toMatchObject({ code: 137 });
  });

  it("freeze all that are below, who can still be killed", async () => {
    const machine = unified();
    const node = machine.node(`${TOP}/n`);
    const inner = machine.node(`${node}/m`);
    const running = await machine.start(({ sleep }) => sleep(10), inner);
    machine.write(`${node}/cgroup.freeze`, "1");
    expect(machine.read(`${inner}/cgroup.events`)).toBe("populated 1\nfrozen 1\n");
    expect(machine.read(`${inner}/cgroup.freeze`)).toBe("0\n");
    expect(outcome(() => machine.write(`${node}/cgroup.freeze`, "2"))).toBe("ERANGE");
    await machine.clock.advance(1000);
    expect(machine.kernel.alive(running.process)).toBe(true);
    machine.kernel.signal(running.process, 9);
    expect(await running.exited).toMatchObject({ code: 137 });
  });
});

describe("control files of version 2", () => {
  const WRITES: readonly (readonly [string, string, string, string])[] = [
    ["cpu.weight", "0", "ERANGE", "100\n"],
    ["cpu.weight", "10001", "ERANGE", "100\n"],
    ["cpu.weight", "x", "EINVAL", "100\n"],
    ["cpu.weight", "10000", "done", "10000\n"],
    ["cpu.weight.nice", "20", "ERANGE", "0\n"],
    ["cpu.weight.nice", "-20", "done", "-20\n"],
    ["cpu.max", "max", "done", "max 100000\n"],
    ["cpu.max", "50000", "done", "50000 100000\n"],
    ["cpu.max", "50000 20000", "done", "50000 20000\n"],
    ["cpu.max", "999", "EINVAL", "max 100000\n"],
    ["cpu.max", "50000 999", "EINVAL", "max 100000\n"],
    ["cpu.max", "much", "EINVAL", "max 100000\n"],
    ["cpu.idle", "1", "done", "1\n"],
    ["cpuset.cpus", "0-1", "done", "0-1\n"],
    ["cpuset.cpus", "7", "ERANGE", "\n"],
    ["cpuset.cpus.partition", "member", "done", "member\n"],
    ["cpuset.cpus.partition", "root", "EINVAL", "member\n"],
    ["memory.max", "64m", "done", "67108864\n"],
    ["memory.max", "-1", "EINVAL", "max\n"],
    ["memory.low", "4097", "done", "4096\n"],
    ["memory.swap.max", "0", "done", "0\n"],
    ["memory.oom.group", "2", "EINVAL", "0\n"],
    ["pids.max", "max", "done", "max\n"],
    ["hugetlb.2MB.max", "4194305", "done", "4194304\n"],
    ["io.weight", "50", "done", "default 50\n"],
  ];

  it.each(WRITES)("writing to %s the text %j is %s, and shows %j", (...row) => {
    const [file, text, expected, shows] = row;
    const machine = unified("+cpu", "+cpuset", "+memory", "+pids", "+hugetlb", "+io");
    const node = machine.node(`${TOP}/n`);
    expect(outcome(() => machine.write(`${node}/${file}`, text))).toBe(expected);
    expect(machine.read(`${node}/${file}`)).toBe(shows);
  });

  it("take and show what a setting of version 1 is converted to", () => {
    const FILES: Readonly<Record<string, string>> = {
      "cpu.shares->cpu.weight": "cpu.weight",
      "cpu.cfs_quota/period->cpu.max": "cpu.max",
      "cpu.burst->cpu.max.burst": "cpu.max.burst",
      "pids.limit->pids.max": "pids.max",
      "blkio.weight->io.weight": "io.weight",
    };
    let tried = 0;
    for (const { kind, expect: value } of facts.cases) {
      const file = FILES[kind];
      // 0 stands for a setting that is not written.
      if (file === undefined || value === 0 || value === null) continue;
      const machine = unified("+cpu", "+pids", "+io");
      const node = machine.node(`${TOP}/n`, { "cpu.max": "1000000 1000000" });
      expect([kind, value, outcome(() => machine.write(`${node}/${file}`, String(value)))]).toEqual(
        [kind, value, "done"],
      );
      const text = machine.read(`${node}/${file}`).trim();
      expect([kind, text.replace(/^default /, "")]).toEqual([kind, String(value)]);
      tried++;
    }
    expect(tried).toBeGreaterThan(20);
  });

  it("count a refused fork where the limit is, and above", async () => {
    const machine = unified("+pids");
    const node = machine.node(`${TOP}/n`, { "pids.max": "1" });
    machine.write(`${node}/cgroup.subtree_control`, "+pids");
    const inner = machine.node(`${node}/m`);
    await machine.start(async ({ spawn }) => {
      await spawn(["/bin/true"]).catch(() => {});
    }, inner);
    await machine.settle();
    expect(machine.read(`${node}/pids.events`)).toBe("max 1\n");
    expect(machine.read(`${inner}/pids.events`)).toBe("max 0\n");
    expect(machine.read(`${node}/pids.events.local`)).toBe("max 1\n");
  });
});
