// Which bundles a command reads when it starts: what only few commands need must cost the others
// nothing. Node itself is asked, by a script that is loaded before ours and writes down what is read.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const START = fileURLToPath(new URL("../../cli/dist/start.cjs", import.meta.url));
const RECORDER = `
const fs = require("node:fs");
const read = fs.readFileSync;
fs.readFileSync = (path, ...rest) => {
  if (/\\.cjs$/.test(String(path))) fs.appendFileSync(process.env.READ_LOG, path + "\\n");
  return read(path, ...rest);
};`;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "nacre-loading-"));
  writeFileSync(join(directory, "recorder.cjs"), RECORDER);
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Names of the bundles that a command reads, without their hashes. */
function bundlesOf(...words: string[]): string[] {
  const log = join(directory, "log");
  writeFileSync(log, "");
  const backend = ["--root", join(directory, "root"), "--backend", "simulated"];
  const node = ["--disable-warning=ExperimentalWarning", "--require"];
  execFileSync(
    process.execPath,
    [...node, join(directory, "recorder.cjs"), START, ...backend, ...words],
    { env: { ...process.env, READ_LOG: log }, stdio: "pipe" },
  );
  const read = readFileSync(log, "utf8").split("\n").filter(Boolean);
  return read.map((path) => basename(path).replace(/-[\w-]{8}\.cjs$/, ""));
}

it("reads the views of cgroups and namespaces for their own commands only", () => {
  expect(bundlesOf("version")).not.toContain("kernel-view");
  expect(bundlesOf("--help")).not.toContain("kernel-view");
  expect(bundlesOf("ps")).toContain("engine");
  expect(bundlesOf("ps")).not.toContain("kernel-view");
  expect(bundlesOf("ns", "ls")).toContain("kernel-view");
  expect(bundlesOf("cgroup", "tree")).toContain("kernel-view");
});

it("reads what builds images for their own commands only", () => {
  for (const words of [["ps"], ["images"]]) {
    expect(bundlesOf(...words)).not.toContain("builds");
    expect(bundlesOf(...words)).not.toContain("archives");
  }
});

it("reads the engine for no command that needs none", () => {
  expect(bundlesOf("version")).not.toContain("engine");
});
