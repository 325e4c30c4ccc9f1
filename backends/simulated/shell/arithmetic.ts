// Arithmetic expansion, in 64-bit integers that wrap as the shell's do.

import { ShellError, type ShellState } from "./state.ts";
import type { ArithmeticNode } from "./syntax.ts";

type Of<Type> = Extract<ArithmeticNode, { readonly type: Type }>;

/** What a word of an expression stands for. */
export interface ArithmeticContext {
  readonly state: ShellState;
  /** Value of a special parameter, `$#` or `$1`. */
  readonly special: (name: string) => string;
  /** Parses an expression that a variable holds. */
  readonly evaluate: (text: string) => Promise<bigint>;
  /** Output of a command substitution, or value of `${…}`. */
  readonly expand: (source: string) => Promise<string>;
}

const wrap = (value: bigint): bigint => BigInt.asIntN(64, value);
const truth = (value: boolean): bigint => (value ? 1n : 0n);

function divide(left: bigint, right: bigint, operator: "/" | "%"): bigint {
  if (right === 0n) throw new ShellError("division by 0", 2);
  return operator === "/" ? left / right : left % right;
}

function binary(operator: string, left: bigint, right: bigint): bigint {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
    case "%":
      return divide(left, right, operator);
    case "**":
      return left ** right;
    case "<<":
      return left << (right & 63n);
    case ">>":
      return left >> (right & 63n);
    case "<":
      return truth(left < right);
    case "<=":
      return truth(left <= right);
    case ">":
      return truth(left > right);
    case ">=":
      return truth(left >= right);
    case "==":
      return truth(left === right);
    case "!=":
      return truth(left !== right);
    case "&":
      return left & right;
    case "|":
      return left | right;
    case "^":
      return left ^ right;
    default:
      return right; // the comma
  }
}

/** The value of a variable is an expression itself. */
async function numberIn(text: string | undefined, context: ArithmeticContext): Promise<bigint> {
  const trimmed = text?.trim() ?? "";
  if (trimmed === "") return 0n;
  if (/^-?(0|[1-9]\d*)$/.test(trimmed)) return BigInt(trimmed);
  if (/^0\d+$/.test(trimmed)) return BigInt(`0o${trimmed.slice(1)}`);
  if (/^0x[\da-f]+$/i.test(trimmed)) return BigInt(trimmed);
  return context.evaluate(trimmed);
}

async function assign(node: Of<"ArithAssignment">, context: ArithmeticContext): Promise<bigint> {
  const { state } = context;
  const value = await evaluate(node.value, context);
  const operator = node.operator.slice(0, -1);
  const index = node.subscript ? Number(await evaluate(node.subscript, context)) : undefined;
  const list = state.variables.get(node.variable)?.value;
  const items = Array.isArray(list) ? [...list] : [list];
  const before = index === undefined ? state.get(node.variable) : items[index];
  const result = wrap(
    operator === "" ? value : binary(operator, await numberIn(before, context), value),
  );
  if (index === undefined) state.set(node.variable, String(result));
  else {
    items[index] = String(result);
    state.set(node.variable, items);
  }
  return result;
}

async function unary(node: Of<"ArithUnary">, context: ArithmeticContext): Promise<bigint> {
  const value = await evaluate(node.operand, context);
  if (node.operator === "++" || node.operator === "--") {
    const next = wrap(value + (node.operator === "++" ? 1n : -1n));
    if (node.operand.type !== "ArithVariable") throw new ShellError("not a variable", 2);
    context.state.set(node.operand.name, String(next));
    return node.prefix ? next : value;
  }
  if (node.operator === "-") return -value;
  if (node.operator === "!") return truth(value === 0n);
  return node.operator === "~" ? ~value : value;
}

async function combine(node: Of<"ArithBinary">, context: ArithmeticContext): Promise<bigint> {
  const left = await evaluate(node.left, context);
  if (node.operator === "&&" && left === 0n) return 0n;
  if (node.operator === "||" && left !== 0n) return 1n;
  const right = await evaluate(node.right, context);
  if (node.operator === "&&" || node.operator === "||") return truth(right !== 0n);
  return binary(node.operator, left, right);
}

async function element(node: Of<"ArithArrayElement">, context: ArithmeticContext): Promise<bigint> {
  const value = context.state.variables.get(node.array)?.value;
  const index = node.index ? Number(await evaluate(node.index, context)) : 0;
  return numberIn(Array.isArray(value) ? value[index] : index === 0 ? value : "", context);
}

/** In 64 bits that wrap. ShellError, code 2, for a division by 0 and for what is no expression. */
export async function evaluate(node: ArithmeticNode, context: ArithmeticContext): Promise<bigint> {
  switch (node.type) {
    case "ArithNumber":
      return wrap(BigInt(Math.trunc(node.value)));
    case "ArithVariable": {
      const isPosition = /^\d+$/.test(node.name);
      return numberIn(
        isPosition ? context.special(node.name) : context.state.get(node.name),
        context,
      );
    }
    case "ArithSpecialVar":
      return numberIn(context.special(node.name), context);
    case "ArithBinary":
      return wrap(await combine(node, context));
    case "ArithUnary":
      return wrap(await unary(node, context));
    case "ArithTernary": {
      const chosen = (await evaluate(node.condition, context)) !== 0n;
      return evaluate(chosen ? node.consequent : node.alternate, context);
    }
    case "ArithAssignment":
      return assign(node, context);
    case "ArithGroup":
    case "ArithNested":
      return evaluate(node.expression, context);
    case "ArithArrayElement":
      return element(node, context);
    case "ArithCommandSubst":
      return numberIn(await context.expand(`$(${node.command})`), context);
    case "ArithBracedExpansion":
      return numberIn(await context.expand(`\${${node.content}}`), context);
    case "ArithSyntaxError":
      throw new ShellError(`arithmetic syntax error: ${node.message}`, 2);
    default:
      throw new ShellError("arithmetic syntax error", 2);
  }
}
