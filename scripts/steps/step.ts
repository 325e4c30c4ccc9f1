// What the build's steps share: where things are, running a command, telling what took how long.

import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The published package's built part. */
export const DIST = join(ROOT, "cli", "dist");

export async function timed(name: string, step: () => Promise<void> | void): Promise<void> {
  const startedMs = performance.now();
  await step();
  console.log(`  ${name}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
}

/** Runs a command in the root, with its output shown or not; throws if it fails or takes longer. */
export function run(
  command: string,
  words: readonly string[],
  output: "inherit" | "ignore" = "inherit",
  timeoutMs?: number,
  environment: NodeJS.ProcessEnv = withOurs(),
): Promise<void> {
  const child = spawn(command, words, {
    cwd: ROOT,
    stdio: ["ignore", output, output],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    env: environment,
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${words.join(" ")}: ${signal ?? `exit code ${code}`}`));
    });
  });
}

/** With this Node and the packages' commands before those of the machine. */
function withOurs(): NodeJS.ProcessEnv {
  const bin = join(ROOT, "node_modules", ".bin");
  const PATH = `${dirname(process.execPath)}:${bin}:${process.env.PATH ?? "/usr/bin:/bin"}`;
  return { ...process.env, PATH };
}

/** Whether `target` is there and no file below `sources` is newer. */
export function upToDate(target: string, sources: string): boolean {
  const made = statSync(target, { throwIfNoEntry: false })?.mtimeMs;
  if (made === undefined) return false;
  return readdirSync(sources, { recursive: true, withFileTypes: true }).every(
    (entry) => !entry.isFile() || statSync(join(entry.parentPath, entry.name)).mtimeMs <= made,
  );
}
