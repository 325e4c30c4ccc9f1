// Expansion of words (POSIX 2.6): braces, tilde, parameters, command substitution, arithmetic,
// field splitting, pathnames, quote removal, in this order.

import type { ProgramContext } from "../program.ts";
import { evaluate } from "./arithmetic.ts";
import { BREAK, fieldsOf, type Part, patternOf, textOf } from "./fields.ts";
import { applyOperation } from "./parameter-operations.ts";
import { isPattern, pathsMatching } from "./pattern.ts";
import { ShellError, type ShellState } from "./state.ts";
import type { Arithmetic, Parameter, Parse, ScriptNode, WordNode, WordPart } from "./syntax.ts";

/** What expansion asks of the shell that it expands for. */
export interface ExpansionHost {
  readonly context: ProgramContext;
  readonly state: ShellState;
  readonly parse: Parse;
  /** Standard output of a script in a subshell. */
  substitute(script: ScriptNode): Promise<string>;
  /** `<(…)`: a path that gives what a script writes. */
  substituteProcess(script: ScriptNode, direction: "input" | "output"): Promise<string>;
}

/** What a parameter stands for: one value, or as many as "$@" has. Undefined is unset. */
export interface ParameterValue {
  readonly values: readonly string[] | undefined;
  /** `$*` in quotes is one value. */
  readonly many: "separate" | "joined" | undefined;
}

const ELEMENT = /^(\w+)\[(.+)\]$/s;

export class Expansion {
  readonly #host: ExpansionHost;

  constructor(host: ExpansionHost) {
    this.#host = host;
  }

  get #state(): ShellState {
    return this.#host.state;
  }

  get #ifs(): string {
    return this.#state.get("IFS") ?? " \t\n";
  }

  /** Words as a command's arguments. */
  async fields(words: readonly WordNode[]): Promise<string[]> {
    const found: string[] = [];
    for (const word of words.flatMap(withoutBraces)) {
      for (const field of fieldsOf(await this.parts(word.parts, false), this.#ifs)) {
        const globs = !this.#state.options.noglob && isPattern(field.pattern);
        const paths = globs ? pathsMatching(this.#host.context.files, field.pattern) : [];
        if (paths.length > 0) found.push(...paths);
        else found.push(field.text);
      }
    }
    return found;
  }

  /** One string: no splitting, no pathnames. */
  async text(word: WordNode): Promise<string> {
    return textOf(await this.parts(word.parts, false));
  }

  /** A pattern, with what is quoted in it made literal. */
  async pattern(word: WordNode): Promise<string> {
    return patternOf(await this.parts(word.parts, false));
  }

  async parts(parts: readonly WordPart[], inQuotes: boolean): Promise<Part[]> {
    const found: Part[] = [];
    for (const part of parts) found.push(...(await this.#part(part, inQuotes)));
    return found;
  }

  async #part(part: WordPart, inQuotes: boolean): Promise<Part[]> {
    switch (part.type) {
      case "Literal":
        return [{ text: part.value, quoted: inQuotes, expanded: false }];
      case "Glob":
        return [{ text: part.pattern, quoted: inQuotes, expanded: false }];
      case "SingleQuoted":
      case "Escaped":
        return [{ text: part.value, quoted: true, expanded: false }];
      case "DoubleQuoted":
        return this.#quoted(part.parts);
      case "ParameterExpansion":
        return this.#parameter(part, inQuotes);
      case "CommandSubstitution": {
        const text = (await this.#host.substitute(part.body)).replace(/\n+$/, "");
        return [{ text, quoted: inQuotes, expanded: true }];
      }
      case "ArithmeticExpansion": {
        const text = String(await this.arithmetic(part.expression));
        return [{ text, quoted: inQuotes, expanded: true }];
      }
      case "TildeExpansion":
        return [{ text: this.#home(part.user), quoted: true, expanded: false }];
      case "ProcessSubstitution": {
        const text = await this.#host.substituteProcess(part.body, part.direction);
        return [{ text, quoted: true, expanded: false }];
      }
      case "BraceExpansion":
        return this.parts(withoutBraces({ type: "Word", parts: [part] })[0]?.parts ?? [], inQuotes);
    }
  }

  /** "$@" without positions is no field at all, other empty quotes are one. */
  async #quoted(parts: readonly WordPart[]): Promise<Part[]> {
    const found = await this.parts(parts, true);
    const isAll = (part: WordPart): boolean =>
      part.type === "ParameterExpansion" && /^(@|\w+\[@\])$/.test(part.parameter);
    if (found.length === 0 && parts.some(isAll)) return [];
    return found.length > 0 ? found : [{ text: "", quoted: true, expanded: false }];
  }

  #home(user: string | null): string {
    if (user === null) return this.#state.get("HOME") ?? "~";
    const { files } = this.#host.context;
    const accounts = files.kindOf("/etc/passwd") === "file" ? files.readText("/etc/passwd") : "";
    const line = accounts.split("\n").find((one) => one.startsWith(`${user}:`));
    return line?.split(":")[5] ?? `~${user}`;
  }

  async #parameter(part: Parameter, inQuotes: boolean): Promise<Part[]> {
    const found = await this.value(part.parameter);
    if (part.operation) {
      const result = await applyOperation(this, this.#state, part, found);
      if ("word" in result) return this.parts(result.word.parts, inQuotes);
      return this.#pieces(result, inQuotes);
    }
    if (found.values === undefined && this.#state.options.nounset) {
      throw new ShellError(`${part.parameter}: parameter not set`, 2);
    }
    return this.#pieces(found, inQuotes);
  }

  #pieces({ values = [], many }: ParameterValue, inQuotes: boolean): Part[] {
    if (many === "joined" && inQuotes) {
      const text = values.join(this.#ifs.slice(0, 1));
      return [{ text, quoted: true, expanded: true }];
    }
    return values.flatMap((text, i): Part[] => [
      ...(i > 0 ? ([BREAK] as const) : []),
      { text, quoted: inQuotes, expanded: true },
    ]);
  }

  /** By a parameter's name: a variable, an element of a list, a position, a special parameter. */
  async value(name: string): Promise<ParameterValue> {
    const state = this.#state;
    if (name === "@") return { values: state.positions, many: "separate" };
    if (name === "*") return { values: state.positions, many: "joined" };
    const [, list, subscript] = ELEMENT.exec(name) ?? [];
    if (list !== undefined && subscript !== undefined) return this.#element(list, subscript);
    const value = this.special(name) ?? state.get(name);
    return { values: value === undefined ? undefined : [value], many: undefined };
  }

  async #element(list: string, subscript: string): Promise<ParameterValue> {
    const value = this.#state.variables.get(list)?.value;
    const items = Array.isArray(value) ? value : value === undefined ? [] : [value];
    if (subscript === "@" || subscript === "*") {
      const values = items.filter((item) => item !== undefined);
      return { values, many: subscript === "@" ? "separate" : "joined" };
    }
    const index = Number(await this.evaluateText(subscript));
    const item = items.at(index);
    return { values: item === undefined ? undefined : [item], many: undefined };
  }

  /** Parameters that are no variables; undefined if it is one, or an unset position. */
  special(name: string): string | undefined {
    const state = this.#state;
    const { context } = this.#host;
    if (/^[1-9]\d*$/.test(name)) return state.positions[Number(name) - 1];
    switch (name) {
      case "#":
        return String(state.positions.length);
      case "?":
        return String(state.status);
      case "$":
        return String(state.pid);
      case "!":
        return state.lastJob === 0 ? "" : String(state.lastJob);
      case "-":
        return state.flags();
      case "0":
        return state.name;
      case "PPID":
        return String(context.parentPid);
      case "BASHPID":
        return String(context.pid);
      case "RANDOM":
        state.random = (Math.imul(state.random, 1103515245) + 12345) >>> 0;
        return String((state.random >>> 16) & 0x7fff);
      default:
        return undefined;
    }
  }

  arithmetic(expression: Arithmetic): Promise<bigint> {
    return evaluate(expression.expression, {
      state: this.#state,
      special: (name) => this.special(name) ?? "",
      evaluate: (text) => this.evaluateText(text),
      expand: (source) => this.#reparsed(`"${source}"`),
    });
  }

  async evaluateText(text: string): Promise<bigint> {
    if (/^-?\d+$/.test(text)) return BigInt(text);
    const [part] = this.#words(`$((${text}))`)[0]?.parts ?? [];
    if (part?.type !== "ArithmeticExpansion") throw new ShellError("arithmetic syntax error", 2);
    return this.arithmetic(part.expression);
  }

  async #reparsed(source: string): Promise<string> {
    const [word] = this.#words(source);
    return word ? this.text(word) : "";
  }

  /** Words that stand in a text, as arguments would. */
  #words(source: string): readonly WordNode[] {
    const [command] = this.#host.parse(`: ${source}`).statements[0]?.pipelines[0]?.commands ?? [];
    return command?.type === "SimpleCommand" ? command.args : [];
  }
}

/** The words that a word with braces stands for. */
function withoutBraces(word: WordNode): WordNode[] {
  const at = word.parts.findIndex((part) => part.type === "BraceExpansion");
  const brace = word.parts[at];
  if (brace?.type !== "BraceExpansion") return [word];
  const choices: WordPart[][] = brace.items.flatMap((item): WordPart[][] => {
    if (item.type === "Word") return withoutBraces(item.word).map(({ parts }) => parts);
    return range(item).map((value) => [{ type: "Literal", value }]);
  });
  const rest = withoutBraces({ ...word, parts: word.parts.slice(at + 1) });
  return choices.flatMap((choice) =>
    rest.map(({ parts }) => ({
      ...word,
      parts: [...word.parts.slice(0, at), ...choice, ...parts],
    })),
  );
}

function range(item: {
  readonly start: string | number;
  readonly end: string | number;
  readonly step?: number;
  readonly startStr?: string;
}): string[] {
  const letters = typeof item.start === "string";
  const code = (value: string | number): number =>
    typeof value === "string" ? (value.codePointAt(0) ?? 0) : value;
  const [start, end] = [code(item.start), code(item.end)];
  const step = Math.max(1, Math.abs(item.step ?? 1));
  const width = /^-?0\d/.test(item.startStr ?? "") ? (item.startStr?.length ?? 0) : 0;
  const count = Math.floor(Math.abs(end - start) / step) + 1;
  return Array.from({ length: count }, (_, i) => {
    const value = start + (end < start ? -1 : 1) * i * step;
    return letters ? String.fromCodePoint(value) : String(value).padStart(width, "0");
  });
}
