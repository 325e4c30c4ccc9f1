// V8's compiled code for the Node of this build, so that not even the first start compiles.
//
// V8 compiles a function when it is first called, so the code is written after typical commands
// have run: what they called is in it and little else, since reading back what a command does not
// need costs time too. (Everything, compiled with --no-lazy, was four times the size and started
// 6 ms later.) The commands run in a process of their own, this file, which loads the chunks as
// cli/start.ts does.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { constants, Script } from "node:vm";
import { DIST, run } from "./step.ts";

const COMMANDS = ["version", "ps -a", "images", "explain run --rm --memory 64m host true"];
/** As root a real container as well, so that what starts one is compiled; it leaves nothing. */
const AS_ROOT = ["run --rm --network none host true"];
const SIMULATED = ["run --rm --memory 64m host true"];

export async function compileAhead(): Promise<void> {
  const words = ["--disable-warning=ExperimentalWarning", import.meta.filename];
  await run(process.execPath, words, "ignore");
}

async function warmUp(): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "nacre-build-"));
  const scripts = new Map<string, Script>();
  const entry = /nacre-[^"`']*\.cjs/.exec(readFileSync(join(DIST, "start.cjs"), "utf8"))![0];
  try {
    const linux = process.getuid?.() === 0 ? [...COMMANDS, ...AS_ROOT] : COMMANDS;
    const real = process.platform === "linux" ? linux : COMMANDS.slice(0, 1);
    for (const line of real) await perform(entry, ["--root", root, ...line.split(" ")], scripts);
    for (const line of SIMULATED) {
      const words = ["--root", root, "--backend", "simulated", ...line.split(" ")];
      await perform(entry, words, scripts);
    }
    const suffix = `.${process.versions.v8}-${process.arch}.code`;
    for (const [path, script] of scripts) writeFileSync(path + suffix, script.createCachedData());
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Runs one command line from fresh modules over the scripts that are kept. */
function perform(entry: string, words: readonly string[], scripts: Map<string, Script>) {
  const plain = createRequire(join(DIST, entry));
  const modules = new Map<string, { exports: unknown }>();
  const load = (id: string): unknown => {
    if (!id.startsWith("./")) return plain(id);
    const known = modules.get(id);
    if (known) return known.exports;
    const module = { exports: {} };
    modules.set(id, module);
    const path = join(DIST, id);
    const script = scripts.get(path) ?? compile(path);
    scripts.set(path, script);
    script.runInThisContext()(module.exports, load, module, path, DIST);
    return module.exports;
  };
  return new Promise<void>((resolve) => {
    process.argv = [process.execPath, join(DIST, "start.cjs"), ...words];
    process.exit = (() => resolve()) as never;
    load(`./${entry}`);
  });
}

function compile(path: string): Script {
  return new Script(readFileSync(path, "latin1"), {
    filename: path,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
}

if (process.argv[1] === import.meta.filename) {
  const { exit } = process;
  await warmUp();
  exit(0);
}
