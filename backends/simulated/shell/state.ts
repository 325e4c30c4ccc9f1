// What a shell knows: variables, functions, positions, options, traps. A subshell has a copy.

import type { ChildProgram } from "../program.ts";
import type { Compound, Redirection } from "./syntax.ts";

export interface Variable {
  /** A list is bash's indexed array; its holes are undefined. */
  value: string | (string | undefined)[] | undefined;
  exported: boolean;
  readOnly: boolean;
}

export interface ShellFunction {
  readonly body: Compound;
  readonly redirections: Redirection[];
}

/** By the letters and names of `set`. */
export interface ShellOptions {
  errexit: boolean;
  nounset: boolean;
  xtrace: boolean;
  noglob: boolean;
  noexec: boolean;
  allexport: boolean;
  pipefail: boolean;
  noclobber: boolean;
}

export const OPTION_LETTERS: Readonly<Record<string, keyof ShellOptions>> = {
  e: "errexit",
  u: "nounset",
  x: "xtrace",
  f: "noglob",
  n: "noexec",
  a: "allexport",
  C: "noclobber",
};

/** An assignment to what is read-only, an unset variable under -u: the command fails. */
export class ShellError extends Error {
  readonly code: number;

  constructor(message: string, code = 1) {
    super(message);
    this.code = code;
  }
}

export class ShellState {
  readonly variables = new Map<string, Variable>();
  readonly functions = new Map<string, ShellFunction>();
  /** $0, or what stands for it. */
  name: string;
  positions: readonly string[];
  readonly options: ShellOptions = {
    errexit: false,
    nounset: false,
    xtrace: false,
    noglob: false,
    noexec: false,
    allexport: false,
    pipefail: false,
    noclobber: false,
  };
  status = 0;
  /** $$: a subshell has its parent's. */
  readonly pid: number;
  /** $!. */
  lastJob = 0;
  readonly jobs = new Map<number, ChildProgram>();
  /** Of each of them `%N`. */
  readonly jobNumbers = new Map<number, number>();
  /** By signal number, 0 for the end of the shell. */
  readonly traps = new Map<number, string>();
  /** What `local` hid, by function call. */
  readonly hidden: Map<string, Variable | undefined>[] = [];
  /** How many conditions are being decided: what fails in them does not end a shell with -e. */
  conditions = 0;
  /** How many loops of the same function are around what is carried out. */
  loops = 0;
  /** Where it is, by the names through which it came there. */
  directory = "/";
  random = 1;

  constructor(name: string, positions: readonly string[], pid: number) {
    this.name = name;
    this.positions = positions;
    this.pid = pid;
  }

  /** For a subshell: traps that do something are not inherited. */
  copy(): ShellState {
    const copy = new ShellState(this.name, this.positions, this.pid);
    for (const [name, variable] of this.variables) {
      const { value } = variable;
      copy.variables.set(name, { ...variable, value: Array.isArray(value) ? [...value] : value });
    }
    for (const [name, made] of this.functions) copy.functions.set(name, made);
    for (const frame of this.hidden) copy.hidden.push(new Map(frame));
    for (const [signal, action] of this.traps) if (action === "") copy.traps.set(signal, "");
    Object.assign(copy.options, this.options);
    copy.status = this.status;
    copy.lastJob = this.lastJob;
    copy.conditions = this.conditions;
    copy.loops = this.loops;
    copy.directory = this.directory;
    copy.random = this.random;
    return copy;
  }

  addJob(child: ChildProgram): void {
    this.jobNumbers.set(child.pid, Math.max(0, ...this.jobNumbers.values()) + 1);
    this.jobs.set(child.pid, child);
    this.lastJob = child.pid;
  }
  removeJob(pid: number): void {
    this.jobNumbers.delete(pid);
    this.jobs.delete(pid);
  }

  get(name: string): string | undefined {
    const value = this.variables.get(name)?.value;
    return Array.isArray(value) ? value[0] : value;
  }

  set(name: string, value: string | (string | undefined)[]): void {
    const known = this.variables.get(name);
    if (known?.readOnly) throw new ShellError(`${name}: is read only`, 2);
    if (!known) {
      this.variables.set(name, { value, exported: this.options.allexport, readOnly: false });
    } else if (Array.isArray(known.value) && !Array.isArray(value)) known.value[0] = value;
    else known.value = value;
    if (this.options.allexport) this.mark(name, { exported: true });
  }

  unset(name: string): void {
    if (this.variables.get(name)?.readOnly) throw new ShellError(`${name}: is read only`, 2);
    this.variables.delete(name);
  }

  /** export and readonly; a variable without a value is only marked. */
  mark(name: string, marks: Partial<Pick<Variable, "exported" | "readOnly">>): void {
    const known = this.variables.get(name) ?? {
      value: undefined,
      exported: false,
      readOnly: false,
    };
    this.variables.set(name, Object.assign(known, marks));
  }

  /** `local`: what the name was comes back when the function ends. */
  hide(name: string): boolean {
    const frame = this.hidden.at(-1);
    if (!frame) return false;
    if (frame.has(name)) return true;
    const before = this.variables.get(name);
    frame.set(name, before);
    this.variables.set(name, {
      value: undefined,
      exported: before?.exported ?? false,
      readOnly: false,
    });
    return true;
  }

  uncover(): void {
    for (const [name, before] of this.hidden.pop() ?? []) {
      if (before) this.variables.set(name, before);
      else this.variables.delete(name);
    }
  }

  /** What a program that is executed gets. */
  environment(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const [name, { exported, value }] of this.variables) {
      if (exported && typeof value === "string") found[name] = value;
    }
    return found;
  }

  flags(): string {
    return Object.entries(OPTION_LETTERS)
      .filter(([, option]) => this.options[option])
      .map(([letter]) => letter)
      .join("");
  }
}
