// `node scripts/test.ts [file…] [vitest options]`, the entry of `npm test`: sees to what the tests
// need, runs them, compares the machine before and after, and ends with one plain line of figures.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ensureCommands, TEST_COMMANDS } from "./debian-packages.ts";
import { leaked, type MachineState, machineState, type RunMark } from "./machine-state.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** How long the kernel may take to let go of what the last test removed. */
const SETTLE_MS = 30_000;

interface Figures {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface FileReport {
  readonly status: string;
  readonly assertionResults: readonly { readonly status: string }[];
}

/** Figures of vitest's JSON report; a file that fails outside its tests counts as one failure. */
function figures(path: string): Figures {
  const report: { testResults: readonly FileReport[] } = JSON.parse(readFileSync(path, "utf8"));
  const statuses = report.testResults.flatMap((file) => {
    const own = file.assertionResults.map((test) => test.status);
    return file.status === "failed" && !own.includes("failed") ? [...own, "failed"] : own;
  });
  const passed = statuses.filter((status) => status === "passed").length;
  const failed = statuses.filter((status) => status === "failed").length;
  return { passed, failed, skipped: statuses.length - passed - failed };
}

/** What this machine lacks, said before the tests that need it; the projects that can run. */
function preflight(): string[] {
  const root = process.getuid?.() === 0;
  if (process.platform !== "linux" || !root) {
    const reason = process.platform === "linux" ? "not root" : `on ${process.platform}`;
    console.log(`${reason}: tests of the real kernel do not run (test/kernel, test/benchmarks)`);
    return ["pure"];
  }
  const missing = ensureCommands(TEST_COMMANDS);
  if (missing.length > 0)
    console.log(`not on this machine, tests that need it will fail: ${missing.join(", ")}`);
  return ["pure", "kernel"];
}

function runVitest(projects: readonly string[], mark: RunMark, json: string): Promise<number> {
  const args = [
    "run",
    ...projects.flatMap((name) => ["--project", name]),
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${json}`,
    ...process.argv.slice(2),
  ];
  const child = spawn(join(ROOT, "node_modules", ".bin", "vitest"), args, {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, TMPDIR: mark.temporary, [mark.name]: mark.value },
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

async function settle(before: MachineState, mark: RunMark): Promise<string[]> {
  const end = performance.now() + SETTLE_MS;
  let left = leaked(before, machineState(mark));
  while (left.length > 0 && performance.now() < end) {
    await sleep(250);
    left = leaked(before, machineState(mark));
  }
  return left;
}

async function main(): Promise<number> {
  const projects = preflight();
  const reports = mkdtempSync(join(tmpdir(), "nacre-report-"));
  const temporary = mkdtempSync(join(tmpdir(), "nacre-test-"));
  const mark: RunMark = { name: "NACRE_TEST_RUN", value: temporary, temporary };
  const json = join(reports, "report.json");
  const before = machineState(mark);
  try {
    const code = await runVitest(projects, mark, json);
    const left = await settle(before, mark);
    for (const leak of left) console.error(`left behind: ${leak}`);
    const { passed, failed, skipped } = figures(json);
    const failures = failed + (left.length > 0 ? 1 : 0);
    console.log(`${passed} passed, ${failures} failed, ${skipped} skipped`);
    return code === 0 && failures === 0 ? 0 : 1;
  } finally {
    rmSync(reports, { recursive: true, force: true });
    // A mount left below it must not have its contents deleted.
    if (leaked(before, machineState(mark)).every((leak) => !leak.startsWith("mount:")))
      rmSync(temporary, { recursive: true, force: true });
  }
}

process.exitCode = await main();
