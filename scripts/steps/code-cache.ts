// V8's compiled code for the Node of this build, so that not even the first start compiles.
//
// V8 compiles a function when it is first called, so the code is written after typical commands
// have run: what they called is in it and little else, since reading back what a command does not
// need costs time too. (Everything, compiled with --no-lazy, was four times the size and started
// 6 ms later.) The commands run in a process of their own, this file, which loads the chunks as
// cli/start.ts does.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Script } from "node:vm";
import { type BundleFunction, bundleLoader, bundleScript } from "../../cli/bundle-loader.ts";
import { codeFile, OWN_CODE } from "../../cli/code-file.ts";
import { begin } from "../../cli/entry-point.ts";
import { NODE_FLAGS } from "../../cli/node-flags.ts";
import { exampleConfig } from "../../cli/oci/spec.ts";
import { processes } from "../machine-state.ts";
import { DIST, run } from "./step.ts";

const COMMANDS = ["version", "ps -a", "explain run --rm --memory 64m host true"];
/** As root real containers as well, so that what starts and ends one is compiled. They leave nothing. */
const AS_ROOT = [
  "create --network none --name built host sleep 60",
  "start built",
  "kill built",
  "wait built",
  "rm built",
];
/** A command that has code of its own, with what is done before and after by others. */
interface OwnLines {
  readonly before?: string;
  readonly lines: readonly string[];
  readonly after?: string;
}
const STARTS = "run -d --network none --name built host sleep 60";
const REMOVES = "rm -f built";
const OWN: Readonly<Record<(typeof OWN_CODE)[number], OwnLines>> = {
  run: { lines: ["run --rm --network none host true", STARTS], after: REMOVES },
  exec: { before: STARTS, lines: ["exec built true"], after: REMOVES },
  inspect: { before: STARTS, lines: ["inspect built"], after: REMOVES },
  ps: { before: STARTS, lines: ["ps", "ps -a"], after: REMOVES },
  stop: { before: STARTS, lines: ["stop -t 0 built"], after: REMOVES },
  // Once with a step that is made, once with all that are there.
  build: {
    before: "build -q --network none CONTEXT",
    lines: [
      "build --network none --build-arg name=other CONTEXT",
      "build --network none -q CONTEXT",
    ],
  },
};
/** One that makes everything, and one that finds what was copied. There is no image here to begin with. */
const BUILDS = ["build -q --network none CONTEXT", "build -q --network none -t built:1 CONTEXT"];
/** What was built goes away and comes back: by a registry at ADDRESS that has it, and by an archive. */
const SHARED = [
  "tag built:1 ADDRESS/pushed:1",
  "push -q ADDRESS/pushed:1",
  "save -o ARCHIVE built:1",
];
const FETCHED = ["pull -q ADDRESS/built:1", "rmi ADDRESS/built:1", "load -q -i ARCHIVE"];
const DOCKERFILE = `FROM host AS run
ARG name=made
RUN echo made > /$name
FROM scratch
ENV PATH=/bin
COPY --from=run /made /
COPY Dockerfile /
WORKDIR /work
`;
/** A container of the OCI runtime, once as podman and containerd take it through its life, and once as people do. */
const OCI = ["--version", "spec -b BUNDLE"];
const OCI_AS_ROOT = [
  "create -b BUNDLE --pid-file PIDS ID",
  "state ID",
  "exec ID /program",
  "start ID",
  "kill ID KILL",
  "delete --force ID",
  "run -b BUNDLE ID",
];
const SIMULATED = ["run --rm --memory 64m host true"];

/** What everyday commands read (test/kernel/lazy-loading.test.ts). */
const EVERYDAY =
  /\/(nacre|acting|entering|running|engine|executing|planning|images|undoing|ending|looking)-[^/]*$/;

/** Only root has containers that are compiled for. */
const IS_ROOT = process.platform === "linux" && process.getuid?.() === 0;

/** By it everything that the commands start is known. */
const MARK = "NACRE_BUILD_ROOT";
/** How long commands may take that need a second; a container that hangs holds up no build. */
const COMPILING_MS = 60_000;
/** How long what a supervisor starts at its end may take. */
const ENDING_MS = 10_000;

/**
 * Everyday commands come in a process of their own: what they read holds what they call, and not what
 * builds and transfers call of it, too. So does each command with code of its own.
 */
export async function compileAhead(): Promise<void> {
  for (const what of ["rare", "everyday", "oci"]) await compileApart(what);
  await Promise.all(OWN_CODE.map(compileApart));
}

/** Whatever a container does here, a build without this code is as good: it is written by the first calls. */
async function compileApart(what: string): Promise<void> {
  try {
    const words = [...NODE_FLAGS, import.meta.filename, what];
    await run(process.execPath, words, "ignore", COMPILING_MS);
  } catch (error) {
    console.log(`  without code for ${what}: ${(error as Error).message}`);
  }
}

/** The file of an entry, as start.cjs has it. */
function entryNamed(name: string): string {
  const start = readFileSync(join(DIST, "start.cjs"), "utf8");
  return new RegExp(`\\b${name}-[\\w-]{8}\\.cjs`).exec(start)![0];
}

/** `command`: whose code it is, if it is one's own. */
function writeCode(path: string, code: Buffer, command = ""): void {
  writeFileSync(path + codeFile([command]), code);
}

/** What a bundle needs: its process is nacre-init, which ends at once when nobody tells it what to do. */
function makeBundle(bundle: string): void {
  mkdirSync(join(bundle, "rootfs"), { recursive: true });
  copyFileSync(join(DIST, `nacre-init-${process.arch}`), join(bundle, "rootfs", "program"));
  const config = exampleConfig() as { process: object; linux: object };
  Object.assign(config.process, { terminal: false, args: ["/program"] });
  const calls = { names: ["ptrace", "socket"], action: "SCMP_ACT_ERRNO" };
  const seccomp = {
    ...{ defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"] },
    syscalls: [{ ...calls, args: [{ index: 0, value: 40, op: "SCMP_CMP_EQ" }] }],
  };
  Object.assign(config.linux, { seccomp });
  writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
}

async function warmUpRuntime(): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "nacre-build-"));
  const scripts = new Map<string, Script>();
  const codes = new Map<string, Buffer>();
  const entry = entryNamed("oci");
  const bundle = join(root, "bundle");
  const given: Readonly<Record<string, string>> = {
    ...{ BUNDLE: bundle, PIDS: join(root, "pid"), ID: `nacre-build-${process.pid}` },
  };
  const does = async (lines: readonly string[]) => {
    for (const line of lines) {
      const words = line.split(" ").map((word) => given[word] ?? word);
      await perform(entry, ["oci", "--root", join(root, "state"), ...words], scripts);
      keepLarger(codes, scripts);
    }
  };
  try {
    mkdirSync(bundle);
    await does(OCI);
    makeBundle(bundle);
    if (IS_ROOT) await does(OCI_AS_ROOT);
    for (const [path, code] of codes) writeCode(path, code);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function warmUp(everyday: boolean): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "nacre-build-"));
  process.env[MARK] = root;
  const scripts = new Map<string, Script>();
  const entry = entryNamed("nacre");
  try {
    const codes = new Map<string, Buffer>();
    const does = async (lines: readonly string[], ...options: string[]) => {
      for (const line of lines) {
        await perform(entry, ["--root", root, ...options, ...line.split(" ")], scripts);
        keepLarger(codes, scripts);
      }
      for (const [path, code] of codes) {
        if (!everyday || EVERYDAY.test(path)) writeCode(path, code);
      }
    };
    await does(process.platform === "linux" ? COMMANDS : COMMANDS.slice(0, 1));
    if (everyday) {
      // What a supervisor starts finds files that are there, and leaves them alone.
      if (IS_ROOT) await does(AS_ROOT);
      return;
    }
    if (process.platform === "linux") await does(["images"]);
    await does(SIMULATED, "--backend", "simulated");
    if (!IS_ROOT) return;
    const context = buildContext(root);
    await does(BUILDS.map((line) => line.replace("CONTEXT", context)));
    await using registry = await serve(root);
    const placed = (line: string): string =>
      line.replace("ADDRESS", registry.address).replace("ARCHIVE", join(root, "built.tar"));
    await does(SHARED.map(placed));
    await does(FETCHED.map(placed), "--root", join(root, "elsewhere"));
  } finally {
    await othersEnded(root);
    rmSync(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

/** As whoever is not root the command is not tried: it writes its code when it first ends. */
async function warmUpAlone(command: (typeof OWN_CODE)[number]): Promise<void> {
  if (!IS_ROOT) return;
  const root = mkdtempSync(join(tmpdir(), "nacre-build-"));
  process.env[MARK] = root;
  const context = buildContext(root);
  const wordsOf = (line: string): string[] => [
    ...["--root", join(root, "state")],
    ...line.split(" ").map((word) => (word === "CONTEXT" ? context : word)),
  ];
  const others = async (line: string | undefined) => {
    if (line === undefined) return;
    const node = [...NODE_FLAGS, join(DIST, "start.cjs")];
    await run(process.execPath, [...node, ...wordsOf(line)], "ignore");
  };
  const { before, lines, after } = OWN[command];
  const scripts = new Map<string, Script>();
  const codes = new Map<string, Buffer>();
  try {
    await others(before);
    for (const line of lines) {
      await perform(entryNamed("nacre"), wordsOf(line), scripts);
      keepLarger(codes, scripts);
    }
    await others(after);
    for (const [path, code] of codes) writeCode(path, code, command);
  } finally {
    await othersEnded(root);
    rmSync(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

/** V8 forgets what was not called for a while, also what the next command calls. */
function keepLarger(codes: Map<string, Buffer>, scripts: ReadonlyMap<string, Script>): void {
  for (const [path, script] of scripts) {
    const code = script.createCachedData();
    if (code.length > (codes.get(path)?.length ?? 0)) codes.set(path, code);
  }
}

/**
 * A supervisor whose container has ended has that recorded by a command of its own, which outlives
 * it.
 */
async function othersEnded(root: string): Promise<void> {
  const untilMs = performance.now() + ENDING_MS;
  while (processes({ name: MARK, value: root }).length > 0 && performance.now() < untilMs) {
    await sleep(20);
  }
}

/** Serves the images of `root` on loopback. */
async function serve(root: string): Promise<AsyncDisposable & { readonly address: string }> {
  const words = ["--root", root, "registry", "serve", "-q", "-a", "127.0.0.1:0"];
  const node = [...NODE_FLAGS, join(DIST, "start.cjs")];
  const child = spawn(process.execPath, [...node, ...words], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(child, "exit");
  const address = await Promise.race([once(child.stdout, "data"), ended.then(() => ["nowhere"])]);
  return {
    address: String(address[0]).trim(),
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

function buildContext(root: string): string {
  const context = join(root, "context");
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, "Dockerfile"), DOCKERFILE);
  return context;
}

/** Runs one command line from fresh modules over the scripts that are kept. */
function perform(entry: string, words: readonly string[], scripts: Map<string, Script>) {
  const load = bundleLoader({
    directory: DIST,
    compile: (path) => {
      const script = scripts.get(path) ?? bundleScript(path, readFileSync(path, "latin1"));
      scripts.set(path, script);
      return script.runInThisContext() as BundleFunction;
    },
    require: createRequire(join(DIST, "start.cjs")),
  });
  return new Promise<void>((resolve) => {
    process.argv = [process.execPath, join(DIST, "start.cjs"), ...words];
    process.exit = (() => resolve()) as never;
    load(`./${entry}`);
    begin(words[0] === "oci" ? "oci" : "nacre");
  });
}

if (process.argv[1] === import.meta.filename) {
  const { exit } = process;
  const [, , what] = process.argv;
  const own = OWN_CODE.find((command) => command === what);
  if (own !== undefined) await warmUpAlone(own);
  else await (what === "oci" ? warmUpRuntime() : warmUp(what === "everyday"));
  exit(0);
}
