// Go's text/template as far as --format needs it: fields (`{{.Config.Env}}`), pipelines
// (`{{.Names | upper}}`), `if`, `else`, `range`, `with`, `{{- -}}`, and docker's functions.
//
//   template  = { text | "{{" action "}}" }
//   action    = "if" pipe … ["else" …] "end" | "range" pipe … | "with" pipe … | pipe
//   pipe      = command { "|" command }
//   command   = operand { operand }        the first one may be a function
//   operand   = "." | field | "$" | string | number | true | false | nil | "(" pipe ")"

import { FlagError } from "../flag-error.ts";
import { FUNCTIONS, goText, isTrue } from "./template-functions.ts";

type Operand =
  | { readonly kind: "constant"; readonly value: unknown }
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "field"; readonly root: boolean; readonly path: readonly string[] }
  | { readonly kind: "pipe"; readonly pipe: Pipe; readonly path: readonly string[] };
type Pipe = readonly (readonly Operand[])[];
type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "pipe"; readonly pipe: Pipe }
  | {
      readonly kind: "if" | "range" | "with";
      readonly pipe: Pipe;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    };

/** A template that was read once and prints many values. */
export interface Template {
  render(data: unknown): string;
}

/** @throws FlagError for a template that cannot be read; `render` for a field that is not there */
export function parseTemplate(source: string): Template {
  const parser = new Parser(source);
  const nodes = parser.nodes();
  if (parser.ended !== "") throw failure(`unexpected {{${parser.ended}}}`);
  return { render: (data) => renderAll(nodes, data, data) };
}

function failure(message: string): FlagError {
  return new FlagError(`template parsing error: ${message}`);
}

// -- reading ------------------------------------------------------------------------------------

const ACTION = /\{\{(-\s)?\s*((?:"(?:\\.|[^"\\])*"|`[^`]*`|(?!\s*(?:\s-)?\}\}).)*)\s*(\s-)?\}\}/gs;
const WORD =
  /\s*("(?:\\.|[^"\\])*"|`[^`]*`|\$?(?:\.[A-Za-z_][\w]*)+|\.|\$|[()|]|-?\d+(?:\.\d+)?|[A-Za-z_]\w*)/y;

class Parser {
  /** The word that ended the last list of nodes: "end", "else", or nothing at the text's end. */
  ended = "";
  readonly #pieces: { readonly text?: string; readonly words?: string[] }[] = [];
  #at = 0;

  constructor(source: string) {
    let from = 0;
    let trim = false;
    for (const found of source.matchAll(ACTION)) {
      let text = source.slice(from, found.index);
      if (trim) text = text.trimStart();
      if (found[1]) text = text.trimEnd();
      this.#pieces.push({ text }, { words: wordsOf(found[2]!) });
      trim = found[3] !== undefined;
      from = found.index + found[0].length;
    }
    const rest = source.slice(from);
    if (rest.includes("{{")) throw failure("unclosed action");
    this.#pieces.push({ text: trim ? rest.trimStart() : rest });
  }

  nodes(): Node[] {
    const nodes: Node[] = [];
    while (this.#at < this.#pieces.length) {
      const { text, words } = this.#pieces[this.#at++]!;
      if (words === undefined) {
        if (text) nodes.push({ kind: "text", text });
        continue;
      }
      const [first] = words;
      if (first === "end" || first === "else") {
        this.ended = first;
        return nodes;
      }
      if (first === "if" || first === "range" || first === "with")
        nodes.push(this.#block(first, words));
      else nodes.push({ kind: "pipe", pipe: readPipe(words) });
    }
    this.ended = "";
    return nodes;
  }

  #block(kind: "if" | "range" | "with", words: readonly string[]): Node {
    const pipe = readPipe(words.slice(1));
    const body = this.nodes();
    const otherwise = this.ended === "else" ? this.nodes() : [];
    if (this.ended !== "end") throw failure(`{{${kind}}} without {{end}}`);
    return { kind, pipe, body, otherwise };
  }
}

function wordsOf(action: string): string[] {
  const words: string[] = [];
  let at = 0;
  const text = action.trimEnd();
  while (at < text.length) {
    WORD.lastIndex = at;
    const found = WORD.exec(text);
    if (!found) throw failure(`unexpected ${JSON.stringify(text.slice(at))} in an action`);
    words.push(found[1]!);
    at = WORD.lastIndex;
  }
  return words;
}

function readPipe(words: readonly string[]): Pipe {
  const { pipe, next } = pipeFrom(words, 0);
  if (next !== words.length) throw failure(`unexpected ${JSON.stringify(words[next])}`);
  return pipe;
}

function pipeFrom(words: readonly string[], from: number): { pipe: Pipe; next: number } {
  const commands: Operand[][] = [[]];
  let at = from;
  for (; at < words.length && words[at] !== ")"; at++) {
    const word = words[at]!;
    if (word === "|") commands.push([]);
    else if (word === "(") {
      const inner = pipeFrom(words, at + 1);
      if (words[inner.next] !== ")") throw failure("unclosed left parenthesis");
      at = inner.next;
      commands.at(-1)!.push({ kind: "pipe", pipe: inner.pipe, path: [] });
    } else commands.at(-1)!.push(operandOf(word));
  }
  return { pipe: commands, next: at };
}

function operandOf(word: string): Operand {
  if (word[0] === "." || word[0] === "$") {
    const path = word
      .replace(/^\$/, "")
      .split(".")
      .filter((name) => name !== "");
    return { kind: "field", root: word[0] === "$", path };
  }
  if (word[0] === "`") return { kind: "constant", value: word.slice(1, -1) };
  if (word[0] === '"' || /^-?\d/.test(word)) return { kind: "constant", value: JSON.parse(word) };
  if (word === "true" || word === "false") return { kind: "constant", value: word === "true" };
  if (word === "nil") return { kind: "constant", value: null };
  if (!Object.hasOwn(FUNCTIONS, word))
    throw failure(`function ${JSON.stringify(word)} not defined`);
  return { kind: "function", name: word };
}

// -- rendering ----------------------------------------------------------------------------------

function renderAll(nodes: readonly Node[], dot: unknown, root: unknown): string {
  return nodes.map((node) => renderNode(node, dot, root)).join("");
}

function renderNode(node: Node, dot: unknown, root: unknown): string {
  if (node.kind === "text") return node.text;
  const value = evaluate(node.pipe, dot, root);
  if (node.kind === "pipe") return goText(value);
  if (node.kind === "range" && value !== null && typeof value === "object") {
    const items: unknown[] = Array.isArray(value) ? value : Object.values(value);
    if (items.length > 0) return items.map((each) => renderAll(node.body, each, root)).join("");
  }
  if (node.kind === "range" || !isTrue(value)) return renderAll(node.otherwise, dot, root);
  return renderAll(node.body, node.kind === "with" ? value : dot, root);
}

function evaluate(pipe: Pipe, dot: unknown, root: unknown): unknown {
  let piped: unknown[] = [];
  for (const [first, ...rest] of pipe) {
    if (first === undefined) throw failure("missing value for command");
    const given = [...rest.map((operand) => operandValue(operand, dot, root)), ...piped];
    if (first.kind === "function") piped = [FUNCTIONS[first.name]!(...given)];
    else if (given.length > 0) throw failure("can't give argument to non-function");
    else piped = [operandValue(first, dot, root)];
  }
  return piped[0];
}

function operandValue(operand: Operand, dot: unknown, root: unknown): unknown {
  if (operand.kind === "constant") return operand.value;
  if (operand.kind === "function") return FUNCTIONS[operand.name]!();
  if (operand.kind === "pipe") return evaluate(operand.pipe, dot, root);
  let value = operand.root ? root : dot;
  for (const name of operand.path) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, name)) {
      throw failure(`map has no entry for key ${JSON.stringify(name)}`);
    }
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
