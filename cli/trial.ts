// What a process does to show that it works, which was made of an image: a little of all that commands do.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { writeAll } from "./write-all.ts";

/** The word of the command line that asks for it; none of Nacre's. */
export const TRIAL = "--trial-of-the-image";
/** What it then says. */
export const PASSED = "a frozen Node goes on\n";

/**
 * Uses up young objects and more, and libc's memory; waits for the clock, for threads, for a child
 * and for its signal. What fails ends the process with another code.
 */
export async function tryOut(): Promise<void> {
  const kept: string[] = [];
  for (let i = 0; i < 300_000; i++) if (`${i}`.endsWith("7")) kept.push(`${i} ${i}`);
  const blocks = Array.from({ length: 64 }, (_, i) => Buffer.allocUnsafeSlow(i << 12).fill(i));
  const told = new Promise<void>((resolve) => process.once("SIGUSR2", () => resolve()));
  const alive = setInterval(() => {}, 1000);
  await sleep(1);
  const [status, zipped] = await Promise.all([
    readFile("/proc/self/status", "latin1"),
    promisify(gzip)(Buffer.concat(blocks)),
  ]);
  const { stdout } = await promisify(execFile)("/bin/sh", [
    "-c",
    `kill -USR2 ${process.pid}; echo done`,
  ]);
  await told;
  clearInterval(alive);
  const own = new RegExp(`^Pid:\\s+${process.pid}$`, "m").test(status);
  if (!own || stdout !== "done\n" || zipped.length === 0 || kept.length !== 30_000) process.exit(1);
  writeAll(1, PASSED);
  process.exit(0);
}
