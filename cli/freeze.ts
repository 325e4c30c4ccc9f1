// Makes the image that commands start from: loads what they would load, and has the process frozen.
// The build runs it, and the first command after the machine's start (frozen.ts, start.ts).
// docs/decisions/0046-frozen-node.md says why, and how it is safe.

import { execFile } from "node:child_process";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { getHeapCodeStatistics, setFlagsFromString } from "node:v8";
import { type Addon, loadAddon } from "@nacre/linux/addon.ts";
import { writeImage } from "@nacre/linux/frozen/image.ts";
import { type BundleFunction, bundleLoader, bundleScript, COSTLY } from "./bundle-loader.ts";
import { begin } from "./entry-point.ts";
import {
  addonPath,
  FREEZES_WITHIN_MS,
  lockPath,
  nodeAsCalled,
  PLAIN,
  thawCommand,
} from "./frozen.ts";
import { freeze, thawed, withCertificates } from "./thawed.ts";
import { PASSED, TRIAL, tryOut } from "./trial.ts";

/** What is loaded, the entries with it, and what the bundles have in common; the build puts them in. */
declare const FROZEN: readonly string[];
declare const RUNTIME: Readonly<Record<string, BundleFunction>>;

const directory = __dirname;

function compile(path: string): BundleFunction {
  return bundleScript(path, readFileSync(path, "latin1")).runInThisContext() as BundleFunction;
}

/** What must not be in the image: the garbage of all that was loaded, and what is left to do about it. */
function collectGarbage(): void {
  const exposed = globalThis as { gc?: () => void };
  for (let round = 0; round < 2; round++) exposed.gc?.();
  delete exposed.gc;
  // V8 has put off to make lists of what is free until it needs some. It makes them before it counts.
  getHeapCodeStatistics();
}

/** All of it by V8's best compiler, which it would else come to when a function has been called often. */
function compileCore(): void {
  setFlagsFromString("--no-liftoff");
  setFlagsFromString("--no-wasm-lazy-compilation");
  // Without the first compiler nobody has counted calls, and Node 26's V8 fails where it looks for them.
  setFlagsFromString("--no-wasm-deopt");
  begin("core");
  setFlagsFromString("--wasm-deopt");
  // Modules that come later begin to run sooner.
  setFlagsFromString("--liftoff");
  setFlagsFromString("--wasm-lazy-compilation");
}

/** An image takes its place when a process that was made of it has done what commands do. */
async function write(pid: number, registers: readonly bigint[], image: string): Promise<void> {
  const temporary = `${image}.${process.pid}`;
  try {
    removeLeftovers(image);
    const file = openSync(temporary, "wx", 0o600);
    try {
      const files = [join(directory, "start.cjs"), __filename];
      const [seeded, node] = [process.pid, nodeAsCalled()];
      writeImage({ pid, seeded, registers, node, plain: PLAIN, files }, file);
    } finally {
      closeSync(file);
    }
    await checkTrial(temporary);
    renameSync(temporary, image);
    rmSync(lockPath(image), { force: true });
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    process.kill(pid, "SIGKILL");
  }
}

/** Of freezings that were killed. */
function removeLeftovers(image: string): void {
  for (const name of readdirSync(dirname(image))) {
    const path = join(dirname(image), name);
    if (!/^\.\d+$/.test(name.slice(basename(image).length)) || !path.startsWith(image)) continue;
    const { mtimeMs = Date.now() } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (Math.abs(Date.now() - mtimeMs) > FREEZES_WITHIN_MS) rmSync(path, { force: true });
  }
}

async function checkTrial(image: string): Promise<void> {
  const [command = "", ...words] = thawCommand(directory, nodeAsCalled(), image);
  const run = promisify(execFile);
  const options = { timeout: TRIAL_MS, killSignal: "SIGKILL" } as const;
  const { stdout } = await run(command, [...words, "--", __filename, TRIAL], options);
  if (stdout !== PASSED) throw new Error("a process that was made of the image is none that works");
}
/** A hundred times what it takes. */
const TRIAL_MS = 10_000;

/** What may be in the way of others, or of another process than it seems. */
function prepare(): void {
  // No other process is to have it: one that is given LD_PRELOAD is never made of an image.
  delete process.env.LD_PRELOAD;
  if (readlinkSync("/proc/self") !== `${process.pid}`) {
    throw new Error("/proc is another PID namespace's: it would show another process");
  }
  try {
    // In the caller's cgroup, whose limit may be near.
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch {
    // it is done as well without
  }
}

/** Node keeps a stream when it was asked for: those of the freezer, which is not at a terminal. node:assert asks. */
function withoutStreams(act: () => void): void {
  const kept = Object.getOwnPropertyDescriptors(process);
  const names = ["stdin", "stdout", "stderr"] as const;
  for (const name of names) {
    Object.defineProperty(process, name, { value: undefined, configurable: true });
  }
  act();
  for (const name of names) Object.defineProperty(process, name, kept[name]);
}

const [, , image = ""] = process.argv;
// Started as usual, it is no process that was made of the image.
if (image === TRIAL) process.exit(1);
prepare();
const addon = loadAddon(addonPath(directory)) as Addon;
const load = bundleLoader({
  directory,
  compile,
  require: withCertificates(require),
  known: RUNTIME,
});
withoutStreams(() => {
  for (const id of [...COSTLY, "node:sqlite"]) require(id);
  for (const name of FROZEN) load(`./${name}`);
});
compileCore();
collectGarbage();
const answer = freeze(addon);
const [first] = answer;
if (typeof first === "number") {
  void write(first, answer.slice(1) as bigint[], image);
} else {
  const words = thawed(addon, answer as string[], join(directory, "start.cjs"));
  if (words[0] === TRIAL) {
    void tryOut();
  } else {
    begin(words[0] === "oci" ? "oci" : "nacre");
  }
}
