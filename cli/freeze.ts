// Makes the image that commands start from: loads what they would load, and has the process frozen.
// The build runs it, and the first command after the machine's start (frozen.ts, start.ts).
// docs/decisions/0046-frozen-node.md says why, and how it is safe.

import { execFile } from "node:child_process";
import { closeSync, openSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { setFlagsFromString } from "node:v8";
import { constants, Script } from "node:vm";
import { type Addon, loadAddon } from "@nacre/linux/addon.ts";
import { writeImage } from "@nacre/linux/frozen/image.ts";
import { type BundleFunction, bundleLoader, COSTLY } from "./bundle-loader.ts";
import { begin } from "./entry-point.ts";
import { lockPath, nodeAsCalled, PLAIN, thawCommand } from "./frozen.ts";
import { thawed, withCertificates } from "./thawed.ts";
import { PASSED, TRIAL, tryOut } from "./trial.ts";

/** What is loaded, the entries with it, and what the bundles have in common; the build puts them in. */
declare const FROZEN: readonly string[];
declare const RUNTIME: Readonly<Record<string, BundleFunction>>;

const directory = __dirname;

function compile(path: string): BundleFunction {
  const script = new Script(readFileSync(path, "latin1"), {
    filename: path,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  return script.runInThisContext() as BundleFunction;
}

/** What must not be in the image: the garbage of all that was loaded. */
function collectGarbage(): void {
  const exposed = globalThis as { gc?: () => void };
  for (let round = 0; round < 2; round++) exposed.gc?.();
  delete exposed.gc;
}

/** All of it by V8's best compiler, which it would else come to when a function has been called often. */
function compileCore(): void {
  setFlagsFromString("--no-liftoff");
  setFlagsFromString("--no-wasm-lazy-compilation");
  begin("core");
  // Modules that come later begin to run sooner.
  setFlagsFromString("--liftoff");
  setFlagsFromString("--wasm-lazy-compilation");
}

/** An image takes its place when a process that was made of it has done what commands do. */
async function write(pid: number, registers: readonly bigint[], image: string): Promise<void> {
  const temporary = `${image}.${process.pid}`;
  try {
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

async function checkTrial(image: string): Promise<void> {
  const [command = "", ...words] = thawCommand(directory, nodeAsCalled(), image);
  const run = promisify(execFile);
  const options = { timeout: TRIAL_MS, killSignal: "SIGKILL" } as const;
  const { stdout } = await run(command, [...words, "--", __filename, TRIAL], options);
  if (stdout !== PASSED) throw new Error("a process that was made of the image is none that works");
}
/** A hundred times what it takes. */
const TRIAL_MS = 10_000;

const [, , image = ""] = process.argv;
const addon = loadAddon(join(directory, `addon-${process.arch}.node`)) as Addon;
const load = bundleLoader({
  directory,
  compile,
  require: withCertificates(require),
  known: RUNTIME,
});
for (const id of [...COSTLY, "node:sqlite"]) require(id);
for (const name of FROZEN) load(`./${name}`);
compileCore();
collectGarbage();
const answer = addon.freeze();
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
