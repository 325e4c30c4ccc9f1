// The process around a command, as far as commands see it: its streams, environment, signals and
// time. Tests hand in another one.

import type { Engine } from "@nacre/engine/engine.ts";
import type { InstalledPlugin } from "@nacre/plugin-loader/installed.ts";
import type { OutputFile } from "./byte-streams.ts";
import type { GlobalOptions } from "./command.ts";
import type { LocalFiles } from "./local-files.ts";

export interface Host {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absolute. It may have been removed: ask for it where a relative path is. @throws NacreError */
  readonly workingDirectory: string;
  /** Writes to standard output; returns when the bytes have left. */
  print(text: string): void;
  /** The same for bytes, also to standard error. */
  printBytes(bytes: Uint8Array, stream?: 1 | 2): void;
  /** Writes to standard error. */
  printError(text: string): void;
  /** Whether a standard stream is a terminal. */
  isTerminal(stream: 0 | 1 | 2): boolean;
  /** Columns of the terminal on standard error or output; 80 where there is none. */
  columns(): number;
  /** Of the terminal on standard output or input; undefined where there is none. */
  terminalSize(): { readonly rows: number; readonly columns: number } | undefined;
  /**
   * Hands on what comes from standard input, one chunk when the one before is taken. `raw`: a
   * terminal's keys as they are typed. The result stops it, and gives the terminal back.
   */
  onInput(raw: boolean, take: (bytes: Uint8Array) => Promise<void>): () => void;
  /** The first of these numbers, behind the standard streams, by which our caller has given us nothing. */
  missing(descriptors: readonly number[]): Promise<number | undefined>;
  nowMs(): number;
  /** Resolves after that time, or when the signal is aborted. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
  /** Calls `act` with the number of each such signal that arrives; the result undoes it. */
  onSignals(names: readonly NodeJS.Signals[], act: (number: number) => void): () => void;
  /** Reads a small text file. @throws as node:fs does */
  readText(path: string): string;
  readBytes(path: string): Uint8Array;
  exists(path: string): boolean;
  /** Makes an empty file; false if it is there already or cannot be made. */
  mark(path: string): boolean;
  /** Whether a file can be made there. @throws as node:fs does, where its directory is none to write to */
  checkPlace(path: string): void;
  /** Makes a file with these words. @throws as node:fs does, EEXIST where there is one */
  createFile(path: string, text: string): void;
  /** Begins a file. @throws NacreError */
  outputFile(path: string): Promise<OutputFile>;
  /** A file's bytes, or for `-` those of standard input. Throws NacreError. */
  inputBytes(path: string): AsyncIterable<Uint8Array>;
  /** The same for a large file that is read once: a chunk is used up when the next one is asked for. */
  passingBytes(path: string): AsyncIterable<Uint8Array>;
  /** Files of this machine, to be copied. */
  localFiles(): Promise<LocalFiles>;
  /** Reads a line from standard input. */
  readLine(): string;
  /** The same from a terminal that does not show it. */
  readSecret(): string;
  /** Executes a program with our streams and waits for it; its exit code, 127 where there is none. */
  execute(words: readonly string[]): number;
  createEngine(options: GlobalOptions): Promise<Engine>;
  /** Every plugin there is, by its manifest. */
  plugins(options: GlobalOptions): Promise<readonly InstalledPlugin[]>;
}
