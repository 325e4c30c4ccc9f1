// What only few commands need must cost the others nothing. A bundle that is read where it was not
// before stands for milliseconds of every start: see scripts/steps/bundle-groups.ts for what is in
// them. Containers on the real kernel: test/kernel/lazy-loading.test.ts.

import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { NODE_FLAGS } from "../../cli/node-flags.ts";
import { OWN_NODE } from "../own-node.ts";
import { bundlesRead, bundlesReadInVain } from "./bundles-read.ts";
import { compiledCode } from "./compiled-code.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "nacre-loading-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const read = (...words: string[]): string[] =>
  bundlesRead("--root", join(directory, "root"), "--backend", "simulated", ...words);

it("reads nothing but itself for what says only what is known", () => {
  expect(read("version")).toEqual(["nacre"]);
  expect(read("--help")).toEqual(["nacre", "help"]);
});

it("has compiled code that V8 takes back under the flags it is started with", () => {
  const dist = fileURLToPath(new URL("../../cli/dist", import.meta.url));
  const { compiled, refused } = compiledCode(OWN_NODE, dist); // which has built it
  expect(compiled.length).toBeGreaterThan(5);
  expect(refused).toEqual([]);
});

it("keeps the code of all that it had to compile, and says nothing of it", () => {
  const [from, copy] = [join(import.meta.dirname, "../../cli/dist"), join(directory, "dist")];
  // As for a Node that nobody has built it with.
  cpSync(from, copy, { recursive: true, filter: (path) => !/\.code$|\/own-node$/.test(path) });
  const words = [join(copy, "start.cjs"), "--root", join(directory, "fresh")];
  const load = ["--backend", "simulated", "load", "-i", join(directory, "empty.tar")];
  writeFileSync(join(directory, "empty.tar"), new Uint8Array(1024));
  const { stderr, status } = spawnSync(OWN_NODE, [...NODE_FLAGS, ...words, ...load], {
    encoding: "utf8",
  });
  expect([status, stderr.split("\n")[0]]).toEqual([
    1,
    expect.stringContaining("not an image archive"),
  ]);
  expect(stderr).not.toContain("Warning");
  expect(readdirSync(copy).filter((name) => name.endsWith(".code")).length).toBeGreaterThan(10);
});

it("reads the views of cgroups and namespaces for their own commands only", () => {
  expect(read("ps")).toContain("engine");
  expect(read("ps")).not.toContain("kernel-view");
  expect(read("ns", "ls")).toContain("kernel-view");
  expect(read("cgroup", "tree")).toContain("kernel-view");
});

it("reads what paints a terminal for nothing but image explore at one", () => {
  for (const words of [["images"], ["image", "explore", "--help"]]) {
    expect(read(...words).filter((name) => name.includes("explore"))).toEqual([]);
  }
});

it("reads what builds images for their own commands only", () => {
  for (const words of [["ps"], ["images"], ["build", "--help"]]) {
    expect(read(...words)).not.toContain("builds");
    expect(read(...words)).not.toContain("archives");
  }
  expect(read("builder", "du")).toContain("builds");
});

it("reads what speaks to proxies only where there is one", () => {
  const pull = ["--root", join(directory, "root"), "--backend", "simulated", "pull"];
  // Nothing listens there, and nobody answers for the proxy.
  expect(bundlesReadInVain(1, ...pull, "127.0.0.1:1/none")).not.toContain("proxy");
  process.env.HTTPS_PROXY = "http://127.0.0.1:1";
  try {
    expect(bundlesReadInVain(1, ...pull, "registry.invalid/none")).toContain("proxy");
  } finally {
    delete process.env.HTTPS_PROXY;
  }
});

it("loads none of Node's network or terminals to see that it writes into a pipe", () => {
  const context = join(directory, "context");
  mkdirSync(context);
  writeFileSync(join(context, "Dockerfile"), "FROM scratch\nENV a=b\n");
  const [recorder, log] = [join(directory, "loaded.cjs"), join(directory, "loaded")];
  const save = `require("node:fs").writeFileSync(${JSON.stringify(log)}, process.moduleLoadList.join("\\n"))`;
  writeFileSync(recorder, `process.on("exit", () => ${save});`);
  const start = join(import.meta.dirname, "../../cli/dist/start.cjs");
  const words = ["--root", join(directory, "root"), "--backend", "simulated", "build", context];
  const { status, stderr } = spawnSync(OWN_NODE, ["--require", recorder, start, ...words], {
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  const loaded = readFileSync(log, "utf8").split("\n");
  expect(loaded).toContain("NativeModule fs");
  expect(loaded.filter((name) => /^NativeModule (net|tty|http)$/.test(name))).toEqual([]);
});
