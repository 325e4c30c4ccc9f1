// Redirections: which streams a command has instead of its shell's (POSIX 2.7).

import { errorText } from "../error-text.ts";
import type { OpenHow } from "../open-file.ts";
import type { ProgramContext } from "../program.ts";
import type { ProgramStream } from "../program-stream.ts";
import type { Expansion } from "./expansion.ts";
import { textOf } from "./fields.ts";
import type { Shell } from "./interpreter.ts";
import { ShellError, type ShellState } from "./state.ts";
import type { HereDocument, Redirection } from "./syntax.ts";

/** Streams by descriptor number. */
export type Streams = Map<number, ProgramStream>;

export interface Redirected {
  readonly streams: Streams;
  /** Closes what was opened. */
  close(): void;
}

const OPEN: Readonly<Record<string, OpenHow>> = {
  "<": { read: true },
  ">": { write: true, create: true, truncate: true },
  ">|": { write: true, create: true, truncate: true },
  ">>": { write: true, create: true, append: true },
  "<>": { read: true, write: true, create: true },
  "&>": { write: true, create: true, truncate: true },
  "&>>": { write: true, create: true, append: true },
};

/** A stream that gives a text: what here-documents are read from. */
function textStream(context: ProgramContext, text: string): ProgramStream {
  const { input, output } = context.pipe();
  output
    .write(text)
    .catch(() => {}) // who was to read it has ended
    .finally(() => output.close());
  return input;
}

class Redirecting implements Redirected {
  readonly streams: Streams;
  readonly #context: ProgramContext;
  readonly #expansion: Expansion;
  readonly #state: ShellState;
  readonly #opened: ProgramStream[] = [];

  constructor({ context, expansion, state }: Shell, streams: Streams) {
    this.#context = context;
    this.#expansion = expansion;
    this.#state = state;
    this.streams = new Map(streams);
  }

  close(): void {
    for (const stream of this.#opened) stream.close();
  }

  async add(redirection: Redirection): Promise<void> {
    const { operator, target } = redirection;
    const input = operator.startsWith("<");
    const number = redirection.fd ?? (input ? 0 : 1);
    if (target.type === "HereDoc") {
      this.#put(number, textStream(this.#context, await this.#document(target)));
      return;
    }
    const word = await this.#expansion.text(target);
    if (operator === "<<<") this.#put(number, textStream(this.#context, `${word}\n`));
    else if (operator === ">&" || operator === "<&") await this.#duplicate(number, word, operator);
    else await this.#open(number, word, operator);
  }

  async #document(document: HereDocument): Promise<string> {
    const text = textOf(await this.#expansion.parts(document.content.parts, true));
    return document.stripTabs ? text.replace(/^\t+/gm, "") : text;
  }

  async #open(number: number, path: string, operator: string): Promise<void> {
    let stream: ProgramStream;
    const keeps = this.#state.options.noclobber && (operator === ">" || operator === "&>");
    if (keeps && this.#context.files.kindOf(path) === "file") {
      throw new ShellError(`can't create ${path}: File exists`);
    }
    try {
      stream = this.#context.open(path, OPEN[operator] ?? {});
    } catch (error) {
      const creates = OPEN[operator]?.create ? "create" : "open";
      throw new ShellError(`can't ${creates} ${path}: ${errorText(error)}`);
    }
    this.#put(number, stream);
    await stream.opened();
    if (operator.startsWith("&")) this.streams.set(2, stream);
  }

  async #duplicate(number: number, word: string, operator: string): Promise<void> {
    if (word === "-") this.streams.delete(number);
    else if (/^\d+$/.test(word)) {
      const stream = this.streams.get(Number(word));
      if (!stream) throw new ShellError(`${word}: Bad file descriptor`);
      this.streams.set(number, stream);
    } else if (operator === ">&") await this.#open(number, word, "&>");
    else throw new ShellError(`${word}: ambiguous redirect`);
  }

  #put(number: number, stream: ProgramStream): void {
    this.#opened.push(stream);
    this.streams.set(number, stream);
  }
}

/** Opens them in order. Fails with ShellError, with nothing left open. */
export async function redirect(
  shell: Shell,
  redirections: readonly Redirection[],
  streams: Streams,
): Promise<Redirected> {
  const redirecting = new Redirecting(shell, streams);
  try {
    for (const redirection of redirections) await redirecting.add(redirection);
    return redirecting;
  } catch (error) {
    redirecting.close();
    throw error;
  }
}
