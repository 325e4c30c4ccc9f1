// The real process around the OCI runtime.

import {
  appendFileSync,
  fstatSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { onSignals } from "../signal-listeners.ts";
import { workingDirectory } from "../working-directory.ts";
import { writeAll } from "../write-all.ts";
import type { OciHost } from "./host.ts";

export class OciProcessHost implements OciHost {
  readonly environment = process.env;

  get workingDirectory(): string {
    return workingDirectory();
  }

  print(text: string): void {
    writeAll(1, text);
  }

  printError(text: string): void {
    writeAll(2, text);
  }

  nowMs(): number {
    return Date.now();
  }

  readonly onSignals = onSignals;

  readText(path: string): string {
    return readFileSync(path, "utf8");
  }

  replaceFile(path: string, text: string): void {
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, text, { mode: 0o644 });
    renameSync(temporary, path);
  }

  appendFile(path: string, text: string): void {
    appendFileSync(path, text);
  }

  readInput(): string {
    return readFileSync(0, "utf8");
  }

  isFile(path: string): boolean {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  }

  /** Node's own are anonymous inodes: it had them after the start. */
  isGiven(descriptor: number): boolean {
    try {
      fstatSync(descriptor);
      return !readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("anon_inode:");
    } catch {
      return false;
    }
  }

  realPath(path: string): string {
    return realpathSync(path);
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      setTimeout(resolve, delayMs);
    });
  }

  output([name, ...words]: readonly string[]): string {
    const { execFileSync } = process.getBuiltinModule("node:child_process");
    return execFileSync(name as string, words, { encoding: "utf8" });
  }
}
