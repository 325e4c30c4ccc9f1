// `npm run test:vm [-- SUITE… FILE…]`: boots kernels that people have under QEMU's software
// emulation, with cgroup v2 alone, and runs in each what of the tests depends on the kernel.
// Nothing of it is part of `npm test`: it needs to download kernels, and takes minutes.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureCommands, TEST_COMMANDS } from "./debian-packages.ts";
import { runGuest } from "./vm/guest.ts";
import { fetchKernel, SUITES, type Suite } from "./vm/kernel-package.ts";

const SCRIPT = fileURLToPath(new URL("vm/inside.sh", import.meta.url));
const COMMANDS = { ...TEST_COMMANDS, "qemu-system-x86_64": "qemu-system-x86", xz: "xz-utils" };
/** A guest that has not ended by then hangs; 23 minutes were seen on a machine that was busy. */
const WITHIN_MS = 90 * 60_000;

/** What depends on the kernel, and runs in an emulated one within minutes. */
const TESTS: readonly string[] = [
  ...["cgroup-v2", "device-filter", "kernel-contract", "snapshotter"],
  ...["engine-users", "rootless", "rootless-life", "rootless-users"],
  ...["oci-cgroups", "oci-contract", "oci-hooks", "oci-lifecycle", "oci-linux", "oci-process"],
  ...["oci-users", "oci-validation"],
].map((name) => `test/kernel/${name}.test.ts`);

type Outcome = "passed" | "failed" | "skipped";
type Figures = Record<Outcome, number>;

async function tryKernel(
  suite: Suite,
  files: readonly string[],
  folder: string,
  figures: Figures,
): Promise<void> {
  const kernel = fetchKernel(suite.name);
  console.log(`\n${suite.name}: Linux ${kernel.release}, ${suite.shows}`);
  let ended = false;
  const timely = await runGuest({
    kernel,
    folder,
    script: SCRIPT,
    words: ["cgroup_no_v1=all", ...files.map((file) => `nacre.test=${file}`)],
    withinMs: WITHIN_MS,
    onLine: (line) => {
      const [, outcome, name] = /^test (passed|failed|skipped) (.*)$/.exec(line) ?? [];
      if (outcome !== undefined) figures[outcome as Outcome]++;
      ended ||= line.startsWith("guest: vitest ended with");
      console.log(outcome === undefined ? line : `  ${outcome}  ${name}`);
    },
  });
  if (ended && timely) return;
  figures.failed++;
  console.log(
    `  failed  ${timely ? "the guest ended" : "the guest's time was up"} before its tests`,
  );
}

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  const files = words.filter((word) => word.endsWith(".test.ts"));
  const wanted = words.filter((word) => !files.includes(word));
  const unknown = wanted.filter((name) => !SUITES.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    console.error(`there are: ${SUITES.map((suite) => suite.name).join(", ")}; not ${unknown}`);
    return 2;
  }
  const missing = ensureCommands(COMMANDS);
  if (missing.length > 0) {
    console.error(`not on this machine, and needed: ${missing.join(", ")}`);
    return 2;
  }
  const figures: Figures = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of SUITES.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const folder = mkdtempSync(join(tmpdir(), "nacre-vm-"));
    try {
      await tryKernel(suite, files.length > 0 ? files : TESTS, folder, figures);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  console.log(`\n${figures.passed} passed, ${figures.failed} failed, ${figures.skipped} skipped`);
  return figures.failed > 0 || figures.passed === 0 ? 1 : 0;
}

process.exitCode = await main();
