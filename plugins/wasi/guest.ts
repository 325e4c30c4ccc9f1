// Runs one WebAssembly module as a process: synchronously, in whatever thread it is called, without
// anything of the host but the streams it is given. docs/decisions/0021-wasi-runtime.md says why so.

import { init, type MemFS, WASI } from "@wasmer/wasi";
import { type Imports, ModuleEnd, PREVIEW1, redirect } from "./imports.ts";
import { empty, fill } from "./memory-files.ts";
import type { TreeEntry } from "./tree.ts";

export interface GuestStreams {
  /** Fills the buffer from standard input, as much as there is, waiting for the first byte; 0 at the end. */
  read(buffer: Uint8Array): number;
  /** False if nobody reads any more. */
  write(stream: 1 | 2, bytes: Uint8Array): boolean;
  sleep(delayMs: number): void;
}

export interface GuestProcess {
  /** The command line; its first word names a file of the tree. */
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Absolute. */
  readonly workingDirectory: string;
  readonly tree: readonly TreeEntry[];
}

export interface GuestEnd {
  readonly code: number;
  /** The tree as the module left it; absent if it did not start. */
  readonly tree?: readonly TreeEntry[];
}

export const EXIT = { trap: 134, notExecutable: 126, notFound: 127 } as const;

const encoder = new TextEncoder();

/** What a module is refused for, in a person's words. */
class Refusal extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Everything that went wrong is said on standard error. */
export async function runGuest(process: GuestProcess, streams: GuestStreams): Promise<GuestEnd> {
  const say = (text: string): unknown => streams.write(2, encoder.encode(`wasi: ${text}\n`));
  try {
    const { path, data } = findModule(process);
    const module = compile(data, path);
    await init();
    const files = fill(process.tree, process.workingDirectory);
    const wasi = new WASI({
      args: [...process.arguments],
      env: process.environment,
      fs: files,
      preopens: { "/": "/", ".": process.workingDirectory },
    });
    const code = start(module, wasi, streams, path, say);
    const tree = leave(wasi.fs);
    return { code, ...(tree && { tree }) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    say(error.message);
    return { code: error.code };
  }
}

/** As execvp(3) finds a command; what names no directory is looked for in the working directory last. */
function findModule({ arguments: words, environment, workingDirectory, tree }: GuestProcess) {
  const name = words[0] ?? "";
  const directories = name.includes("/")
    ? [workingDirectory]
    : [...(environment.PATH ?? "").split(":"), workingDirectory];
  for (const directory of directories) {
    const path = absolute(name.startsWith("/") ? name : `${directory}/${name}`);
    const found = tree.find((entry) => entry.path === path);
    if (found?.data) return { path, data: found.data };
    if (found && name.includes("/"))
      throw new Refusal(EXIT.notExecutable, `${path} is a directory`);
  }
  throw new Refusal(EXIT.notFound, `${JSON.stringify(name)}: no such module in the image`);
}

function absolute(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** `\0asm`, then the version: 1 is a core module, 0x1000d a component. */
function compile(data: Uint8Array, path: string): WebAssembly.Module {
  const refuse = (why: string): never => {
    throw new Refusal(EXIT.notExecutable, `${path}: ${why}`);
  };
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length < 8 || view.getUint32(0) !== 0x0061736d) refuse("not a WebAssembly module");
  if (view.getUint32(4, true) !== 1) {
    refuse("a WebAssembly component: modules for WASI preview 1 can be run, components cannot");
  }
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(data.slice());
  } catch (error) {
    return refuse((error as Error).message);
  }
  const starts = WebAssembly.Module.exports(module).some(({ name }) => name === "_start");
  if (!starts) refuse("it has no _start: a library (a reactor), not a command");
  return module;
}

/** Runs the module; its exit code, or 134 as of a program that aborts where it traps. */
function start(
  module: WebAssembly.Module,
  wasi: WASI,
  streams: GuestStreams,
  path: string,
  say: (text: string) => unknown,
): number {
  // Without a single import of WASI's the library refuses a module.
  const needs = WebAssembly.Module.imports(module);
  const usesWasi = needs.some((one) => one.module === PREVIEW1);
  const imports: Imports = usesWasi ? { ...(wasi.getImports(module) as Imports) } : {};
  let memory: WebAssembly.Memory | undefined;
  redirect(imports, () => memory?.buffer as ArrayBuffer, streams);
  for (const { module: from, name, kind } of needs) addMissing(imports, from, name, kind, path);
  const instance = new WebAssembly.Instance(module, imports);
  memory = instance.exports.memory as WebAssembly.Memory | undefined;
  try {
    if (usesWasi) wasi.instantiate(instance);
    (instance.exports._start as () => void)();
    return 0;
  } catch (error) {
    if (error instanceof ModuleEnd) return error.code & 0xff;
    say(`${path} trapped: ${trapOf(error)}`);
    return EXIT.trap;
  }
}

function addMissing(imports: Imports, from: string, name: string, kind: string, path: string) {
  imports[from] = { ...imports[from] };
  if (imports[from][name] !== undefined) return;
  if (kind !== "function") {
    throw new Refusal(
      EXIT.notExecutable,
      `${path} needs the ${kind} ${from}.${name}, which is not WASI's`,
    );
  }
  imports[from][name] = () => {
    throw new WebAssembly.RuntimeError(`${from}.${name} is not there: it is not WASI's`);
  };
}

/** The reason and the functions that were being called, as far as the module names them. */
function trapOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frames = (error.stack ?? "").split("\n").filter((line) => line.includes("wasm://"));
  return [error.message, ...frames.slice(0, 8)].join("\n");
}

/** After a trap the library may be beyond use, and with it what the module wrote. */
function leave(files: MemFS): TreeEntry[] | undefined {
  try {
    return empty(files);
  } catch {
    return undefined;
  }
}
