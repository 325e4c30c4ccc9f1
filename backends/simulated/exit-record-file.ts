// The exit record as a supervisor writes it: nacre-init's supervise.c.

import type { Supervision } from "@nacre/core/program/program.ts";
import { readAt } from "./device-files.ts";
import { errnoOf } from "./errno.ts";
import * as files from "./file-calls.ts";
import type { UndoFailure } from "./interpreter.ts";
import type { Machine } from "./machine.ts";
import { type Process, ProcessGone, type WaitStatus } from "./process.ts";

/** podman's, of a container whose time was over. */
const LATE_CODE = 255;
const COLLECT_MAX_BYTES = 16 << 10;

export class ExitRecordFile {
  readonly #machine: Machine;
  readonly #process: Process;
  readonly #supervision: Supervision;

  /** `process`: who writes it. */
  constructor(machine: Machine, process: Process, supervision: Supervision) {
    this.#machine = machine;
    this.#process = process;
    this.#supervision = supervision;
  }

  compose(end: WaitStatus): string {
    const { seconds, nanoseconds } = this.#machine.now();
    const killed = this.#process.late ? LATE_CODE : 128 + end.signal;
    const code = end.signal > 0 ? killed : end.code;
    const finished = `${seconds}.${String(nanoseconds).padStart(9, "0")}`;
    let record = `code ${code}\nsignal ${end.signal}\nfinished ${finished}\n`;
    for (const path of this.#supervision.collect) {
      try {
        const { inode } = files.open(this.#process, path, { read: true }).dentry;
        const bytes = readAt(inode, 0, COLLECT_MAX_BYTES);
        record += `file ${path} ${bytes.length}\n${new TextDecoder().decode(bytes)}`;
      } catch (error) {
        if (errnoOf(error) === undefined) throw error;
      }
    }
    return record;
  }

  /** Under a temporary name, then renamed. Nobody can be told if the disk is full. */
  write(record: string): void {
    const { exitPath } = this.#supervision;
    if (exitPath === undefined) return;
    try {
      this.#reach("writeRecord", exitPath);
      const temporary = `${exitPath}.tmp`;
      const how = { write: true, create: true, truncate: true, follow: false, mode: 0o640 };
      const { inode } = files.open(this.#process, temporary, how).dentry;
      inode.write(0, new TextEncoder().encode(record));
      inode.sync();
      this.#reach("rename", exitPath);
      files.rename(this.#process, temporary, exitPath);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }

  #reach(call: string, path: string): void {
    this.#machine.faults?.before({ actor: "supervisor", call, path }, this.#process);
    if (!this.#process.alive) throw new ProcessGone();
  }

  append(failures: readonly UndoFailure[]): void {
    const { exitPath } = this.#supervision;
    if (exitPath === undefined || failures.length === 0) return;
    try {
      const { inode } = files.open(this.#process, exitPath, { write: true }).dentry;
      const lines = failures.map((f) => `undo-failed ${f.index} ${f.fault.message}\n`).join("");
      inode.write(inode.size, new TextEncoder().encode(lines));
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }
}
