// Short files, short functions, a native part that can be read in one sitting. A longer one is
// usually two concepts; where it is not, it stands here with its reason.

import { describe, expect, it } from "vitest";
import { FILES, type Node, readText, report, SOURCES, type Source, visit } from "./source-tree.ts";

const FILE_LINES = 400;
const FUNCTION_LINES = 70;
/** docs/decisions/0009-size-of-nacre-init.md: the aim was 1,000; raising this needs a reason there. */
const NATIVE_LINES = 3525;

/** path → why it is longer and still one concept. */
const LONG_FILES: Readonly<Record<string, string>> = {};

/** `path function` → why it is longer and still one step. */
const LONG_FUNCTIONS: Readonly<Record<string, string>> = {};

/** Written by scripts/generate-operations.ts: a table, nothing to review. */
const GENERATED = new Set(["backends/linux/native/operations.h"]);

function lineCount(text: string): number {
  return text === "" ? 0 : text.replace(/\n$/, "").split("\n").length;
}

function functionName(node: Node, parents: readonly Node[]): string {
  const parent = parents.at(-1);
  for (const named of [node.id, parent?.key, parent?.id]) {
    const name = (named as Node | null | undefined)?.name;
    if (name !== undefined) return String(name);
  }
  return "anonymous";
}

/** The name at the bottom of `describe`, `it.each(…)(…)`, `describe.runIf(…)`. */
function calledName(call: Node): string {
  let callee = call.callee as Node | undefined;
  while (callee !== undefined && callee.type !== "Identifier")
    callee = (callee.object ?? callee.callee ?? callee.tag) as Node | undefined;
  return String(callee?.name ?? "");
}

/** Whether a function is only the bracket around a suite of tests: it declares them itself. */
function isSuite(node: Node): boolean {
  const statements = (node.body as Node).body;
  if (!Array.isArray(statements)) return false;
  return (statements as Node[]).some((statement) => {
    const call =
      statement.type === "ExpressionStatement" ? (statement.expression as Node) : undefined;
    return call?.type === "CallExpression" && /^(describe|it|test)$/.test(calledName(call));
  });
}

function longFunctions(source: Source): { path: string; line: number; message: string }[] {
  const found: { path: string; line: number; message: string }[] = [];
  visit(source.program, (node, parents) => {
    const isFunction = /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/;
    if (!isFunction.test(node.type) || isSuite(node)) return undefined;
    const line = source.line(node.start);
    const length = source.line(node.end) - line + 1;
    const name = functionName(node, parents);
    if (length <= FUNCTION_LINES || `${source.path} ${name}` in LONG_FUNCTIONS) return undefined;
    const message = `${name} has ${length} lines: past ${FUNCTION_LINES} it hides a second function; take out a pure one`;
    found.push({ path: source.path, line, message });
    return undefined;
  });
  return found;
}

describe("the size of things", () => {
  it(`keeps files within ${FILE_LINES} lines`, () => {
    const long = FILES.filter((path) => /\.(ts|js|mjs|c|h|sh)$/.test(path) && !GENERATED.has(path))
      .map((path) => ({ path, lines: lineCount(readText(path)) }))
      .filter(({ path, lines }) => lines > FILE_LINES && !(path in LONG_FILES))
      .map(({ path, lines }) => ({
        path,
        message: `${lines} lines: split it by concept, or give the reason in test/tidy/size.test.ts`,
      }));
    expect(report(long)).toBe("");
  });

  it(`keeps functions within ${FUNCTION_LINES} lines`, () => {
    expect(report(SOURCES.flatMap(longFunctions))).toBe("");
  });

  it("has no exception that is not needed any more", () => {
    const stale = Object.keys(LONG_FILES).filter(
      (path) => !FILES.includes(path) || lineCount(readText(path)) <= FILE_LINES,
    );
    expect(stale.join("\n"), "take these out of LONG_FILES").toBe("");
  });

  it(`keeps the native part within ${NATIVE_LINES} lines`, () => {
    const native = FILES.filter(
      (path) => /^backends\/linux\/native\/.*\.[ch]$/.test(path) && !GENERATED.has(path),
    );
    const lines = native.reduce((sum, path) => sum + lineCount(readText(path)), 0);
    const message = "move policy to the core; the interpreter has no opinion";
    expect(lines, message).toBeLessThanOrEqual(NATIVE_LINES);
  });
});
