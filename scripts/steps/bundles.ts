// Bundles: CommonJS for the command line (start.ts says why), ES modules for embedders, for the
// contract suites, and for simulations, which run in browsers too.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type InputOptions, type LogLevel, type RolldownLog, rolldown } from "rolldown";
import { DIST, ROOT } from "./step.ts";

const isExternal = (id: string): boolean => id.startsWith("node:") || id.startsWith("vitest");

const COMPOSITION = join(ROOT, "cli/composition.ts");

/** What looks at cgroups and namespaces: loaded by the commands that show or change them. */
const isKernelView = (id: string): boolean =>
  /\/(engine\/(cgroups|namespaces)\/|engine\/observation\.ts|core\/(cgroup-survey|cgroup-mount|program\/pin|program\/join)\.ts|cli\/commands\/(cgroup|ns)-|cli\/text\/(cgroup-tree|css-sets|namespaces)\.ts)/.test(
    id,
  );

/** What makes archives of containers, and images of archives, and copies their files. */
const isArchive = (id: string): boolean =>
  /\/(engine\/roots\/(?!view)|engine\/copies\/(?!opener|copy-claims|copy-rules|rest-view)|core\/tar-writer\.ts|cli\/local-files\.ts)/.test(
    id,
  );

/** What sends images to others and takes them from archives. */
const isSharing = (id: string): boolean =>
  /\/engine\/(sharing\/(?!view)|registry\/uploads\.ts|images\/image-recorder\.ts)/.test(id);

/** What builds images: loaded by `build` and what looks after its cache. */
const isBuild = (id: string): boolean => /\/(engine\/build\/(?!view)|core\/dockerfile\/)/.test(id);

/** The core's model of cgroups: what looks at them needs it, and so does the kernel in memory. */
const isCgroupModel = (id: string): boolean => /\/core\/(cgroup|css-set|cpuset-list)\.ts$/.test(id);

/** What compiles filters of system calls: loaded when one is not kept yet. */
const isFilterCompiler = (id: string): boolean => /\/core\/seccomp\/(?!version\.ts)/.test(id);

/** Commands and what they import: all that `version`, `--help` and completions of words need. */
const isCommandLine = (id: string): boolean =>
  (id.startsWith(join(ROOT, "cli/")) && id !== COMPOSITION) || id.startsWith("\0rolldown");

/** What is loaded when such a command is called, and by no `run`. */
const isOtherCommand = (id: string): boolean =>
  /\/cli\/(commands\/(?!run\.ts|settle\.ts)|text\/(template|listing|table|time|inspection)|help\.ts|nearest\.ts|container-row\.ts|parse\/process-columns\.ts|copy-operand\.ts)|\/engine\/copies\/copy-rules\.ts/.test(
    id,
  ) || id.includes("/node_modules/fastest-levenshtein/");

/** undici, which only what asks a registry needs. */
const isNetwork = (id: string): boolean =>
  id.includes("/node_modules/undici/") || id.endsWith("/backends/linux/undici.ts");

/** What every `run` needs. */
const isEngine = (id: string): boolean =>
  id === COMPOSITION ||
  ["core/", "engine/", "backends/linux/", "plugins/loader/"].some((room) =>
    id.startsWith(join(ROOT, room)),
  ) ||
  /\/node_modules\/(@?inversify|rxjs|reflect-metadata)/.test(id);

/** The kernel in memory: loaded when it was asked for, and by nobody else. */
const isSimulated = (id: string): boolean =>
  ["backends/simulated/", "cli/simulate/"].some((room) => id.startsWith(join(ROOT, room))) ||
  id.endsWith("/cli/simulation.ts");

/** undici loads HTTP/2 whether it may speak it or not (ours may not), and node:http2 takes 5 ms. */
const withoutHttp2 = {
  name: "without-http2",
  load: (id: string) =>
    id.endsWith("/undici/lib/dispatcher/client-h2.js") ? "module.exports = undefined;" : undefined,
};

/** rxjs as ES modules, so that what nobody calls is left out; its CommonJS build is one lump. */
const resolve = { alias: { rxjs: join(ROOT, "node_modules/rxjs/dist/esm/index.js") } };

/** `core`: settles when the core is built, which the bundle for browsers has inside. */
export async function buildBundles(core: Promise<unknown>): Promise<void> {
  mkdirSync(DIST, { recursive: true });
  const commandLine = await bundleCommandLine();
  const written = [
    ...commandLine.files,
    ...(await bundleLibrary("nacre")),
    ...(await bundleLibrary("contract")),
    ...(await core.then(() => bundleLibrary("simulated", FOR_BROWSERS))),
  ];
  // The last thing that is written: until then a start finds the old bundle whole.
  await bundleStart(commandLine.entry);
  removeOthers(new Set([...written, "start.cjs"]));
}

/** What is not found would be left to whoever installs the package, where it is not either. */
function refuseUnresolved(
  level: LogLevel,
  log: RolldownLog,
  handle: (level: LogLevel, log: RolldownLog) => void,
): void {
  if (log.code === "UNRESOLVED_IMPORT") throw new Error(log.message);
  handle(level, log);
}

/** Bundles of earlier builds, and V8's code for them. */
function removeOthers(kept: ReadonlySet<string>): void {
  for (const name of readdirSync(DIST)) {
    const bundle = /^.*?\.(cjs|mjs)(?=$|\.)/.exec(name)?.[0];
    if (bundle !== undefined && !kept.has(bundle)) rmSync(join(DIST, name));
  }
}

/** A chunk of what only some commands load, without what it imports. */
const apart = (name: string, test: (id: string) => boolean, priority = 5) => {
  return { name, test, priority, includeDependenciesRecursively: false };
};

/** The chunks of the command line, named by their content. */
async function bundleCommandLine(): Promise<{ entry: string; files: string[] }> {
  const build = await rolldown({
    cwd: ROOT,
    input: { nacre: join(ROOT, "cli", "entry.ts") },
    platform: "node",
    resolve,
    external: isExternal,
    onLog: refuseUnresolved,
    plugins: [withoutHttp2],
    // Nobody imports the chunks but each other.
    preserveEntrySignatures: false,
  });
  const { output } = await build.write({
    dir: DIST,
    format: "cjs",
    minify: true,
    // `import("node:http")` costs 30 ms, `require` of it 3.
    dynamicImportInCjs: false,
    // Everything of ours that `run` may need is one file: a file more costs more than its bytes.
    codeSplitting: {
      groups: [
        { name: "cli", test: isCommandLine, priority: 3 },
        {
          name: "commands",
          test: isOtherCommand,
          priority: 4,
          includeDependenciesRecursively: false,
        },
        { name: "network", test: isNetwork, priority: 5 },
        { name: "engine", test: isEngine, priority: 2 },
        apart("kernel-view", isKernelView),
        apart("archives", isArchive),
        apart("sharing", isSharing),
        apart("builds", isBuild),
        apart("cgroup-model", isCgroupModel, 6),
        apart("filters", isFilterCompiler, 6),
        // Not with what it imports: the core stays with those who always need it.
        {
          name: "simulated",
          test: isSimulated,
          priority: 4,
          includeDependenciesRecursively: false,
        },
      ],
    },
    entryFileNames: "[name]-[hash].cjs",
    chunkFileNames: "[name]-[hash].cjs",
  });
  for (const each of output) if (each.type === "chunk") wrapChunk(each.fileName, each.code);
  const entry = output.find((each) => each.type === "chunk" && each.isEntry)!;
  return { entry: entry.fileName, files: output.map(({ fileName }) => fileName) };
}

/**
 * As cli/start.ts compiles it: inside the function that makes it a module, and in ASCII, so that it
 * can be read as one byte a character. What is not ASCII stands in strings and regular expressions
 * only, where an escape means the same.
 */
function wrapChunk(name: string, code: string): void {
  const ascii = code.replace(
    /[^\0-\x7f]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const head = "(function (exports, require, module, __filename, __dirname) {";
  writeFileSync(join(DIST, name), `${head}${ascii}\n})`);
}

async function bundleStart(entry: string): Promise<void> {
  const build = await rolldown({
    cwd: ROOT,
    input: join(ROOT, "cli", "start.ts"),
    platform: "node",
    resolve,
    external: isExternal,
    // A Node that is too old must be able to read how it is told so.
    transform: { target: "es2020", define: { ENTRY: JSON.stringify(entry) } },
  });
  await build.write({ file: join(DIST, "start.cjs"), format: "cjs", minify: true });
}

/**
 * The simulation also runs in pages, where there is no Node. just-bash's build for browsers imports
 * node:zlib for its gzip, which is not among the tools that are taken from it.
 */
const FOR_BROWSERS: InputOptions = {
  platform: "browser",
  external: [],
  plugins: [
    {
      name: "without-zlib",
      resolveId: (id) => (id === "node:zlib" ? "\0without-zlib" : undefined),
      load: (id) => (id === "\0without-zlib" ? WITHOUT_ZLIB : undefined),
    },
  ],
};
const WITHOUT_ZLIB = "export const constants = {}, gunzipSync = undefined, gzipSync = undefined;";

async function bundleLibrary(name: string, more: InputOptions = {}): Promise<string[]> {
  const build = await rolldown({
    cwd: ROOT,
    input: { [name]: join(ROOT, "cli", `${name}.ts`) },
    platform: "node",
    resolve,
    external: isExternal,
    onLog: refuseUnresolved,
    ...more,
  });
  const { output } = await build.write({
    dir: DIST,
    format: "esm",
    entryFileNames: "[name].mjs",
    chunkFileNames: `${name}-[name]-[hash].mjs`,
  });
  return output.map(({ fileName }) => fileName);
}
