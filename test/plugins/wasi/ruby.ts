// Ruby 3.4 as npm's @ruby/3.4-wasm-wasi ships it: 16 MB of WebAssembly that nobody made for us.
//
// It is a reactor, which exports functions to JavaScript and has no _start. A command is made of it
// by linking a small one in front, which hands over the script and calls Ruby. Reactor and command
// share one memory; nothing is written to it that Ruby has not given away.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cachedLayout } from "../../images/cache.ts";

const PACKAGE = "@ruby/3.4-wasm-wasi@2.10.1";

const COMMAND = `
@external("ruby", "_initialize") declare function initialize(): void;
@external("ruby", "cabi_realloc") declare function allocate(old: usize, size: usize, align: usize, wanted: usize): usize;
@external("ruby", "ruby-init: func(args: list<string>) -> ()") declare function init(words: usize, count: i32): void;
@external("ruby", "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>")
declare function evaluate(script: usize, size: usize): usize;
@external("wasi_snapshot_preview1", "args_sizes_get") declare function args_sizes_get(count: usize, bytes: usize): i32;
@external("wasi_snapshot_preview1", "args_get") declare function args_get(list: usize, bytes: usize): i32;
@external("wasi_snapshot_preview1", "proc_exit") declare function proc_exit(code: i32): void;

function length(text: usize): usize {
  let size: usize = 0;
  while (load<u8>(text + size) != 0) size++;
  return size;
}

/** ruby -e SCRIPT */
export function _start(): void {
  initialize();
  const sizes = allocate(0, 0, 4, 8);
  args_sizes_get(sizes, sizes + 4);
  const words = allocate(0, 0, 4, 4 * load<u32>(sizes));
  args_get(words, allocate(0, 0, 1, load<u32>(sizes + 4)));
  const nothing = allocate(0, 0, 8, 8);
  store<u64>(nothing, 0x303d5f652d); // -e_=0: without a script it would read one
  const given = allocate(0, 0, 4, 16);
  store<u32>(given, load<u32>(words));
  store<u32>(given + 4, u32(length(load<u32>(words))));
  store<u32>(given + 8, u32(nothing));
  store<u32>(given + 12, 5);
  init(given, 2);
  const script = load<u32>(words + 8);
  const result = evaluate(script, length(script));
  if (load<i32>(result + 4)) proc_exit(1);
}
`;

/** Handles of values, for which JavaScript would keep a table. */
const HANDLES = `(module
  (func (export "resource_new_rb-abi-value") (param i32) (result i32) (local.get 0))
  (func (export "resource_get_rb-abi-value") (param i32) (result i32) (local.get 0))
  (func (export "resource_drop_js-abi-value") (param i32)))`;

const BIN = fileURLToPath(new URL("../../../node_modules/.bin/", import.meta.url));

/**
 * The linked module, made once on a machine.
 * @throws if npm cannot be reached and it was not made before
 */
export async function rubyModule(): Promise<Uint8Array> {
  const recipe = PACKAGE + COMMAND + HANDLES;
  const folder = await cachedLayout("ruby-wasm", recipe, async (directory) => link(directory));
  return new Uint8Array(readFileSync(join(folder, "command.wasm")));
}

function link(directory: string): void {
  const at = (name: string): string => join(directory, name);
  const run = (tool: string, ...words: string[]) =>
    execFileSync(tool, words, { cwd: directory, stdio: ["ignore", "ignore", "inherit"] });
  const own = (tool: string, ...words: string[]) =>
    run(process.execPath, join(BIN, tool), ...words);
  mkdirSync(at("package"));
  run("npm", "pack", PACKAGE, "--silent", "--pack-destination", at("package"));
  run("sh", "-c", "tar -xzf package/*.tgz package/dist/ruby.wasm && rm package/*.tgz");
  writeFileSync(at("main.ts"), COMMAND);
  writeFileSync(at("handles.wat"), HANDLES);
  const options = ["--runtime", "stub", "--use", "abort=", "--importMemory", "-O"];
  own("asc", "main.ts", "-t", "main.wat", ...options);
  const text = readFileSync(at("main.wat"), "utf8");
  writeFileSync(at("main.wat"), text.replace('"env" "memory"', '"ruby" "memory"'));
  for (const name of ["main", "handles"]) {
    own("wasm-as", `${name}.wat`, "-o", `${name}.wasm`, "--all-features");
  }
  const parts = [
    "main.wasm",
    "main",
    "package/dist/ruby.wasm",
    "ruby",
    "handles.wasm",
    "canonical_abi",
  ];
  own("wasm-merge", ...parts, "-o", "command.wasm", "--all-features", "--rename-export-conflicts");
  run("rm", "-r", "package");
}
