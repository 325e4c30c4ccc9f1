// cgroups of version 1 on the simulated machine: hierarchies by mount, and what their files do.

import { describe, expect, it } from "vitest";
import { CgroupMachine, outcome, outcomeOf, TOP } from "./cgroup-machine.ts";

/** A machine whose controllers are all free: only an empty tmpfs is mounted. */
async function free() {
  const machine = new CgroupMachine({ cgroups: "v2" });
  for (const path of ["/cgroup", "/cgroup/a", "/cgroup/b", "/cgroup/c"]) {
    machine.kernel.hostFiles().makeDirectory(path);
  }
  return machine;
}
const shown = (machine: CgroupMachine, target: string): string =>
  machine
    .read("/proc/self/mountinfo")
    .split("\n")
    .filter((line) => line.includes(` ${target} `))
    .map((line) => line.slice(line.indexOf(" - ") + 3))
    .join();
const controllers = (machine: CgroupMachine): string[] =>
  machine
    .read("/proc/cgroups")
    .split("\n")
    .flatMap((line) => (/^(\w+)\t[1-9]/.test(line) ? (line.split("\t")[0] as string) : []));

describe("a hierarchy", () => {
  it("is made by a mount with controllers, and shown as it was asked for", async () => {
    const machine = await free();
    await machine.mount("/cgroup/a", ["memory", "cpu", "cpuacct"]);
    expect(shown(machine, "/cgroup/a")).toBe("cgroup test rw,cpu,cpuacct,memory");
    expect(machine.read("/proc/self/cgroup")).toBe("1:cpu,cpuacct,memory:/\n0::/\n");
    expect(controllers(machine)).toEqual(["cpu", "cpuacct", "memory"]);
    const files = machine.kernel
      .hostFiles()
      .list("/cgroup/a")
      .map((entry) => String(entry));
    expect(files.length).toBeGreaterThan(20);
    expect(machine.read(`${TOP}/cgroup.controllers`)).toBe("cpuset io hugetlb pids\n");
  });

  it("is the same one for the same controllers, and for its name", async () => {
    const machine = await free();
    await machine.mount("/cgroup/a", ["cpu", "name=x"]);
    await machine.mount("/cgroup/b", ["cpu"]);
    await machine.mount("/cgroup/c", ["name=x"]);
    machine.node("/cgroup/a/n");
    for (const at of ["b", "c"]) expect(machine.has(`/cgroup/${at}/n`)).toBe(true);
    expect(shown(machine, "/cgroup/c")).toBe("cgroup test rw,cpu,name=x");
  });

  it("is called in each mount as that mounter called it", async () => {
    const machine = await free();
    await machine.mount("/cgroup/a", ["cpu"]);
    const mount = { type: "cgroup", source: "other", options: ["cpu"], attributes: [] };
    await machine.perform({ op: "mount", mount, target: "/cgroup/b" });
    expect(shown(machine, "/cgroup/a")).toBe("cgroup test rw,cpu");
    expect(shown(machine, "/cgroup/b")).toBe("cgroup other rw,cpu");
  });

  it("has its controllers for itself", async () => {
    const machine = await free();
    await machine.mount("/cgroup/a", ["cpu", "memory"]);
    const refused: [string[], string][] = [
      [["cpu"], "EBUSY"],
      [["memory", "pids"], "EBUSY"],
      [["all"], "EBUSY"],
      [[], "EBUSY"],
      [["none"], "EINVAL"],
      [["none", "pids", "name=x"], "EINVAL"],
      [["all", "pids"], "EINVAL"],
      [["name="], "EINVAL"],
      [["name=a/b"], "EINVAL"],
      [["name=x"], "EINVAL"],
      [[`name=${"x".repeat(64)}`, "none"], "EINVAL"],
      [["name=x", "name=y", "none"], "EINVAL"],
      [["speed"], "EINVAL"],
      [["noprefix", "pids"], "EINVAL"],
    ];
    for (const [options, errno] of refused) {
      expect([options, await outcomeOf(machine.mount("/cgroup/b", options))]).toEqual([
        options,
        errno,
      ]);
    }
    await machine.mount("/cgroup/b", ["none", "name=x"]);
    expect(await outcomeOf(machine.mount("/cgroup/c", ["pids", "name=x"]))).toBe("EBUSY");
    expect(machine.read("/proc/self/cgroup")).toBe("2:name=x:/\n1:cpu,memory:/\n0::/\n");
  });

  it("cannot take a controller that version 2 has passed on", async () => {
    const machine = await free();
    machine.node(`${TOP}/n`);
    machine.write(`${TOP}/cgroup.subtree_control`, "+pids");
    expect(await outcomeOf(machine.mount("/cgroup/a", ["pids"]))).toBe("EBUSY");
    machine.write(`${TOP}/cgroup.subtree_control`, "-pids");
    expect(await outcomeOf(machine.mount("/cgroup/a", ["pids"]))).toBe("done");
  });

  it("goes with its last mount, unless it has nodes", async () => {
    const machine = await free();
    await machine.mount("/cgroup/a", ["cpu"]);
    await machine.mount("/cgroup/b", ["cpu"]);
    await machine.unmount("/cgroup/a");
    expect(controllers(machine)).toEqual(["cpu"]);
    machine.node("/cgroup/b/n");
    await machine.unmount("/cgroup/b");
    expect(controllers(machine)).toEqual(["cpu"]);
    expect(await outcomeOf(machine.mount("/cgroup/a", ["cpu", "pids"]))).toBe("EBUSY");
    await machine.mount("/cgroup/a", ["cpu"]);
    machine.removeNode("/cgroup/a/n");
    await machine.unmount("/cgroup/a");
    expect(controllers(machine)).toEqual([]);
    expect(machine.read("/proc/self/cgroup")).toBe("0::/\n");
    await machine.mount("/cgroup/a", ["cpu", "pids"]);
    expect(machine.read("/proc/self/cgroup")).toBe("2:cpu,pids:/\n0::/\n");
  });

  it("is remounted with other controllers as long as it has no nodes", async () => {
    const machine = await free();
    const remount = (target: string, ...options: string[]) =>
      outcomeOf(machine.perform({ op: "remount", target, options, before: [] }));
    await machine.mount("/cgroup/a", ["cpu", "name=x"]);
    await machine.mount("/cgroup/b", ["memory"]);
    expect(await remount("/cgroup/a", "cpu", "pids")).toBe("done");
    expect(shown(machine, "/cgroup/a")).toBe("cgroup test rw,cpu,pids,name=x");
    expect(await remount("/cgroup/a", "cpu", "memory")).toBe("EBUSY");
    expect(await remount("/cgroup/a", "cpu", "name=y")).toBe("EINVAL");
    expect(await remount("/cgroup/a", "cpu", "xattr")).toBe("EINVAL");
    expect(await remount("/cgroup/a", "cpu", "release_agent=/bin/true")).toBe("done");
    expect(shown(machine, "/cgroup/a")).toBe("cgroup test rw,cpu,release_agent=/bin/true,name=x");
    machine.node("/cgroup/a/n");
    expect(await remount("/cgroup/a", "cpu")).toBe("EBUSY");
    expect(machine.read("/proc/self/cgroup")).toBe("2:memory:/\n1:cpu,name=x:/\n0::/\n");
  });
});

describe("cgroup.clone_children, notify_on_release and release_agent", () => {
  it("are inherited when a node is made", () => {
    const machine = new CgroupMachine();
    const top = machine.node(`${TOP}/cpuset/n`, {
      "cpuset.cpus": "1",
      "cpuset.mems": "0",
      "cgroup.clone_children": "7",
      notify_on_release: "1",
    });
    const below = machine.node(`${top}/m`);
    expect(machine.read(`${below}/cgroup.clone_children`)).toBe("1\n");
    expect(machine.read(`${below}/notify_on_release`)).toBe("1\n");
    expect(machine.read(`${below}/cpuset.cpus`)).toBe("1\n");
    expect(machine.read(`${below}/cpuset.mems`)).toBe("0\n");
  });

  it("are not all that is: so are swappiness and how pages are spread", () => {
    const machine = new CgroupMachine();
    const inherited = [
      ["memory", "memory.swappiness", "7"],
      ["memory", "memory.oom_control", "1"],
      ["cpuset", "cpuset.memory_spread_page", "1"],
      ["cpuset", "cpuset.memory_spread_slab", "1"],
    ] as const;
    for (const [controller, file, value] of inherited) {
      const top = machine.node(`${TOP}/${controller}/of-${file}`, { [file]: value });
      const below = machine.node(`${top}/m`);
      expect(machine.read(`${below}/${file}`)).toBe(machine.read(`${top}/${file}`));
      expect(machine.read(`${below}/${file}`)).toContain(value);
    }
    const top = machine.node(`${TOP}/cpuset/n`, { "cpuset.memory_migrate": "1" });
    expect(machine.read(`${machine.node(`${top}/m`)}/cpuset.memory_migrate`)).toBe("0\n");
  });

  it("start the agent with the path of a node that the last process has left", async () => {
    const machine = new CgroupMachine();
    const top = `${TOP}/pids`;
    const calls: string[][] = [];
    machine.agent = ({ arguments: words, environment }) => {
      calls.push([...words, environment.PATH ?? ""]);
      return 0;
    };
    machine.write(`${top}/release_agent`, "/bin/agent");
    const node = machine.node(`${top}/n`, { notify_on_release: "1" });
    const child = machine.node(`${node}/m`);
    const first = await machine.start(({ sleep }) => sleep(1000), node);
    const second = await machine.start(({ sleep }) => sleep(2000), child);
    await machine.clock.advance(1000);
    await first.exited;
    expect(calls).toEqual([]); // a child is there, with a process
    await machine.clock.advance(1000);
    await second.exited;
    await machine.settle();
    const path = "/sbin:/bin:/usr/sbin:/usr/bin";
    expect(calls).toEqual([["/bin/agent", "/n/m", path]]);
    machine.removeNode(child);
    await machine.settle();
    expect(calls[1]).toEqual(["/bin/agent", "/n", path]);
  });
});

describe("pids", () => {
  it("refuse a fork with EAGAIN where the limit is reached, here or above, and count it", async () => {
    const machine = new CgroupMachine();
    const top = machine.node(`${TOP}/pids/n`, { "pids.max": "2" });
    const inner = machine.node(`${top}/m`);
    const log: string[] = [];
    await machine.start(async ({ spawn, sleep }) => {
      await spawn(["/bin/sleep", "1000"]);
      await spawn(["/bin/sleep", "1000"]).catch((error: Error) => log.push(error.message));
      await sleep(1e6);
    }, inner);
    await machine.settle();
    expect(log).toEqual(["EAGAIN"]);
    expect(machine.read(`${inner}/pids.events`)).toBe("max 1\n");
    expect(machine.read(`${top}/pids.events`)).toBe("max 0\n");
    expect(machine.read(`${top}/pids.current`)).toBe("2\n");
    // Who is moved in is not counted against the limit.
    machine.write(`${inner}/cgroup.procs`, "2");
    expect(machine.read(`${top}/pids.peak`)).toBe("3\n");
    machine.write(`${TOP}/pids/cgroup.procs`, "2");
    expect(machine.read(`${top}/pids.current`)).toBe("2\n");
    expect(machine.read(`${top}/pids.peak`)).toBe("3\n");
  });
});

describe("the freezer", () => {
  it("holds all below a node, and those who come, and even SIGKILL", async () => {
    const machine = new CgroupMachine();
    const top = machine.node(`${TOP}/freezer/n`);
    const inner = machine.node(`${top}/m`);
    const running = await machine.start(({ sleep }) => sleep(10), inner);
    machine.write(`${top}/freezer.state`, "FROZEN");
    expect(machine.read(`${inner}/freezer.state`)).toBe("FROZEN\n");
    expect(machine.read(`${inner}/freezer.self_freezing`)).toBe("0\n");
    expect(machine.read(`${inner}/freezer.parent_freezing`)).toBe("1\n");
    machine.kernel.signal(running.process, 9);
    await machine.clock.advance(1000);
    expect(machine.kernel.alive(running.process)).toBe(true);
    expect(outcome(() => machine.write(`${top}/freezer.state`, "FREEZING"))).toBe("EINVAL");
    machine.write(`${top}/freezer.state`, "THAWED");
    expect(await running.exited).toMatchObject({ code: 137, signal: 9 });
    expect(machine.has(`${TOP}/freezer/freezer.state`)).toBe(false);
  });
});

describe("devices", () => {
  it("may be opened and made as the list says, else EPERM", async () => {
    const machine = new CgroupMachine();
    const node = machine.node(`${TOP}/devices/n`, { "devices.deny": "a" });
    machine.write(`${node}/devices.allow`, "c 1:3 r");
    machine.write(`${node}/devices.allow`, "c 1:7 rwm");
    const log: string[] = [];
    const running = await machine.start(async ({ files }) => {
      const attempt = (name: string, call: () => unknown) =>
        log.push(`${name}: ${outcomeOfErrno(call)}`);
      attempt("read null", () => files.readBytes("/dev/null"));
      attempt("write null", () => files.write("/dev/null", "x"));
      attempt("read zero", () => files.readBytes("/dev/zero"));
      attempt("write full", () => files.write("/dev/full", ""));
    }, node);
    await running.exited;
    expect(log).toEqual([
      "read null: done",
      "write null: EPERM",
      "read zero: EPERM",
      "write full: ENOSPC",
    ]);
    expect(machine.read(`${node}/devices.list`)).toBe("c 1:3 r\nc 1:7 rwm\n");
  });
});

function outcomeOfErrno(call: () => unknown): string {
  try {
    call();
    return "done";
  } catch (error) {
    return (error as { errno?: string }).errno ?? String(error);
  }
}

describe("control files of version 1", () => {
  /** controller, file, text, refusal or "done", and what the file shows then. */
  const WRITES: readonly (readonly [string, string, string, string, string])[] = [
    ["cpu", "cpu.shares", "0", "done", "2\n"],
    ["cpu", "cpu.shares", "300000", "done", "262144\n"],
    ["cpu", "cpu.shares", "-1", "EINVAL", "1024\n"],
    ["cpu", "cpu.shares", "99999999999999999999", "ERANGE", "1024\n"],
    ["cpu", "cpu.cfs_quota_us", "999", "EINVAL", "-1\n"],
    ["cpu", "cpu.cfs_quota_us", "-5", "done", "-1\n"],
    ["cpu", "cpu.cfs_period_us", "1000001", "EINVAL", "100000\n"],
    ["cpu", "cpu.cfs_burst_us", "1000", "done", "1000\n"],
    ["cpu", "cpu.idle", "2", "EINVAL", "0\n"],
    ["cpu", "cpu.idle", "1", "done", "1\n"],
    ["cpuacct", "cpuacct.usage", "1", "EINVAL", "0\n"],
    ["cpuset", "cpuset.cpus", "0-1", "done", "0-1\n"],
    ["cpuset", "cpuset.cpus", "9", "ERANGE", "\n"],
    ["cpuset", "cpuset.mems", "1", "EINVAL", "\n"],
    ["cpuset", "cpuset.cpu_exclusive", "1", "done", "1\n"],
    ["cpuset", "cpuset.sched_relax_domain_level", "-2", "EINVAL", "-1\n"],
    ["memory", "memory.limit_in_bytes", "64m", "done", "67108864\n"],
    ["memory", "memory.limit_in_bytes", "65537", "done", "65536\n"],
    ["memory", "memory.limit_in_bytes", "x", "EINVAL", "9223372036854771712\n"],
    ["memory", "memory.memsw.limit_in_bytes", "-1", "done", "9223372036854771712\n"],
    ["memory", "memory.kmem.limit_in_bytes", "1g", "done", "9223372036854771712\n"],
    ["memory", "memory.swappiness", "201", "EINVAL", "60\n"],
    ["memory", "memory.swappiness", "0", "done", "0\n"],
    ["memory", "memory.use_hierarchy", "0", "EINVAL", "1\n"],
    ["memory", "memory.move_charge_at_immigrate", "3", "EINVAL", "0\n"],
    [
      "memory",
      "memory.oom_control",
      "2",
      "EINVAL",
      "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
    ],
    ["pids", "pids.max", "4194304", "done", "4194304\n"],
    ["pids", "pids.max", "4194305", "EINVAL", "max\n"],
    ["pids", "pids.max", "-1", "EINVAL", "max\n"],
    ["freezer", "freezer.state", "frozen", "EINVAL", "THAWED\n"],
    ["hugetlb", "hugetlb.2MB.limit_in_bytes", "5M", "done", "4194304\n"],
    ["hugetlb", "hugetlb.1GB.limit_in_bytes", "-1", "done", "9223372036854771712\n"],
    ["pids", "notify_on_release", "x", "EINVAL", "0\n"],
    ["pids", "cgroup.procs", "4194305", "ESRCH", ""],
    ["pids", "cgroup.procs", "-1", "EINVAL", ""],
    ["pids", "tasks", "x", "EINVAL", ""],
  ];

  it.each(WRITES)("%s: writing to %s the text %j is %s, and shows %j", (...row) => {
    const [controller, file, text, expected, shows] = row;
    const machine = new CgroupMachine();
    const node = machine.node(`${TOP}/${controller}/n`);
    expect(outcome(() => machine.write(`${node}/${file}`, text))).toBe(expected);
    expect(machine.read(`${node}/${file}`)).toBe(shows);
  });

  it("take no more than a page in one write, and nothing when their node is gone", () => {
    const machine = new CgroupMachine();
    const node = machine.node(`${TOP}/pids/n`);
    expect(outcome(() => machine.write(`${node}/pids.max`, "1".repeat(5000)))).toBe("E2BIG");
    expect(outcome(() => machine.removeNode(`${TOP}/pids`))).toBe("EBUSY");
  });

  it("of a cpuset that is exclusive keep siblings away", () => {
    const machine = new CgroupMachine({ hardware: { cpus: 4 } });
    const top = machine.node(`${TOP}/cpuset/n`, { "cpuset.cpus": "0-3", "cpuset.mems": "0" });
    const a = machine.node(`${top}/a`, { "cpuset.cpus": "0-1" });
    const b = machine.node(`${top}/b`, { "cpuset.cpus": "1-2" });
    const exclusive = (path: string) => `${path}/cpuset.cpu_exclusive`;
    expect(outcome(() => machine.write(exclusive(a), "1"))).toBe("EACCES");
    machine.write(exclusive(top), "1");
    expect(outcome(() => machine.write(exclusive(a), "1"))).toBe("EINVAL");
    machine.write(`${b}/cpuset.cpus`, "2");
    machine.write(exclusive(a), "1");
    expect(outcome(() => machine.write(`${b}/cpuset.cpus`, "1-2"))).toBe("EINVAL");
    expect(machine.read(`${b}/cpuset.cpus`)).toBe("2\n");
    expect(outcome(() => machine.write(exclusive(top), "0"))).toBe("EBUSY");
  });
});
