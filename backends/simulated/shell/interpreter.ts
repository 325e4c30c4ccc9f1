// Carries out a script: lists, pipelines, compound and simple commands (POSIX 2.9). Programs,
// subshells and the parts of pipelines are processes of their own, joined by pipes.

import type { ChildProgram, ProgramContext } from "../program.ts";
import { compound } from "./compound.ts";
import { Expansion, type ExpansionHost } from "./expansion.ts";
import { Jump } from "./jump.ts";
import { redirect, type Streams } from "./redirection.ts";
import { simple } from "./simple-command.ts";
import { ShellError, type ShellState } from "./state.ts";
import type { CommandNode, Parse, Pipeline, ScriptNode, Simple, StatementNode } from "./syntax.ts";
import { Traps } from "./traps.ts";

/** Commands that a shell carries out in a millisecond of the machine's time. */
const COMMANDS_PER_MS = 500;

export class Shell implements ExpansionHost {
  readonly context: ProgramContext;
  readonly state: ShellState;
  readonly parse: Parse;
  readonly expansion: Expansion;
  readonly traps: Traps;
  /** The shell's own. */
  readonly streams: Streams;
  #commands = 0;
  #substitutions = 0;
  /** Status of the last command substitution, for a command that is nothing else. */
  substituted = 0;

  constructor(context: ProgramContext, state: ShellState, parse: Parse, more?: Streams) {
    this.context = context;
    this.state = state;
    this.parse = parse;
    this.expansion = new Expansion(this);
    this.traps = new Traps(this);
    const own = [context.stdin, context.stdout, context.stderr].entries();
    this.streams = new Map([...(more ?? context.passed), ...own]);
  }

  /** Runs to the end of the shell: its exit code. */
  async main(work: () => Promise<unknown>): Promise<number> {
    await this.guard(work);
    await this.guard(() => this.traps.onExit());
    return this.state.status;
  }

  /** Whatever ends the work ends here, with the shell's status set: `exit`, or what failed. */
  async guard(work: () => Promise<unknown>): Promise<"done" | "exit" | "failed"> {
    try {
      await work();
      return "done";
    } catch (error) {
      if (error instanceof Jump) {
        if (error.kind === "exit" || error.kind === "return") this.state.status = error.value;
        return error.kind === "exit" ? "exit" : "done";
      }
      if (!(error instanceof ShellError)) throw error;
      await this.complain(this.streams, error.message);
      this.state.status = error.code;
      return "failed";
    }
  }

  async complain(streams: Streams, text: string): Promise<void> {
    await streams.get(2)?.write(`${this.state.name}: ${text}\n`);
  }

  runSource(source: string, streams: Streams = this.streams): Promise<number> {
    return this.run(this.parse(source).statements, streams);
  }

  async run(statements: readonly StatementNode[], streams: Streams): Promise<number> {
    for (const statement of statements) await this.#statement(statement, streams);
    return this.state.status;
  }

  async #statement(statement: StatementNode, streams: Streams): Promise<void> {
    if (statement.deferredError) throw new ShellError(statement.deferredError.message, 2);
    if (statement.background) {
      this.#background(statement, streams);
      return;
    }
    const last = statement.pipelines.length - 1;
    for (const [i, pipeline] of statement.pipelines.entries()) {
      const operator = i === 0 ? ";" : statement.operators[i - 1];
      if (operator === "&&" && this.state.status !== 0) continue;
      if (operator === "||" && this.state.status === 0) continue;
      if (i < last) await this.deciding(() => this.#pipeline(pipeline, streams));
      else await this.#pipeline(pipeline, streams);
      const { options, conditions, status } = this.state;
      const fails = status !== 0 && !pipeline.negated && i === last;
      if (fails && options.errexit && conditions === 0) throw new Jump("exit", status);
    }
  }

  /** Within it, failure is an answer. */
  async deciding<T>(work: () => Promise<T>): Promise<T> {
    this.state.conditions++;
    try {
      return await work();
    } finally {
      this.state.conditions--;
    }
  }

  #background(statement: StatementNode, streams: Streams): void {
    const silent = new Map(streams);
    const nothing = this.context.open("/dev/null", { read: true });
    silent.set(0, nothing);
    const command = onlyCommand(statement);
    const child = this.fork(
      (shell) =>
        command
          ? shell.command(command, shell.streams, true)
          : shell.#statement({ ...statement, background: false }, shell.streams),
      silent,
    );
    nothing.close();
    this.state.addJob(child);
    this.state.status = 0;
  }

  /** A subshell, as a process. */
  fork(work: (shell: Shell) => Promise<unknown>, streams: Streams): ChildProgram {
    const state = this.state.copy();
    const [stdin, stdout, stderr] = [0, 1, 2].map((number) => streams.get(number));
    const more = new Map([...streams].filter(([number]) => number > 2));
    return this.context.fork(
      (context) => {
        const shell = new Shell(context, state, this.parse, more);
        return shell.main(() => work(shell));
      },
      { ...(stdin && { stdin }), ...(stdout && { stdout }), ...(stderr && { stderr }) },
    );
  }

  // -- pipelines ----------------------------------------------------------------------------------

  async #pipeline(pipeline: Pipeline, streams: Streams): Promise<void> {
    const [only] = pipeline.commands;
    const work = async (): Promise<void> => {
      if (pipeline.commands.length === 1 && only) await this.command(only, streams);
      else await this.#joined(pipeline, streams);
    };
    await (pipeline.negated ? this.deciding(work) : work());
    if (pipeline.negated) this.state.status = this.state.status === 0 ? 1 : 0;
    await this.traps.run();
  }

  async #joined(pipeline: Pipeline, streams: Streams): Promise<void> {
    const children: ChildProgram[] = [];
    let input = undefined as ReturnType<ProgramContext["pipe"]>["input"] | undefined;
    for (const [i, command] of pipeline.commands.entries()) {
      const pipe = i < pipeline.commands.length - 1 ? this.context.pipe() : undefined;
      const own: Streams = new Map(streams);
      if (input) own.set(0, input);
      if (pipe) own.set(1, pipe.output);
      if (pipe && pipeline.pipeStderr?.[i]) own.set(2, pipe.output);
      children.push(this.fork((shell) => shell.command(command, shell.streams, true), own));
      input?.close();
      pipe?.output.close();
      input = pipe?.input;
    }
    const codes = await Promise.all(children.map(({ exited }) => exited));
    const failed = codes.findLast((code) => code !== 0) ?? 0;
    this.state.status = this.state.options.pipefail ? failed : (codes.at(-1) ?? 0);
  }

  async substitute(script: ScriptNode): Promise<string> {
    const { input, output } = this.context.pipe();
    const streams = new Map(this.streams).set(1, output);
    const child = this.fork((shell) => shell.run(script.statements, shell.streams), streams);
    output.close();
    const text = await input.text();
    input.close();
    this.substituted = await child.exited;
    return text;
  }

  /** Without /dev/fd, what the script writes goes through a file. */
  async substituteProcess(script: ScriptNode, direction: "input" | "output"): Promise<string> {
    if (direction === "output") throw new ShellError("process substitution of input only", 2);
    const path = `/tmp/.sh-${this.context.pid}-${this.#substitutions++}`;
    this.context.files.write(path, await this.substitute(script));
    return path;
  }

  // -- commands -----------------------------------------------------------------------------------

  /** `replace`: the shell has nothing else to do, so that a program may take its place. */
  async command(node: CommandNode, streams: Streams, replace = false): Promise<void> {
    await this.step();
    if (node.type === "SimpleCommand") return simple(this, node, streams, replace);
    if (node.type === "FunctionDef") {
      const { body, redirections } = node;
      this.state.functions.set(node.name, { body, redirections });
      this.state.status = 0;
      return;
    }
    await this.redirected(node.redirections, streams, (inner) => compound(this, node, inner));
  }

  /** Time passes while a shell computes, or one that only loops would stop all others. */
  async step(): Promise<void> {
    this.#commands++;
    if (this.#commands % COMMANDS_PER_MS === 0) await this.context.sleep(1);
  }

  /** Its redirections that cannot be opened fail a command, not the shell. */
  async redirected(
    redirections: Simple["redirections"],
    streams: Streams,
    work: (streams: Streams) => Promise<void>,
  ): Promise<void> {
    if (redirections.length === 0) return work(streams);
    let redirected: Awaited<ReturnType<typeof redirect>>;
    try {
      redirected = await redirect(this, redirections, streams);
    } catch (error) {
      if (!(error instanceof ShellError)) throw error;
      await this.complain(streams, error.message);
      this.state.status = error.code;
      return;
    }
    try {
      await work(redirected.streams);
    } finally {
      redirected.close();
    }
  }
}

/** The command that a statement is, if it is one alone. */
export function onlyCommand(statement: StatementNode | undefined): Simple | undefined {
  const [pipeline, ...pipelines] = statement?.pipelines ?? [];
  const [command, ...commands] = pipeline?.commands ?? [];
  const alone = pipelines.length === 0 && commands.length === 0 && !pipeline?.negated;
  return alone && command?.type === "SimpleCommand" ? command : undefined;
}
