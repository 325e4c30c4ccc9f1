// Go's text/template, read: what --format of every command takes.
//
//   template  = { text | "{{" action "}}" }      "{{- " and " -}}" trim the text beside them
//   action    = "if" pipe … { "else" ["if" pipe] … } "end" | "range" [names ":="] pipe … ["else" …] "end"
//             | "with" pipe … ["else" …] "end" | "define" name … "end" | "block" name pipe … "end"
//             | "template" name [pipe] | "break" | "continue" | "/*" … "*/" | pipe
//   pipe      = [name (":=" | "=")] command { "|" command }
//   command   = operand { operand }              the first one may be a function or a method
//   operand   = "." | ".Name" … | "$" | "$name" … | string | number | 'c' | true | false | nil
//             | "(" pipe ")" [".Name" …]

import { TemplateError } from "../flag-error.ts";
import { FUNCTIONS } from "./template-functions.ts";

interface Placed {
  /** As it was written, and where: for messages. */
  readonly text: string;
  readonly at: number;
}
export type Operand = Placed &
  (
    | { readonly kind: "constant"; readonly value: unknown }
    | { readonly kind: "function"; readonly name: string }
    | { readonly kind: "field"; readonly path: readonly string[] }
    | { readonly kind: "variable"; readonly name: string; readonly path: readonly string[] }
    | { readonly kind: "pipe"; readonly pipe: Pipe; readonly path: readonly string[] }
  );
export interface Pipe {
  readonly names: readonly string[];
  /** `=`: the names are there already. */
  readonly assigns: boolean;
  readonly commands: readonly (readonly Operand[])[];
}
export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "pipe"; readonly pipe: Pipe }
  | { readonly kind: "break" | "continue" }
  | { readonly kind: "template"; readonly name: string; readonly pipe: Pipe | undefined }
  | {
      readonly kind: "if" | "range" | "with";
      readonly pipe: Pipe;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    };
export interface TemplateTree {
  readonly nodes: readonly Node[];
  /** Of `define` and `block`, by name. */
  readonly named: ReadonlyMap<string, readonly Node[]>;
}

/** With docker's words before it. */
export function failure(message: string): TemplateError {
  return new TemplateError(`template parsing error: ${message}`);
}

const ACTION =
  /\{\{(-\s)?\s*(\/\*.*?\*\/|(?:"(?:\\.|[^"\\])*"|`[^`]*`|'(?:\\.|[^'\\])+'|(?!\s*(?:\s-)?\}\}).)*)\s*(\s-)?\}\}/gs;
const WORD =
  /\s*("(?:\\.|[^"\\])*"|`[^`]*`|'(?:\\.|[^'\\])'|\$\w*(?:\.[\p{L}_][\p{L}\d_]*)*|(?:\.[\p{L}_][\p{L}\d_]*)+|\.|:=|[=(),|]|[-+]?0x[\da-f]+|[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?|[\p{L}_][\p{L}\d_]*)/iuy;

interface Word extends Placed {
  /** Whether a space stands before it. */
  readonly apart: boolean;
}

function wordsOf(action: string, offset: number): Word[] {
  const words: Word[] = [];
  const text = action.trimEnd();
  for (let at = 0; at < text.length; at = WORD.lastIndex) {
    WORD.lastIndex = at;
    const found = WORD.exec(text);
    if (!found) throw failure(`unexpected ${JSON.stringify(text.slice(at))} in an action`);
    const [whole, word = ""] = found;
    const apart = whole.length > word.length;
    words.push({ text: word, at: offset + at + whole.length - word.length, apart });
  }
  return words;
}

interface Piece {
  readonly text?: string;
  readonly words?: readonly Word[];
}

function piecesOf(source: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  let trim = false;
  for (const found of source.matchAll(ACTION)) {
    let text = source.slice(from, found.index);
    if (trim) text = text.trimStart();
    if (found[1]) text = text.trimEnd();
    pieces.push({ text });
    const action = found[2] ?? "";
    const at = found.index + found[0].indexOf(action);
    if (!action.startsWith("/*")) pieces.push({ words: wordsOf(action, at) });
    trim = found[3] !== undefined;
    from = found.index + found[0].length;
  }
  const rest = source.slice(from);
  if (rest.includes("{{")) throw failure("unclosed action");
  pieces.push({ text: trim ? rest.trimStart() : rest });
  return pieces;
}

/** Words that end a list of nodes. */
const ENDS: readonly string[] = ["end", "else"];
const BLOCKS: readonly string[] = ["if", "range", "with"];

class Reader {
  readonly named = new Map<string, readonly Node[]>();
  /** The words of the action that ended the last list of nodes; none at the text's end. */
  ended: readonly Word[] = [];
  readonly #pieces: readonly Piece[];
  #at = 0;
  #ranges = 0;

  constructor(source: string) {
    this.#pieces = piecesOf(source);
  }

  nodes(): Node[] {
    const nodes: Node[] = [];
    while (this.#at < this.#pieces.length) {
      const { text, words } = this.#pieces[this.#at++] as Piece;
      if (text) nodes.push({ kind: "text", text });
      if (words === undefined) continue;
      if (ENDS.includes(words[0]?.text ?? "")) {
        this.ended = words;
        return nodes;
      }
      const node = this.#action(words);
      if (node) nodes.push(node);
    }
    this.ended = [];
    return nodes;
  }

  #action(words: readonly Word[]): Node | undefined {
    const [first, ...rest] = words;
    const word = first?.text ?? "";
    if (BLOCKS.includes(word)) return this.#block(word as "if" | "range" | "with", rest);
    switch (word) {
      case "break":
      case "continue":
        if (this.#ranges === 0) throw failure(`{{${word}}} outside {{range}}`);
        return { kind: word };
      case "template":
        return { kind: "template", name: nameOf(rest), pipe: restOf(rest) };
      case "define":
      case "block": {
        const name = nameOf(rest);
        this.named.set(name, this.#untilEnd(word));
        return word === "block" ? { kind: "template", name, pipe: restOf(rest) } : undefined;
      }
      default:
        return { kind: "pipe", pipe: readPipe(words) };
    }
  }

  #untilEnd(word: string): Node[] {
    const body = this.nodes();
    if (this.ended[0]?.text !== "end") throw failure(`{{${word}}} without {{end}}`);
    return body;
  }

  #block(kind: "if" | "range" | "with", words: readonly Word[]): Node {
    const pipe = readPipe(words);
    if (kind === "range") this.#ranges++;
    const body = this.nodes();
    if (kind === "range") this.#ranges--;
    return { kind, pipe, body, otherwise: this.#otherwise(kind) };
  }

  /** What follows `else`, up to and with the `end` that an `else if` shares with its `if`. */
  #otherwise(kind: "if" | "range" | "with"): Node[] {
    const [ended, next, ...words] = this.ended;
    if (ended?.text === "end") return [];
    if (ended?.text !== "else") throw failure(`{{${kind}}} without {{end}}`);
    if (next === undefined) return this.#untilEnd(kind);
    if (next.text !== "if" && next.text !== "with") {
      throw failure(`unexpected ${JSON.stringify(next.text)} after else`);
    }
    return [this.#block(next.text, words)];
  }
}

function nameOf([word]: readonly Word[]): string {
  if (word && /^["`]/.test(word.text)) return String(literal(word.text));
  throw failure(`unexpected ${JSON.stringify(word?.text ?? "}}")} in place of a template's name`);
}
const restOf = ([, ...words]: readonly Word[]): Pipe | undefined =>
  words.length === 0 ? undefined : readPipe(words);

/** `$x := …`, `$i, $e := …`, `$x = …`, or nothing of that. */
function namesOf(words: readonly Word[]): { names: string[]; assigns: boolean; taken: number } {
  const sign = words.findIndex(({ text }) => text === ":=" || text === "=");
  if (sign < 0) return { names: [], assigns: false, taken: 0 };
  const names = words.slice(0, sign).filter(({ text }) => text !== ",");
  const wrong = names.find(({ text }) => !/^\$\w+$/.test(text));
  if (wrong || names.length === 0) throw failure(`unexpected ${JSON.stringify(words[sign]?.text)}`);
  return {
    names: names.map(({ text }) => text),
    assigns: words[sign]?.text === "=",
    taken: sign + 1,
  };
}

function readPipe(words: readonly Word[]): Pipe {
  const { names, assigns, taken } = namesOf(words);
  const { commands, next } = commandsFrom(words, taken);
  if (next !== words.length) throw failure(`unexpected ${JSON.stringify(words[next]?.text)}`);
  return { names, assigns, commands };
}

function commandsFrom(words: readonly Word[], from: number) {
  const commands: Operand[][] = [[]];
  const add = (operand: Operand): void => {
    commands.at(-1)?.push(operand);
  };
  let at = from;
  for (; at < words.length && words[at]?.text !== ")"; at++) {
    const word = words[at] as Word;
    if (word.text === "|") commands.push([]);
    else if (word.text === "(") {
      const inner = commandsFrom(words, at + 1);
      if (words[inner.next]?.text !== ")") throw failure("unclosed left parenthesis");
      const pipe = { names: [], assigns: false, commands: inner.commands };
      at = inner.next;
      const behind = words[at + 1];
      const chained = behind && !behind.apart && /^\../.test(behind.text);
      if (chained) at++;
      const path = chained ? pathOf(behind.text) : [];
      add({ kind: "pipe", pipe, path, text: `(…)${chained ? behind.text : ""}`, at: word.at });
    } else add(operandOf(word));
  }
  const empty = commands.some((command) => command.length === 0);
  if (empty) throw failure("missing value for command");
  return { commands, next: at };
}

const pathOf = (chain: string): string[] => chain.split(".").filter((name) => name !== "");

function operandOf({ text, at }: Word): Operand {
  const placed = { text, at };
  if (text[0] === ".") return { kind: "field", path: pathOf(text), ...placed };
  if (text[0] === "$") {
    const [name = "$", ...path] = text.split(".");
    return { kind: "variable", name, path, ...placed };
  }
  if (/^["`'\d+-]/.test(text)) return { kind: "constant", value: literal(text), ...placed };
  if (text === "true" || text === "false") {
    return { kind: "constant", value: text === "true", ...placed };
  }
  if (text === "nil") return { kind: "constant", value: null, ...placed };
  if (!Object.hasOwn(FUNCTIONS, text)) {
    throw failure(
      /^\w+$/.test(text)
        ? `function ${JSON.stringify(text)} not defined`
        : `unexpected ${JSON.stringify(text)}`,
    );
  }
  return { kind: "function", name: text, ...placed };
}

function literal(text: string): unknown {
  if (text[0] === "`") return text.slice(1, -1);
  if (text[0] === '"') {
    try {
      return JSON.parse(text.replace(/\\'/g, "'").replace(/\\x([\da-f]{2})/gi, "\\u00$1"));
    } catch {
      throw failure(`bad string ${text}`);
    }
  }
  if (text[0] !== "'") return Number(text);
  return JSON.parse(`"${text.slice(1, -1).replace(/"/g, '\\"').replace("\\'", "'")}"`).codePointAt(
    0,
  );
}

/** @throws TemplateError for a template that cannot be read */
export function readTemplate(source: string): TemplateTree {
  const reader = new Reader(source);
  const nodes = reader.nodes();
  const [ended] = reader.ended;
  if (ended) throw failure(`unexpected {{${ended.text}}}`);
  return { nodes, named: reader.named };
}
