// Weights of block devices, on a disk of our own whose scheduler keeps to them: BFQ, over a loop
// device. The machine's own disks are left as they are.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { benchForTests } from "./engine-bench.ts";

const DISK_BYTES = 64 << 20;
const BLKIO = "/sys/fs/cgroup/blkio";
/** How long both read side by side. */
const READING_MS = 2000;

/** Whether a loop device of this kernel can be scheduled so. */
function canSchedule(): boolean {
  try {
    execFileSync("modprobe", ["-q", "bfq"], { stdio: "ignore" });
  } catch {
    // It is part of the kernel, or nowhere.
  }
  try {
    return (
      readFileSync("/sys/block/loop0/queue/scheduler", "utf8").includes("bfq") &&
      readFileSync("/proc/self/mountinfo", "utf8").includes(` ${BLKIO} `)
    );
  } catch {
    return false;
  }
}

const bench = benchForTests();

// Where the kernel has no BFQ, or blkio is not a hierarchy of cgroup v1, no weight has an effect.
describe.runIf(canSchedule())("weights of a disk", () => {
  let directory: string;
  let device: string;
  let scheduler: string;
  let before: string | undefined;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "nacre-disk-"));
    const file = join(directory, "disk");
    writeFileSync(file, Buffer.alloc(DISK_BYTES, 1));
    device = execFileSync("losetup", ["--find", "--show", file], { encoding: "utf8" }).trim();
    scheduler = `/sys/block/${basename(device)}/queue/scheduler`;
    before = /\[(.+)\]/.exec(readFileSync(scheduler, "utf8"))?.[1] ?? "none";
    writeFileSync(scheduler, "bfq");
  });
  afterAll(() => {
    // The device keeps it, whatever lies behind it next.
    if (before !== undefined) writeFileSync(scheduler, before);
    if (device !== undefined) execFileSync("losetup", ["--detach", device]);
    rmSync(directory, { recursive: true });
  });

  /** A container that reads the disk, past the page cache, until it is removed. */
  const reader = async (name: string, ...options: string[]): Promise<string> => {
    const read = "while :; do dd if=/dev/disk of=/dev/null iflag=direct bs=4k 2>/dev/null; done";
    const disk = ["--device", `${device}:/dev/disk:r`];
    const words = [
      "run",
      "-d",
      "--name",
      name,
      ...disk,
      ...options,
      bench.name(),
      "sh",
      "-c",
      read,
    ];
    return (await bench.does(words)).trim();
  };
  const kept = (id: string, file: string): string =>
    readFileSync(`${BLKIO}/nacre/${id}/${file}`, "utf8").trim();
  const readBytes = (id: string): number =>
    Number(/Read (\d+)/.exec(kept(id, "blkio.bfq.io_service_bytes"))?.[1] ?? 0);
  /** How much each of them reads in the same time. */
  async function sideBySide(...ids: string[]): Promise<number[]> {
    const before = ids.map(readBytes);
    await new Promise((resolve) => setTimeout(resolve, READING_MS));
    return ids.map((id, n) => readBytes(id) - before[n]!);
  }

  it("share it out, and are changed while containers read", async () => {
    await bench.unchanged(async () => {
      const heavy = await reader("heavy", "--blkio-weight", "900");
      const light = await reader("light", "--blkio-weight", "100");
      expect(kept(heavy, "blkio.bfq.weight")).toBe("900");
      const [more = 0, less = 0] = await sideBySide(heavy, light);
      // 9 to 1 on a disk that is slower than its readers; here they are processes like others, and
      // the machine may be busy.
      expect(more).toBeGreaterThan(1.2 * less);
      expect(less).toBeGreaterThan(0);
      await bench.does(["update", "--blkio-weight", "100", "heavy"]);
      await bench.does(["update", "--blkio-weight", "900", "light"]);
      const [now = 0, then = 0] = await sideBySide(heavy, light);
      expect(then).toBeGreaterThan(1.2 * now);
      await bench.does(["rm", "-f", "heavy", "light"]);
    });
  }, 60_000);

  it("are one disk's alone where a device is named", async () => {
    await bench.unchanged(async () => {
      const id = await reader("named", "--blkio-weight-device", `${device}:700`);
      const numbers = readFileSync(`/sys/block/${basename(device)}/dev`, "utf8").trim();
      expect(kept(id, "blkio.bfq.weight_device")).toContain(`${numbers} 700`);
      await bench.does(["rm", "-f", "named"]);
    });
  });
});
