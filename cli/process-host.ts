// The real host: this process. Streams are written with write(2) itself, since process.stdout
// costs milliseconds to load and a pipe's bytes would have to be waited for before the exit.

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import type { GlobalOptions } from "./command.ts";
import type { Host } from "./host.ts";
import { onSignals } from "./signal-listeners.ts";
import { workingDirectory } from "./working-directory.ts";
import { writeAll } from "./write-all.ts";

export class ProcessHost implements Host {
  readonly environment = process.env;

  get workingDirectory(): string {
    return workingDirectory();
  }

  print(text: string): void {
    writeAll(1, text);
  }

  printBytes(bytes: Uint8Array, stream: 1 | 2 = 1): void {
    writeAll(stream, bytes);
  }

  printError(text: string): void {
    writeAll(2, text);
  }

  isTerminal(stream: 0 | 1 | 2): boolean {
    return mayBeTerminal(stream) && terminals().isatty(stream);
  }

  columns(): number {
    for (const stream of [2, 1] as const) {
      if (!this.isTerminal(stream)) continue;
      const columns = (stream === 2 ? process.stderr : process.stdout).columns;
      if (columns > 0) return columns;
    }
    return 80;
  }

  terminalSize() {
    const { isTTY, rows, columns } = process.stdout;
    return isTTY ? { rows, columns } : undefined;
  }

  onInput(raw: boolean, take: (bytes: Uint8Array) => Promise<void>): () => void {
    const { stdin } = process;
    const giveBack = raw && stdin.isTTY ? rawTerminal() : () => {};
    const onData = (bytes: Uint8Array): void => {
      stdin.pause();
      void take(bytes).finally(() => stdin.resume());
    };
    stdin.on("data", onData);
    return () => {
      stdin.off("data", onData);
      stdin.pause();
      giveBack();
    };
  }

  async missing(descriptors: readonly number[]) {
    const { missingDescriptor } = await import("./given-descriptors.ts");
    return missingDescriptor(descriptors);
  }

  nowMs(): number {
    return Date.now();
  }

  async sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    const timers = process.getBuiltinModule("node:timers/promises");
    await timers.setTimeout(delayMs, undefined, { signal }).catch(() => {}); // aborted
  }

  readonly onSignals = onSignals;

  readText(path: string): string {
    return readFileSync(path, "utf8");
  }

  readBytes(path: string): Uint8Array {
    return readFileSync(path);
  }

  exists(path: string): boolean {
    return existsSync(path);
  }

  mark(path: string): boolean {
    try {
      closeSync(openSync(path, "wx", 0o600));
      return true;
    } catch {
      return false;
    }
  }

  checkPlace(path: string): void {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
  }

  createFile(path: string, text: string): void {
    writeFileSync(path, text, { flag: "wx" });
  }

  async outputFile(path: string) {
    const { outputFile } = await import("./byte-streams.ts");
    return outputFile(path);
  }

  async *inputBytes(path: string): AsyncGenerator<Uint8Array> {
    const { inputBytes } = await import("./byte-streams.ts");
    yield* inputBytes(path);
  }

  async *passingBytes(path: string): AsyncGenerator<Uint8Array> {
    const { inputBytes, passingBytes } = await import("./byte-streams.ts");
    yield* path === "-" ? inputBytes(path) : passingBytes(path);
  }

  async localFiles() {
    const { localFiles } = await import("./local-files.ts");
    const { addonPath } = await import("./composition.ts");
    return localFiles(addonPath());
  }

  readLine(): string {
    const byte = new Uint8Array(1);
    const bytes: number[] = [];
    while (readSync(0, byte) === 1 && byte[0] !== 0x0a) bytes.push(byte[0]!);
    return Buffer.from(bytes).toString("utf8");
  }

  readSecret(): string {
    const giveBack = changedTerminal("-echo");
    try {
      return this.readLine();
    } finally {
      giveBack();
    }
  }

  execute([program = "", ...words]: readonly string[]): number {
    const { spawnSync } = process.getBuiltinModule("node:child_process");
    const { constants } = process.getBuiltinModule("node:os");
    const { status, signal, error } = spawnSync(program, words, { stdio: "inherit" });
    if (error) {
      this.printError(`nacre: ${program}: ${error.message}\n`);
      return (error as NodeJS.ErrnoException).code === "ENOENT" ? 127 : 126;
    }
    return status ?? 128 + (signal ? constants.signals[signal] : 0);
  }

  async plugins(options: GlobalOptions) {
    const { installedPlugins } = await import("./composition.ts");
    return installedPlugins(options.plugins);
  }

  async createEngine(options: GlobalOptions) {
    const { createEngine } = await import("./composition.ts");
    const engine = await createEngine({ ...options, endsWithProcess: true });
    if (this.environment.NACRE_USER_NAMESPACE !== undefined) {
      const { tellSingleUser } = await import("./rootless-notice.ts");
      tellSingleUser(this, options.root);
    }
    return engine;
  }
}

/**
 * Our terminal on standard input shows and passes every byte as it is, until the result is called
 * or this process ends. By stty(1): Node's own raw mode still turns line feeds into two characters.
 */
export const rawTerminal = (): (() => void) => changedTerminal("raw", "-echo");

function changedTerminal(...how: readonly string[]): () => void {
  const { execFileSync } = process.getBuiltinModule("node:child_process");
  const stty = (...words: string[]) =>
    execFileSync("stty", words, { stdio: ["inherit", "pipe", "ignore"], encoding: "utf8" });
  const before = stty("-g").trim();
  stty(...how);
  const giveBack = (): void => {
    process.off("exit", giveBack);
    stty(before);
  };
  process.once("exit", giveBack);
  return giveBack;
}

/** node:tty brings the network along: 3 ms that no pipe, no file and no /dev/null has to wait for. */
function mayBeTerminal(stream: number): boolean {
  try {
    const status = fstatSync(stream);
    return status.isCharacterDevice() && ((status.rdev >> 8) & 0xfff) !== MEMORY_DEVICES;
  } catch {
    return false; // it is closed
  }
}
/** The major number of /dev/null and its like (the kernel's devices.txt). */
const MEMORY_DEVICES = 1;

function terminals(): typeof import("node:tty") {
  return process.getBuiltinModule("node:tty");
}
