// The files of a log, as nacre-init's log.c keeps them: the one that grows has the log's own name,
// older ones have NAME.1, NAME.2 and so on.

import type { LogLimits } from "@nacre/core/program/program.ts";
import { errnoOf } from "./errno.ts";
import * as files from "./file-calls.ts";
import type { Inode } from "./inode.ts";
import { lookup } from "./path-lookup.ts";
import type { Process } from "./process.ts";

export class LogFiles {
  readonly #process: Process;
  readonly #path: string;
  readonly #limits: LogLimits | undefined;
  #file: Inode;
  #written: number;

  /** Opens the log, or begins it. */
  constructor(process: Process, path: string, limits: LogLimits | undefined) {
    this.#process = process;
    this.#path = path;
    this.#limits = limits;
    this.#file = this.#open();
    this.#written = this.#file.size;
  }

  /** A whole line. */
  append(line: Uint8Array): void {
    if (this.#limits && this.#written >= this.#limits.bytes) this.#rotate(this.#limits.files);
    this.#written += line.length;
    this.#file.write(this.#file.size, line);
  }

  #open(): Inode {
    const how = { write: true, create: true, follow: false, mode: 0o640 };
    return files.open(this.#process, this.#path, how).dentry.inode;
  }

  #name = (age: number): string => (age === 0 ? this.#path : `${this.#path}.${age}`);

  #exists(age: number): boolean {
    try {
      lookup(this.#process, this.#name(age));
      return true;
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return false;
    }
  }

  /** Where no file can be made the old one goes on for as long again. */
  #rotate(most: number): void {
    this.#written = 0;
    let age = 1;
    while (age < most - 1 && this.#exists(age)) age++;
    try {
      if (most <= 1) files.unlink(this.#process, this.#path);
      for (; age > 0 && most > 1; age--) {
        files.rename(this.#process, this.#name(age - 1), this.#name(age));
      }
      this.#file = this.#open();
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }
}
