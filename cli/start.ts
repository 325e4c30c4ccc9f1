// The first JavaScript of a start: runs the bundle beside it with V8's compiled code from a file.
//
// Compiling what a `run` needs takes longer than running it. V8 can write what it compiled
// (vm.Script, cachedData) and takes it back where its version and flags are the same. A chunk's
// name has its content's hash and the code's file has V8's version, so that neither can be taken
// for another. Where a file is missing (another Node, a fresh installation) it is written when
// the process ends, if this installation may be written. docs/decisions/0013-start-up.md has figures.

import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { constants, Script } from "node:vm";

/** The entry's file name; the build puts it in. */
declare const ENTRY: string;

type Chunk = { exports: unknown };
type Wrapper = (
  exports: unknown,
  require: (id: string) => unknown,
  module: Chunk,
  filename: string,
  dirname: string,
) => void;

const directory = __dirname;
const chunks: Record<string, Chunk> = Object.create(null);
const compiled = `.${process.versions.v8}-${process.arch}.code`;

/** `require` as the chunks see it: their own files through the cache, costly modules when used. */
function load(id: string): unknown {
  if (COSTLY.has(id)) return whenUsed(id);
  if (!id.startsWith("./")) return require(id);
  const known = chunks[id];
  if (known !== undefined) return known.exports;
  const chunk: Chunk = { exports: {} };
  chunks[id] = chunk;
  const path = directory + id.slice(1);
  const wrapper = compile(path).runInThisContext() as Wrapper;
  wrapper.call(chunk.exports, chunk.exports, load, chunk, path, directory);
  return chunk.exports;
}

/** Modules of Node that take milliseconds to load, and that most commands never touch. */
const COSTLY = new Set(
  ["child_process", "crypto", "zlib", "http", "https", "net", "tls", "stream", "tty"].map(
    (name) => `node:${name}`,
  ),
);

/** Stands for a module until one of its members is asked for. */
function whenUsed(id: string): unknown {
  return new Proxy(Object.create(null), {
    get: (_, name) => Reflect.get(require(id), name),
    has: (_, name) => Reflect.has(require(id), name),
    ownKeys: () => Reflect.ownKeys(require(id)),
    getOwnPropertyDescriptor: (_, name) => {
      const found = Reflect.getOwnPropertyDescriptor(require(id), name);
      return found && { ...found, configurable: true };
    },
  });
}

function compile(path: string): Script {
  // The build has wrapped it in a function and left nothing but ASCII in it.
  const source = readFileSync(path, "latin1");
  let cachedData: Buffer | undefined;
  try {
    cachedData = readFileSync(path + compiled);
  } catch {
    // Written below.
  }
  const script = new Script(source, {
    filename: path,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData && { cachedData }),
  });
  if (cachedData === undefined) process.once("exit", () => keep(script, path + compiled));
  return script;
}

/** At the end, so that it holds the functions that were called, too. */
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

/** The launcher looks for a Node once and remembers it; that one may have been replaced since. */
function newEnough(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 19);
}

if (newEnough()) load(`./${ENTRY}`);
else {
  process.stderr.write(
    `nacre: Node ${process.versions.node} is too old: 22.19 or newer is needed\nRemove ${directory}/node to have another one looked for, or set NACRE_NODE.\n`,
  );
  process.exit(125);
}
