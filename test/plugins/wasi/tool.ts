// The module that the tests run, made by hand: a WASI preview 1 command in AssemblyScript.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = `
@external("wasi_snapshot_preview1", "args_sizes_get")
declare function args_sizes_get(count: usize, bytes: usize): i32;
@external("wasi_snapshot_preview1", "args_get")
declare function args_get(list: usize, bytes: usize): i32;
@external("wasi_snapshot_preview1", "environ_sizes_get")
declare function environ_sizes_get(count: usize, bytes: usize): i32;
@external("wasi_snapshot_preview1", "environ_get")
declare function environ_get(list: usize, bytes: usize): i32;
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: i32, vectors: usize, count: i32, done: usize): i32;
@external("wasi_snapshot_preview1", "fd_read")
declare function fd_read(fd: i32, vectors: usize, count: i32, done: usize): i32;
@external("wasi_snapshot_preview1", "fd_close")
declare function fd_close(fd: i32): i32;
@external("wasi_snapshot_preview1", "fd_readdir")
declare function fd_readdir(fd: i32, buffer: usize, size: i32, cookie: i64, used: usize): i32;
@external("wasi_snapshot_preview1", "path_open")
declare function path_open(fd: i32, follow: i32, path: usize, size: i32, how: i32, rights: i64, inherited: i64, flags: i32, opened: usize): i32;
@external("wasi_snapshot_preview1", "path_unlink_file")
declare function path_unlink_file(fd: i32, path: usize, size: i32): i32;
@external("wasi_snapshot_preview1", "poll_oneoff")
declare function poll_oneoff(subscriptions: usize, events: usize, count: i32, ready: usize): i32;
@external("wasi_snapshot_preview1", "proc_exit")
declare function proc_exit(code: i32): void;
@external("elsewhere", "unknown")
declare function unknown(): void;

const RIGHTS: i64 = 0x1fffffff;
/** Scratch: one vector at 64, results at 96, buffers from 4096. */
const VECTOR: usize = 64;
const RESULT: usize = 96;
const BUFFER: usize = 4096;
const BUFFER_BYTES: i32 = 16384;

function write(fd: i32, at: usize, size: i32): i32 {
  store<u32>(VECTOR, u32(at));
  store<u32>(VECTOR + 4, u32(size));
  return fd_write(fd, VECTOR, 1, RESULT);
}
function print(text: string, fd: i32 = 1): void {
  const bytes = String.UTF8.encode(text);
  write(fd, changetype<usize>(bytes), bytes.byteLength);
}
function exit(code: i32): void { proc_exit(code); }
function fail(what: string, code: i32): void { print(what + ": " + code.toString() + "\\n", 2); exit(1); }

function text(at: usize): string {
  let size: usize = 0;
  while (load<u8>(at + size) != 0) size++;
  return String.UTF8.decodeUnsafe(at, size);
}
function list(sizes: (a: usize, b: usize) => i32, get: (a: usize, b: usize) => i32): string[] {
  sizes(RESULT, RESULT + 4);
  const count = load<u32>(RESULT);
  const pointers = heap.alloc(4 * count + 4);
  get(pointers, heap.alloc(load<u32>(RESULT + 4) + 1));
  const words: string[] = [];
  for (let i: u32 = 0; i < count; i++) words.push(text(load<u32>(pointers + 4 * i)));
  return words;
}
/** Paths are below descriptor 3, the root; \`how\`: 1 creates, 2 wants a directory, 8 truncates. */
function open(path: string, how: i32): i32 {
  const bytes = String.UTF8.encode(path.startsWith("/") ? path.substring(1) : path);
  const failed = path_open(3, 1, changetype<usize>(bytes), bytes.byteLength, how, RIGHTS, RIGHTS, 0, RESULT);
  if (failed) fail(path, failed);
  return load<i32>(RESULT);
}
function copy(from: i32): void {
  for (;;) {
    store<u32>(VECTOR, u32(BUFFER));
    store<u32>(VECTOR + 4, u32(BUFFER_BYTES));
    const failed = fd_read(from, VECTOR, 1, RESULT);
    if (failed) fail("read", failed);
    const taken = load<i32>(RESULT);
    if (taken == 0) return;
    write(1, BUFFER, taken);
  }
}
function names(path: string): void {
  const fd = path == "/" ? 3 : open(path, 2);
  fd_readdir(fd, BUFFER, BUFFER_BYTES, 0, RESULT);
  const end = BUFFER + load<u32>(RESULT);
  for (let at = BUFFER; at + 24 <= end; at += 24 + load<u32>(at + 16)) {
    const name = String.UTF8.decodeUnsafe(at + 24, load<u32>(at + 16));
    if (name != "." && name != "..") print(name + "\\n");
  }
}
function sleep(ms: i32): void {
  memory.fill(BUFFER, 0, 48);
  store<u64>(BUFFER, 7);
  store<u32>(BUFFER + 16, 1);
  store<u64>(BUFFER + 24, u64(ms) * 1000000);
  const failed = poll_oneoff(BUFFER, BUFFER + 64, 1, RESULT);
  if (failed) fail("sleep", failed);
}

export function _start(): void {
  const words = list((a, b) => args_sizes_get(a, b), (a, b) => args_get(a, b));
  const what = words.length > 1 ? words[1] : "args";
  if (what == "args") print(words.join("|") + "\\n");
  else if (what == "print") print(words.slice(2).join("\\n") + "\\n");
  else if (what == "env") print(list((a, b) => environ_sizes_get(a, b), (a, b) => environ_get(a, b)).sort().join("\\n") + "\\n");
  else if (what == "cat") copy(words.length > 2 ? open(words[2], 0) : 0);
  else if (what == "ls") names(words[2]);
  else if (what == "write") {
    const fd = open(words[2], 1 | 8);
    print(words[3], fd);
    fd_close(fd);
  } else if (what == "rm") {
    const bytes = String.UTF8.encode(words[2].substring(1));
    const failed = path_unlink_file(3, changetype<usize>(bytes), bytes.byteLength);
    if (failed) fail(words[2], failed);
  } else if (what == "error") { print("to standard error\\n", 2); exit(3); }
  else if (what == "exit") exit(I32.parseInt(words[2]));
  else if (what == "sleep") { print("going to sleep\\n"); sleep(I32.parseInt(words[2])); print("awake\\n"); }
  else if (what == "loop") { print("looping\\n"); for (;;) {} }
  else if (what == "trap") unreachable();
  else if (what == "unknown") unknown();
}
`;

const ASC = fileURLToPath(
  new URL("../../../node_modules/assemblyscript/bin/asc.js", import.meta.url),
);

let made: Uint8Array | undefined;

/** Compiled once for a process. */
export function toolModule(): Uint8Array {
  made ??= compile(SOURCE);
  return made;
}

/** A command without a single import. */
export const silentModule = (): Uint8Array => compile("export function _start(): void {}");
/** A library: it has no _start. */
export const reactorModule = (): Uint8Array =>
  compile("export function add(a: i32, b: i32): i32 { return a + b; }");

function compile(source: string): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), "nacre-wasm-"));
  try {
    writeFileSync(join(directory, "tool.ts"), source);
    const options = ["--runtime", "stub", "--use", "abort=", "--memoryBase", "65536"];
    const words = [join(directory, "tool.ts"), "-o", join(directory, "tool.wasm"), ...options];
    execFileSync(process.execPath, [ASC, ...words]);
    return new Uint8Array(readFileSync(join(directory, "tool.wasm")));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
