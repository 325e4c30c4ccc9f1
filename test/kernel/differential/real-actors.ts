// The real side: hands programs to the interpreter of system calls (actor.c, interpreter.c), as
// many in one go as there are, and reads what came of each step.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { argument, type StepProgram } from "./steps.ts";

const source = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const SOURCES = ["actor.c", "interpreter.c"].map(source);
/** A program that stands alone. */
const ALONE = ["-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector"];
/** More at once would fill the pipe in both directions. */
const BATCH = 16;

function escaped(word: string): string {
  if (word === "") return "%";
  return [...new TextEncoder().encode(word)]
    .map((byte) =>
      byte <= 32 || byte >= 127 || byte === 37
        ? `%${byte.toString(16).padStart(2, "0")}`
        : String.fromCharCode(byte),
    )
    .join("");
}

function encoded({ cgroups, probe = false, steps }: StepProgram): string {
  const lines = steps.map(({ actor, call, words }) =>
    [actor, call, ...words.map((word) => escaped(argument(word)))].join(" "),
  );
  return `program${cgroups ? " cgroups" : ""}${probe ? " probe" : ""}\n${lines.map((line) => `${line}\n`).join("")}run\n`;
}

function decoded(line: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < line.length; at++) {
    if (line[at] !== "%") bytes.push(line.charCodeAt(at));
    else {
      bytes.push(Number.parseInt(line.slice(at + 1, at + 3), 16));
      at += 2;
    }
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

export class RealActors {
  readonly #directory: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    this.#directory = mkdtempSync(join(tmpdir(), "nacre-test-"));
    const program = join(this.#directory, "interpreter");
    const probe = join(this.#directory, "probe");
    const compile = (output: string, ...from: string[]): Buffer =>
      execFileSync("cc", ["-O2", "-Wall", "-Wextra", "-Werror", "-o", output, ...from]);
    compile(program, ...SOURCES);
    compile(probe, ...ALONE, source("probe.c"));
    const tree = join(this.#directory, "tree");
    mkdirSync(tree);
    const cgroup = `nacre-test-${process.pid}-steps`;
    this.#child = spawn(program, [tree, cgroup, probe], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })[
      Symbol.asyncIterator
    ]();
  }

  /** Results of each program's steps, in order. */
  async *run(programs: readonly StepProgram[]): AsyncGenerator<string[]> {
    for (let at = 0; at < programs.length; at += BATCH) {
      const batch = programs.slice(at, at + BATCH);
      this.#child.stdin?.write(batch.map(encoded).join(""));
      for (let done = 0; done < batch.length; done++) yield await this.#results();
    }
  }

  async #results(): Promise<string[]> {
    const results: string[] = [];
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error("the interpreter of the real side has ended");
      if (value === "done") return results;
      results.push(decoded(value));
    }
  }

  async close(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin?.end();
    await exited;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
