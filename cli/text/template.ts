// Go's text/template, carried out over plain data: see template-reader.ts for what there is.

import { TemplateError } from "../flag-error.ts";
import { OPEN } from "./go-shapes.ts";
import { FUNCTIONS, type Functions, goText, isTrue } from "./template-functions.ts";
import {
  failure,
  type Node,
  type Operand,
  type Pipe,
  readTemplate,
  type TemplateTree,
} from "./template-reader.ts";

/** A template that was read once and prints many values. */
export interface Template {
  /** `functions`: others than the usual ones, by the same names. */
  render(data: unknown, functions?: Functions): string;
}

/** What docker's inspect, info, version and events end with where a template cannot be read. */
const UNREAD = 64;

/** @throws TemplateError as parseTemplate, and ends the command with 64 */
export function parseWholeTemplate(source: string): Template {
  try {
    return parseTemplate(source);
  } catch (error) {
    throw error instanceof TemplateError ? new TemplateError(error.message, UNREAD) : error;
  }
}

/** @throws TemplateError for a template that cannot be read; `render` for a field that is not there */
export function parseTemplate(source: string): Template {
  const tree = readTemplate(source);
  return {
    render: (data, functions = FUNCTIONS) => {
      const run = new Run(source, tree, functions);
      run.all(tree.nodes, data, new Map([["$", data]]));
      return run.text;
    },
  };
}

type Variables = Map<string, unknown>;
/** What ends a list of nodes before its end. */
type Leap = "break" | "continue" | undefined;
/** Deeper than any template goes that ends. */
const DEEPEST = 1000;

class Run {
  text = "";
  readonly #source: string;
  readonly #tree: TemplateTree;
  readonly #functions: Functions;
  #depth = 0;

  constructor(source: string, tree: TemplateTree, functions: Functions) {
    this.#source = source;
    this.#tree = tree;
    this.#functions = functions;
  }

  all(nodes: readonly Node[], dot: unknown, outer: Variables): Leap {
    // What is declared here is not known outside; what is assigned there is.
    const variables = new Scope(outer);
    for (const node of nodes) {
      const leap = this.#node(node, dot, variables);
      if (leap) return leap;
    }
    return undefined;
  }

  #node(node: Node, dot: unknown, variables: Variables): Leap {
    switch (node.kind) {
      case "text":
        this.text += node.text;
        return undefined;
      case "break":
      case "continue":
        return node.kind;
      case "pipe": {
        const value = this.#pipe(node.pipe, dot, variables);
        if (node.pipe.names.length === 0) this.text += goText(value);
        return undefined;
      }
      case "template":
        this.#template(node.name, node.pipe && this.#pipe(node.pipe, dot, variables));
        return undefined;
      case "range":
        return this.#range(node, dot, variables);
      default: {
        const inner = new Scope(variables);
        const value = this.#pipe(node.pipe, dot, inner);
        if (!isTrue(value)) return this.all(node.otherwise, dot, inner);
        return this.all(node.body, node.kind === "with" ? value : dot, inner);
      }
    }
  }

  #template(name: string, data: unknown): void {
    const nodes = this.#tree.named.get(name);
    if (!nodes) throw failure(`template ${JSON.stringify(name)} not defined`);
    if (++this.#depth > DEEPEST) throw failure(`template ${JSON.stringify(name)} never ends`);
    this.all(nodes, data, new Map([["$", data]]));
    this.#depth--;
  }

  #range(
    node: Extract<Node, { pipe: Pipe; body: readonly Node[] }>,
    dot: unknown,
    outer: Variables,
  ): Leap {
    const { names, commands } = node.pipe;
    const value = this.#pipe({ names: [], assigns: false, commands }, dot, outer);
    const entries = entriesOf(value);
    if (entries.length === 0) return this.all(node.otherwise, dot, outer);
    for (const [key, each] of entries) {
      const inner = new Scope(outer);
      const [first, second] = names;
      const set = (name: string, to: unknown) =>
        node.pipe.assigns ? inner.assign(name, to) : inner.set(name, to);
      if (second !== undefined && first !== undefined) set(first, key);
      const last = second ?? first;
      if (last !== undefined) set(last, each);
      if (this.all(node.body, each, inner) === "break") break;
    }
    return undefined;
  }

  #pipe({ names, assigns, commands }: Pipe, dot: unknown, variables: Variables): unknown {
    let piped: unknown[] = [];
    for (const command of commands) piped = [this.#command(command, piped, dot, variables)];
    const [name] = names;
    if (name !== undefined && assigns && !variables.has(name)) {
      throw failure(`undefined variable ${JSON.stringify(name)}`);
    }
    if (name !== undefined && assigns) (variables as Scope).assign(name, piped[0]);
    else if (name !== undefined) variables.set(name, piped[0]);
    return piped[0];
  }

  #command(
    [first, ...rest]: readonly Operand[],
    piped: readonly unknown[],
    dot: unknown,
    variables: Variables,
  ): unknown {
    const head = first as Operand;
    if (head.kind === "function" && (head.name === "and" || head.name === "or")) {
      return this.#firstOf(head.name === "or", rest, piped, dot, variables);
    }
    const given = [...rest.map((operand) => this.#value(operand, dot, variables)), ...piped];
    const whole = { ...head, text: [head, ...rest].map(({ text }) => text).join(" ") };
    if (head.kind === "function") {
      return this.#call(whole, head.name, this.#functions[head.name]!, given);
    }
    const value = this.#value(head, dot, variables, given.length > 0);
    if (typeof value === "function") {
      return this.#call(whole, head.text, value as () => unknown, given);
    }
    if (given.length > 0) throw this.#wrong(head, "can't give argument to non-function");
    return value;
  }

  /** `and` and `or` look no further than they must. */
  #firstOf(
    wanted: boolean,
    operands: readonly Operand[],
    piped: readonly unknown[],
    dot: unknown,
    variables: Variables,
  ): unknown {
    let value: unknown;
    for (const operand of operands) {
      value = this.#value(operand, dot, variables);
      if (isTrue(value) === wanted) return value;
    }
    return piped.length > 0 ? piped[0] : value;
  }

  #call(
    at: Operand,
    name: string,
    work: (...values: unknown[]) => unknown,
    given: readonly unknown[],
  ): unknown {
    try {
      return work(...given);
    } catch (error) {
      throw this.#wrong(at, `error calling ${name}: ${(error as Error).message}`);
    }
  }

  /** `callable`: what it is given makes sense to a method alone. */
  #value(operand: Operand, dot: unknown, variables: Variables, callable = false): unknown {
    switch (operand.kind) {
      case "constant":
        return operand.value;
      case "function":
        return this.#call(operand, operand.name, this.#functions[operand.name]!, []);
      case "field":
        return this.#member(operand, dot, operand.path, callable);
      case "variable":
        if (!variables.has(operand.name)) {
          throw failure(`undefined variable ${JSON.stringify(operand.name)}`);
        }
        return this.#member(operand, variables.get(operand.name), operand.path, callable);
      case "pipe": {
        const value = this.#pipe(operand.pipe, dot, new Scope(variables));
        return this.#member(operand, value, operand.path, callable);
      }
    }
  }

  #member(operand: Operand, from: unknown, path: readonly string[], callable: boolean): unknown {
    let value = from;
    for (const [i, name] of path.entries()) {
      if (isOpen(value) && !Object.hasOwn(value, name)) {
        value = undefined;
        continue;
      }
      if (value === null || typeof value !== "object" || !Object.hasOwn(value, name)) {
        const behind = path.slice(i).join(".").length + 1;
        const at = operand.at + Math.max(operand.text.length - behind, 0);
        throw this.#wrong({ ...operand, at }, `map has no entry for key ${JSON.stringify(name)}`);
      }
      value = (value as Record<string, unknown>)[name];
    }
    if (typeof value !== "function" || callable) return value;
    return this.#call(operand, operand.text, value as () => unknown, []);
  }

  /** In the words and with the place that Go gives. */
  #wrong({ text, at }: Operand, message: string): Error {
    const before = this.#source.slice(0, at).split("\n");
    const place = `${before.length}:${before.at(-1)?.length}`;
    return failure(`template: :${place}: executing "" at <${text}>: ${message}`);
  }
}

/** Variables of a list of nodes, over those of the lists around it. */
class Scope extends Map<string, unknown> {
  readonly #outer: Variables;

  constructor(outer: Variables) {
    super();
    this.#outer = outer;
  }
  override has(name: string): boolean {
    return super.has(name) || this.#outer.has(name);
  }
  override get(name: string): unknown {
    return super.has(name) ? super.get(name) : this.#outer.get(name);
  }
  /** Where it was declared. */
  assign(name: string, value: unknown): void {
    if (super.has(name) || !(this.#outer instanceof Scope)) super.set(name, value);
    else this.#outer.assign(name, value);
  }
}

const isOpen = (value: unknown): value is object =>
  typeof value === "object" && value !== null && OPEN in value;

/** Numbers count, maps go by their keys. */
function entriesOf(value: unknown): [key: unknown, value: unknown][] {
  if (typeof value === "number") return Array.from({ length: value }, (_, i) => [i, i]);
  if (Array.isArray(value)) return [...value.entries()];
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
