// Peers are programs of this machine. What is absent is not an error of ours: it is a reason.

import { type SpawnSyncReturns, spawnSync } from "node:child_process";

/** A peer that cannot be measured here, and why. */
export class PeerMissing extends Error {
  override readonly name = "PeerMissing";
}

function run(command: string, args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Standard output of a command; throws with its own words if it fails. */
export function output(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = run(command, args);
  if (error !== undefined || status !== 0)
    throw new Error(`${command} ${args.join(" ")}: ${stderr || stdout || error?.message}`);
  return stdout.trim();
}

/** First line of what `command args…` prints: its version. Throws PeerMissing. */
export function version(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = run(command, args);
  if (error !== undefined) throw new PeerMissing(`${command} is not on this machine`);
  if (status !== 0)
    throw new PeerMissing(`${command}: ${(stderr || stdout).trim().split("\n")[0]}`);
  return (stdout.split("\n")[0] ?? "").trim();
}

/** Milliseconds that `count` runs of a command take, some of them at a time. Throws if one fails. */
export function timedMany(
  count: number,
  atOnce: number,
  command: string,
  ...args: string[]
): number {
  const start = performance.now();
  // xargs starts the next one when any has ended: nothing of ours stands between.
  const words = ["-P", String(atOnce), "-I", "{}", command, ...args];
  const { status, stderr } = spawnSync("xargs", words, {
    encoding: "utf8",
    input: Array.from({ length: count }, (_, i) => `${i}\n`).join(""),
  });
  const elapsedMs = performance.now() - start;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} (${status}): ${stderr}`);
  return elapsedMs;
}

/**
 * Says after a command how it ended, and when it began and ended. Bash has a small part of the memory
 * that this process has, whose tables have to be copied for each process that it makes: 2 to 3 ms.
 */
const STOPWATCH = 's=$EPOCHREALTIME; "$@" >/dev/null; code=$?; echo $code $s $EPOCHREALTIME';

/**
 * Milliseconds from before the process is made until it has been waited for, as a shell has it.
 * Throws if it fails: a failed command is fast, and proves nothing.
 */
export function timed(command: string, ...args: string[]): number {
  const { stdout, stderr, error } = spawnSync("bash", ["-c", STOPWATCH, "bash", command, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, LC_ALL: "C" },
  });
  const [code, began = Number.NaN, ended = Number.NaN] = (stdout ?? "").split(" ").map(Number);
  if (error !== undefined || code !== 0)
    throw new Error(`${command} ${args.join(" ")} (${code}): ${stderr || error?.message}`);
  return (ended - began) * 1000;
}
