// The disk on virtual time: throttles and weights.

import type { SimulatedProgram } from "@nacre/simulated/program.ts";
import { describe, expect, it } from "vitest";
import { CgroupMachine, outcome, TOP } from "./cgroup-machine.ts";

const MIB = 2 ** 20;
const DISK = { hardware: { diskBytesPerSecond: 100 * MIB } };
const node = (machine: CgroupMachine, name: string, files: Record<string, string> = {}): string =>
  machine.node(`${TOP}/blkio/${name}`, files);

/** Reads over and over. */
const reading: SimulatedProgram = async ({ resources }) => {
  for (;;) await resources.readDisk(10 * MIB);
};

/** Bytes that a node was served, from the Total line. */
const served = (machine: CgroupMachine, path: string): number =>
  machine.value(`${path}/blkio.throttle.io_service_bytes`, "Total");

describe("the disk", () => {
  it("takes as long as it is fast", async () => {
    const machine = new CgroupMachine(DISK);
    const took: number[] = [];
    await machine.start(async ({ resources, nowMs }) => {
      const before = nowMs();
      await resources.writeDisk(50 * MIB);
      took.push(nowMs() - before);
    });
    await machine.clock.advance(1000);
    expect(took).toEqual([500]);
  });

  it("is no faster for a node than it is throttled to, for each direction by itself", async () => {
    const machine = new CgroupMachine(DISK);
    const slow = node(machine, "slow", {
      "blkio.throttle.read_bps_device": `254:0 ${MIB}`,
      "blkio.throttle.write_iops_device": "254:0 16",
    });
    const took = { read: 0, write: 0 };
    await machine.start(async ({ resources, nowMs }) => {
      let before = nowMs();
      await resources.readDisk(2 * MIB);
      took.read = nowMs() - before;
      before = nowMs();
      await resources.writeDisk(4 * MIB);
      took.write = nowMs() - before;
    }, slow);
    await machine.clock.advance(10_000);
    // 16 operations of at most 128 KiB a second.
    expect(took).toEqual({ read: 2000, write: 2000 });
  });

  it("is throttled for all below a node together", async () => {
    const machine = new CgroupMachine(DISK);
    const top = node(machine, "top", { "blkio.throttle.read_bps_device": `254:0 ${10 * MIB}` });
    await machine.start(reading, node(machine, "top/a"));
    await machine.start(reading, node(machine, "top/b"));
    await machine.clock.advance(10_000);
    expect(served(machine, top)).toBe(0);
    const whole = `${top}/blkio.throttle.io_service_bytes_recursive`;
    expect(machine.value(whole, "Total") / MIB).toBeCloseTo(100, 3);
  });

  it("goes by weight to those who want it", async () => {
    const machine = new CgroupMachine(DISK);
    const heavy = node(machine, "heavy", { "blkio.bfq.weight": "300" });
    const light = node(machine, "light", { "blkio.bfq.weight": "100" });
    await machine.start(reading, heavy);
    await machine.start(reading, light);
    await machine.clock.advance(10_000);
    expect(served(machine, heavy) / served(machine, light)).toBeCloseTo(3, 3);
    expect((served(machine, heavy) + served(machine, light)) / MIB).toBeCloseTo(1000, 3);
  });

  it("tells what it did, disk by disk", async () => {
    const machine = new CgroupMachine(DISK);
    const path = node(machine, "n");
    const running = await machine.start(async ({ resources }) => {
      await resources.readDisk(3 * MIB);
      await resources.writeDisk(MIB);
    }, path);
    await machine.clock.advance(1000);
    await running.exited;
    expect(machine.read(`${path}/blkio.throttle.io_service_bytes`)).toBe(
      [
        ...[`254:0 Read ${3 * MIB}`, `254:0 Write ${MIB}`, `254:0 Sync ${4 * MIB}`],
        ...["254:0 Async 0", "254:0 Discard 0", `254:0 Total ${4 * MIB}`, `Total ${4 * MIB}`, ""],
      ].join("\n"),
    );
    expect(machine.value(`${path}/blkio.throttle.io_serviced`, "Total")).toBe(32);
    machine.write(`${path}/blkio.reset_stats`, "1");
    expect(machine.read(`${path}/blkio.throttle.io_service_bytes`)).toBe("Total 0\n");
  });
});

describe("throttles and weights", () => {
  it("are written and shown as the kernel does", () => {
    const machine = new CgroupMachine(DISK);
    const path = node(machine, "n");
    const file = `${path}/blkio.throttle.read_bps_device`;
    const writes = [
      ["254:0 1048576", "done", "254:0 1048576\n"],
      ["254:0 0", "done", ""],
      ["9:9 1", "ENODEV", ""],
      ["254:0", "EINVAL", ""],
      ["254:0 x", "EINVAL", ""],
      ["x", "EINVAL", ""],
    ] as const;
    for (const [text, expected, shown] of writes) {
      expect([text, outcome(() => machine.write(file, text))]).toEqual([text, expected]);
      expect(machine.read(file)).toBe(shown);
    }
    for (const [text, expected] of [
      ["0", "ERANGE"],
      ["1001", "ERANGE"],
      ["x", "EINVAL"],
      ["500", "done"],
    ] as const) {
      expect([text, outcome(() => machine.write(`${path}/blkio.bfq.weight`, text))]).toEqual([
        text,
        expected,
      ]);
    }
    expect(machine.read(`${path}/blkio.bfq.weight_device`)).toBe("default 500\n");
  });

  it("are called io.max and io.weight in version 2", () => {
    const machine = new CgroupMachine({ ...DISK, cgroups: "v2" });
    machine.write(`${TOP}/cgroup.subtree_control`, "+io");
    const path = machine.node(`${TOP}/n`);
    machine.write(`${path}/io.max`, "254:0 rbps=1048576 wiops=120");
    expect(machine.read(`${path}/io.max`)).toBe(
      "254:0 rbps=1048576 wbps=max riops=max wiops=120\n",
    );
    machine.write(`${path}/io.max`, "254:0 rbps=max wiops=max");
    expect(machine.read(`${path}/io.max`)).toBe("");
    machine.write(`${path}/io.weight`, "default 250");
    machine.write(`${path}/io.weight`, "254:0 70");
    expect(machine.read(`${path}/io.weight`)).toBe("default 250\n254:0 70\n");
    expect(outcome(() => machine.write(`${path}/io.max`, "254:0 rbps=0"))).toBe("ERANGE");
    expect(outcome(() => machine.write(`${path}/io.max`, "254:0 speed=5"))).toBe("EINVAL");
    expect(outcome(() => machine.write(`${path}/io.weight`, "10001"))).toBe("ERANGE");
  });
});
