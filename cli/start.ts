// The first JavaScript of a start: runs the bundle beside it with V8's compiled code from a file.
//
// Compiling what a `run` needs takes longer than running it. V8 can write what it compiled
// (vm.Script, cachedData) and takes it back where its version and flags are the same. A bundle's
// name has its content's hash and the code's file has V8's version, so that neither can be taken
// for another. Where a file is missing (another Node, a fresh installation) or refused it is
// written when the process ends, if this installation may be written.
// docs/decisions/0013-start-up.md has figures.

import {
  closeSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import type { Script } from "node:vm";
import { type BundleFunction, bundleLoader, bundleScript } from "./bundle-loader.ts";
import { codeFile } from "./code-file.ts";
import { begin } from "./entry-point.ts";
import {
  FREEZES_WITHIN_MS,
  freezeCommand,
  freezeEnvironment,
  imagePath,
  lockPath,
  nodeAsCalled,
  UNFROZEN,
} from "./frozen.ts";
import { ignoreHangup } from "./hangup.ts";

/** The entries' file names, and what the bundles have in common; the build puts them in. */
declare const ENTRY: string;
declare const OCI_ENTRY: string;
declare const RUNTIME: Readonly<Record<string, BundleFunction>>;

const directory = __dirname;
const compiled = codeFile(process.argv.slice(2));
const everybodys = codeFile([]);

/** One for all files, until each is used: a new one would be new memory, fetched page by page. */
let buffer = Buffer.allocUnsafeSlow(1 << 20);

/** What V8 has compiled anew, and where its code goes. */
const fresh: [Script, string][] = [];

function read(path: string): Buffer {
  const file = openSync(path, "r");
  try {
    let length = 0;
    for (;;) {
      const count = readSync(file, buffer, length, buffer.length - length, null);
      length += count;
      if (length < buffer.length) return buffer.subarray(0, length);
      buffer = Buffer.concat([buffer], 2 * buffer.length);
    }
  } finally {
    closeSync(file);
  }
}

function readCode(path: string): Buffer | undefined {
  try {
    return read(path);
  } catch {
    return undefined; // it is written when this process ends
  }
}

function compile(path: string): Script {
  // The build has wrapped it in a function and left nothing but ASCII in it.
  const source = read(path).toString("latin1");
  const cachedData = readCode(path + compiled) ?? readCode(path + everybodys);
  const script = bundleScript(path, source, cachedData);
  // Under other flags V8 refuses what it wrote. Whoever has the usual ones has the last word.
  const replaced = script.cachedDataRejected && !process.env.NODE_OPTIONS;
  if (cachedData === undefined || replaced) keepAtEnd(script, path + compiled);
  return script;
}

/** At the end, so that it holds the functions that were called, too. */
function keepAtEnd(script: Script, path: string): void {
  // One listener for all: Node warns of more than ten.
  if (fresh.length === 0) process.once("exit", keepAll);
  fresh.push([script, path]);
}

function keepAll(): void {
  for (const [script, path] of fresh) keep(script, path);
}

function keep(script: Script, path: string): void {
  const temporary = `${path}.${process.pid}`;
  try {
    // V8 believes what it reads: after a power cut the name must not stand for half a file.
    writeFileSync(temporary, script.createCachedData(), { flush: true });
    renameSync(temporary, path);
  } catch {
    rmSync(temporary, { force: true });
  }
}

/**
 * There is no image that this could have begun from: the next command is to have one. It is made
 * beside whatever comes, once: whoever makes the file's lock does it.
 */
function freezeBehind(given: string): void {
  try {
    freeze(given);
  } catch {
    // there is no memory for it; the command has ended as it would have
  }
}

function freeze(given: string): void {
  const image = imagePath(directory, given.endsWith("-unprivileged"));
  if (ageMs(image) < RESTS_MS || !locked(lockPath(image))) return;
  const { spawn } = process.getBuiltinModule("node:child_process");
  const [command = "", ...words] = freezeCommand(directory, nodeAsCalled(), image);
  const options = {
    env: freezeEnvironment(directory),
    cwd: "/",
    detached: true,
    stdio: "ignore",
  } as const;
  spawn(command, words, options)
    .on("error", () => {}) // the next starts are as usual
    .unref();
}

/** Where two use it whose libraries are not the same, a container and its host, each has the other's replaced. */
const RESTS_MS = 60_000;

/** Until it is as old as no freezing becomes: one that failed is tried again then, and not with each command. */
function locked(path: string): boolean {
  try {
    if (ageMs(path) > FREEZES_WITHIN_MS) rmSync(path, { force: true });
    closeSync(openSync(path, "wx", 0o600));
    return true;
  } catch {
    return false; // somebody else does it, or nothing may be written here
  }
}

/** Also of what is of the future, as clocks are set; more than anything where there is none. */
function ageMs(path: string): number {
  try {
    return Math.abs(Date.now() - statSync(path).mtimeMs);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** The launcher looks for a Node once and remembers it; that one may have been replaced since. */
function newEnough(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 19);
}

if (newEnough()) {
  ignoreHangup();
  const unfrozen = process.env[UNFROZEN];
  if (unfrozen !== undefined) {
    delete process.env[UNFROZEN]; // it is no business of what we start
    process.once("exit", () => freezeBehind(unfrozen));
  }
  const load = bundleLoader({
    directory,
    compile: (path) => compile(path).runInThisContext() as BundleFunction,
    require,
    known: RUNTIME,
  });
  const oci = process.argv[2] === "oci";
  load(`./${oci ? OCI_ENTRY : ENTRY}`);
  begin(oci ? "oci" : "nacre");
} else {
  process.stderr.write(
    `nacre: Node ${process.versions.node} is too old: 22.19 or newer is needed\nRemove ${directory}/node to have another one looked for, or set NACRE_NODE.\n`,
  );
  process.exit(125);
}
