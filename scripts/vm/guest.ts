// One guest, from its start to its end: a kernel under QEMU's software emulation, which needs no
// virtualization of the processor and no other right than to run a program.

import { execFileSync, spawn } from "node:child_process";
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { writeInitramfs } from "./initramfs.ts";
import type { BootableKernel } from "./kernel-package.ts";

export interface GuestOptions {
  readonly kernel: BootableKernel;
  /** A directory of this guest alone. */
  readonly folder: string;
  /** The script that is its first process; a path of this machine. */
  readonly script: string;
  /** Further words of the kernel's command line, which the script finds in /proc/cmdline. */
  readonly words: readonly string[];
  readonly withinMs: number;
  /** What the guest prints, by the line. */
  readonly onLine: (line: string) => void;
}

/** How much memory and disk a guest has; the disk is a sparse file. */
const MEMORY_MB = 3072;
const DISK_BYTES = 4 * 2 ** 30;

function makeDisk(path: string): string {
  writeFileSync(path, "");
  truncateSync(path, DISK_BYTES);
  execFileSync("mke2fs", ["-q", "-t", "ext4", path], { stdio: ["ignore", "ignore", "inherit"] });
  return path;
}

function emulator(options: GuestOptions): string[] {
  const { kernel, folder, script, words } = options;
  const initramfs = join(folder, "initramfs");
  writeInitramfs(initramfs, kernel);
  const disk = makeDisk(join(folder, "disk"));
  // A timer that ticks late, as on a busy machine, is taken for one that does not work.
  const quiet = ["console=ttyS0", "loglevel=3", "panic=-1", "no_timer_check"];
  const line = [...quiet, `nacre.next=${script}`, ...words];
  return [
    ...["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", String(MEMORY_MB)],
    ...["-kernel", kernel.image, "-initrd", initramfs, "-append", line.join(" ")],
    "-virtfs",
    "local,path=/,mount_tag=machine,security_model=none,readonly=on,multidevs=remap",
    ...["-drive", `file=${disk},if=virtio,format=raw,cache=unsafe`],
    ...["-nic", "none", "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot"],
  ];
}

/** Runs a guest until it powers off; false if it was ended because its time was up. */
export async function runGuest(options: GuestOptions): Promise<boolean> {
  const child = spawn("qemu-system-x86_64", emulator(options), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let timely = true;
  const timer = setTimeout(() => {
    timely = false;
    child.kill("SIGKILL");
  }, options.withinMs);
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = `${rest}${text}`.split(/\r*\n/);
    rest = lines.pop() ?? "";
    for (const line of lines) options.onLine(stripVTControlCharacters(line));
  });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", () => resolve());
    });
  } finally {
    clearTimeout(timer);
    rmSync(join(options.folder, "disk"), { force: true });
  }
  return timely;
}
