// Bundles: CommonJS for the command line (start.ts says why), ES modules for embedders, for the
// contract suites, and for simulations, which run in browsers too.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type InputOptions,
  type LogLevel,
  type Plugin,
  type RolldownLog,
  type RolldownOutput,
  rolldown,
} from "rolldown";
import { BUNDLE_GROUPS, OCI_BUNDLE_GROUPS } from "./bundle-groups.ts";
import type { Notices } from "./notices.ts";
import { DIST, ROOT } from "./step.ts";

const isExternal = (id: string): boolean => id.startsWith("node:") || id.startsWith("vitest");

/** undici loads HTTP/2 whether it may speak it or not (ours may not), and node:http2 takes 5 ms. */
const withoutHttp2 = {
  name: "without-http2",
  load: (id: string) =>
    id.endsWith("/undici/lib/dispatcher/client-h2.js") ? "module.exports = undefined;" : undefined,
};

/** rxjs as ES modules, so that what nobody calls is left out; its CommonJS build is one lump. */
const resolve = { alias: { rxjs: join(ROOT, "node_modules/rxjs/dist/esm/index.js") } };

/** `core`: settles when the core is built, which the bundle for browsers has inside. */
export async function buildBundles(core: Promise<unknown>, { plugin }: Notices): Promise<void> {
  mkdirSync(DIST, { recursive: true });
  const commandLine = await bundleCommandLine(plugin);
  const oci = await bundleOci(plugin);
  const tools = await bundleLibrary("just-bash", SHARED_TOOLS, {
    ...FOR_BROWSERS,
    plugins: [withoutZlib, plugin],
  });
  const plugins = [sharing(SHARED_TOOLS, tools), plugin];
  const library = (name: string, more?: InputOptions): Promise<string[]> =>
    bundleLibrary(name, join(ROOT, "cli", `${name}.ts`), { plugins, ...more });
  const written = [
    ...commandLine.files,
    ...oci.files,
    ...tools,
    ...(await library("nacre")),
    ...(await library("contract")),
    ...(await core.then(() => library("simulated", FOR_BROWSERS))),
  ];
  // The last thing that is written: until then a start finds the old bundle whole.
  await bundleStart(commandLine, oci);
  removeOthers(new Set([...written, "freeze.cjs", "start.cjs"]));
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

/** What package.json says under `engines`: `using` is no syntax there yet. */
const OLDEST_NODE = { target: "node22" } as const;

/** What costs each start milliseconds, and that little of is used there, is stood for by less. */
const withStandIns = {
  name: "with-stand-ins",
  resolveId(id: string, importer: string | undefined) {
    const light = id === "rxjs" || (id === "inversify" && !importer?.endsWith(PLUGIN_LOADER));
    return light ? join(ROOT, "cli", "light", `${id}.ts`) : undefined;
  },
};
/** Plugins may bind as they like. */
const PLUGIN_LOADER = join("plugins", "loader", "loader.ts");

/** The chunks of the command line, named by their content. */
async function bundleCommandLine(notices: Plugin): Promise<Bundles> {
  const build = await rolldown({
    cwd: ROOT,
    input: { nacre: join(ROOT, "cli", "entry.ts") },
    platform: "node",
    transform: OLDEST_NODE,
    external: isExternal,
    onLog: refuseUnresolved,
    plugins: [withStandIns, withoutHttp2, notices],
    // Nobody imports the chunks but each other.
    preserveEntrySignatures: false,
  });
  const { output } = await build.write({
    dir: DIST,
    format: "cjs",
    minify: true,
    // `import("node:http")` costs 30 ms, `require` of it 3.
    dynamicImportInCjs: false,
    codeSplitting: { groups: BUNDLE_GROUPS },
    entryFileNames: "[name]-[hash].cjs",
    chunkFileNames: "[name]-[hash].cjs",
  });
  return wrapped(output);
}

/** The OCI runtime, which is started for every step of a container: what it needs and nothing else. */
async function bundleOci(notices: Plugin): Promise<Bundles> {
  const build = await rolldown({
    cwd: ROOT,
    input: { oci: join(ROOT, "cli", "oci", "entry.ts") },
    platform: "node",
    transform: OLDEST_NODE,
    resolve,
    external: isExternal,
    onLog: refuseUnresolved,
    plugins: [notices],
    preserveEntrySignatures: false,
  });
  const { output } = await build.write({
    dir: DIST,
    format: "cjs",
    minify: true,
    dynamicImportInCjs: false,
    codeSplitting: { groups: OCI_BUNDLE_GROUPS },
    entryFileNames: "[name]-[hash].cjs",
    chunkFileNames: "oci-[name]-[hash].cjs",
  });
  return wrapped(output);
}

interface Bundles {
  readonly entry: string;
  readonly files: readonly string[];
  /** What rolldown has them share, if they do. */
  readonly runtime?: string;
}

function wrapped(output: RolldownOutput["output"]): Bundles {
  const chunks = output.filter((each) => each.type === "chunk");
  for (const { fileName, code } of chunks) wrapChunk(fileName, code);
  const entry = chunks.find(({ isEntry }) => isEntry)!;
  const runtime = chunks.find(({ name }) => name === "rolldown-runtime")?.fileName;
  return {
    entry: entry.fileName,
    files: output.map(({ fileName }) => fileName),
    ...(runtime !== undefined && { runtime }),
  };
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

const textOf = (name: string): string => readFileSync(join(DIST, name), "utf8");

/** What is loaded before Node is frozen (cli/freeze.ts): all but what simulates and what is looked at. */
const FROZEN = /^(?!browser|explore-terminal|simulated)/;

async function bundleStart(commandLine: Bundles, oci: Bundles): Promise<void> {
  // A file less to read, for all commands need it.
  const shared = [commandLine.runtime, oci.runtime]
    .filter((runtime) => runtime !== undefined)
    .map((runtime) => `${JSON.stringify(`./${runtime}`)}: ${textOf(runtime)}`);
  const frozen = [...commandLine.files, ...oci.files].filter((name) => FROZEN.test(name));
  const define = {
    ENTRY: JSON.stringify(commandLine.entry),
    OCI_ENTRY: JSON.stringify(oci.entry),
    FROZEN: JSON.stringify(frozen),
  };
  // A Node that is too old must be able to read how it is told so.
  for (const [name, target] of [
    ["freeze", "node22"],
    ["start", "es2020"],
  ] as const) {
    const build = await rolldown({
      cwd: ROOT,
      input: join(ROOT, "cli", `${name}.ts`),
      platform: "node",
      resolve,
      external: isExternal,
      transform: { target, define },
    });
    await build.write({
      file: join(DIST, `${name}.cjs`),
      format: "cjs",
      minify: true,
      banner: `const RUNTIME = {${shared.join(",")}};`,
    });
  }
}

/** The simulation also runs in pages, where there is no Node. */
const FOR_BROWSERS: InputOptions = { platform: "browser", external: [] };

/** just-bash's build for browsers imports node:zlib for its gzip, which is not among the tools that are taken from it. */
const withoutZlib: Plugin = {
  name: "without-zlib",
  resolveId: (id) => (id === "node:zlib" ? "\0without-zlib" : undefined),
  load: (id) => (id === "\0without-zlib" ? WITHOUT_ZLIB : undefined),
};
const WITHOUT_ZLIB = "export const constants = {}, gunzipSync = undefined, gzipSync = undefined;";

/**
 * The tools of the simulated kernel's shell: two megabytes, which the entries that simulate import
 * when they first need them. The command line has its own, as V8's code for CommonJS can be kept.
 */
const SHARED_TOOLS = "just-bash/browser";

/** Leaves a package to the first of the files that were made of it. */
const sharing = (id: string, [file]: readonly string[]): Plugin => ({
  name: "sharing",
  resolveId: (wanted) => (wanted === id ? { id: `./${file}`, external: true } : undefined),
});

async function bundleLibrary(name: string, input: string, more: InputOptions): Promise<string[]> {
  const build = await rolldown({
    cwd: ROOT,
    input: { [name]: input },
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
