// The repository as the tidy tests see it: its files, and its sources parsed. Rules look at the
// syntax tree, so that a banned word in a comment or a string is no offence.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, extname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "rolldown/utils";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Made by tools, or not ours. */
const FOREIGN = new Set(["node_modules", "dist", "build", "coverage", ".git"]);

/** A node of the tree (ESTree with TypeScript's additions). */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

export interface Comment {
  readonly type: "Line" | "Block";
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

export interface Import {
  readonly specifier: string;
  /** `import type`, or `import("…").T`: gone before the program runs. */
  readonly typeOnly: boolean;
  readonly line: number;
}

export interface Source {
  /** Path from the root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly program: Node;
  readonly comments: readonly Comment[];
  readonly imports: readonly Import[];
  /** Line number, from 1, of an offset. */
  line(offset: number): number;
}

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!FOREIGN.has(entry.name)) yield* walk(path);
    } else if (entry.isFile() && extname(entry.name) !== ".tgz") yield path;
  }
}

/** Every file of the repository, from the root, with slashes. */
export const FILES: readonly string[] = [...walk(".")].sort();

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

/** The nodes directly below one, in the order of the text. */
export function children(node: Node): Node[] {
  const found: Node[] = [];
  for (const value of Object.values(node)) {
    if (isNode(value)) found.push(value);
    else if (Array.isArray(value)) found.push(...value.filter(isNode));
  }
  return found;
}

/** A node and all below it; `enter` returning false leaves out what is below. */
export function visit(
  node: Node,
  enter: (node: Node, parents: readonly Node[]) => boolean | undefined,
): void {
  const parents: Node[] = [];
  const step = (at: Node): void => {
    if (enter(at, parents) === false) return;
    parents.push(at);
    for (const child of children(at)) step(child);
    parents.pop();
  };
  step(node);
}

function literal(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === "TSLiteralType") return literal(node.literal);
  return node.type === "Literal" && typeof node.value === "string" ? node.value : undefined;
}

function collectImports(program: Node, line: (offset: number) => number): Import[] {
  const imports: Import[] = [];
  visit(program, (node) => {
    const typed = node.importKind === "type" || node.exportKind === "type";
    const add = (source: unknown, typeOnly: boolean): void => {
      const specifier = literal(source);
      if (specifier !== undefined) imports.push({ specifier, typeOnly, line: line(node.start) });
    };
    switch (node.type) {
      case "ImportDeclaration":
      case "ExportNamedDeclaration":
      case "ExportAllDeclaration":
        add(node.source, typed);
        break;
      case "ImportExpression":
        add(node.source, false);
        break;
      case "TSImportType":
        add(node.source ?? node.argument, true);
        break;
      case "TSExternalModuleReference":
        add(node.expression, false);
        break;
      case "CallExpression": {
        const callee = node.callee as Node;
        if (callee.type === "Identifier" && callee.name === "require")
          add((node.arguments as Node[])[0], false);
        break;
      }
    }
    return undefined;
  });
  return imports;
}

/** Parses a text as the file at `path` would be. Throws on what does not parse. */
export function parse(path: string, text: string): Source {
  const starts = [0];
  for (let i = text.indexOf("\n"); i !== -1; i = text.indexOf("\n", i + 1)) starts.push(i + 1);
  const line = (offset: number): number => starts.findLastIndex((start) => start <= offset) + 1;
  const lang = path.endsWith(".d.ts") ? "dts" : path.endsWith(".ts") ? "ts" : "js";
  const { program, comments, errors } = parseSync(path, text, { lang, sourceType: "module" });
  const fatal = errors.find((error) => error.severity === "Error");
  if (fatal !== undefined && program.body.length === 0)
    throw new Error(`${path} does not parse: ${fatal.message}`);
  const root = program as unknown as Node;
  return { path, text, program: root, comments, imports: collectImports(root, line), line };
}

const SOURCE = /\.(ts|mts|js|mjs|cjs)$/;

/** Every source of the repository in TypeScript or JavaScript, parsed. */
export const SOURCES: readonly Source[] = FILES.filter((path) => SOURCE.test(path)).map((path) =>
  parse(path, readText(path)),
);

/** `path:line: message`, one a line, as an editor understands it; empty if all is well. */
export function report(
  offences: readonly { path: string; line?: number; message: string }[],
): string {
  return offences
    .map(({ path, line, message }) => `${path}${line === undefined ? "" : `:${line}`}: ${message}`)
    .join("\n");
}
