// What an OCI runtime's commands need of the process around them.

import type { Host } from "../host.ts";

export interface OciHost
  extends Pick<
    Host,
    "environment" | "workingDirectory" | "print" | "printError" | "nowMs" | "onSignals"
  > {
  /** @throws as node:fs does */
  readText(path: string): string;
  isFile(path: string): boolean;
  /** Whole or not at all, for whoever waits for it. */
  replaceFile(path: string, text: string): void;
  appendFile(path: string, text: string): void;
  /** All of standard input. */
  readInput(): string;
  /** Whether a descriptor that we were started with is open and somebody else's. */
  isGiven(descriptor: number): boolean;
  /** The real path of an existing directory. */
  realPath(path: string): string;
  sleep(delayMs: number): Promise<void>;
  /** Runs a program of this machine and gives its output. */
  output(words: readonly string[]): string;
}
