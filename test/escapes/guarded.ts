// Runs the test of a guard as it is, and without its protection.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Guard } from "./guards.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const VITEST = join(ROOT, "node_modules/vitest/vitest.mjs");

/** Whether the tests pass; throws where none of that name is there. */
async function passes([file, name]: Guard["test"], without: Guard["without"]): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), "nacre-guard-"));
  const report = join(directory, "report.json");
  const words = ["run", file, "-t", name, "--reporter=json", `--outputFile=${report}`];
  const { VITEST: _, ...environment } = process.env;
  const child = spawn(process.execPath, [VITEST, ...words], {
    cwd: ROOT,
    env: { ...environment, NACRE_TEST_WITHOUT: JSON.stringify(without) },
    stdio: "ignore",
  });
  await once(child, "close");
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, "utf8"));
  rmSync(directory, { recursive: true });
  if (numPassedTests + numFailedTests === 0) throw new Error(`${file} has no test named ${name}`);
  return numFailedTests === 0;
}

export interface GuardVerdict {
  readonly holds: boolean;
  /** The test fails without the protection: it is that which it sees. */
  readonly missed: boolean;
}

export async function guarded({ test, without }: Guard): Promise<GuardVerdict> {
  for (const [file, from] of without) {
    if (!readFileSync(`${ROOT}/${file}`, "utf8").includes(from)) {
      throw new Error(`${file} has no ${from}: what is to be taken away?`);
    }
  }
  const [holds, unguarded] = await Promise.all([passes(test, []), passes(test, without)]);
  return { holds, missed: !unguarded };
}
