// What `test`, `[` and `[[` ask (POSIX test(1), and bash's conditional expressions).

import type { ProgramContext } from "../program.ts";
import type { FileInformation } from "../program-files.ts";
import type { Shell } from "./interpreter.ts";
import { matches } from "./pattern.ts";
import { ShellError } from "./state.ts";
import type { Condition } from "./syntax.ts";

const KINDS: Readonly<Record<string, FileInformation["kind"]>> = {
  b: "block",
  c: "character",
  d: "directory",
  f: "file",
  p: "fifo",
  S: "socket",
};
const ACCESS = { r: "read", w: "write", x: "execute" } as const;
const MODES: Readonly<Record<string, number>> = { g: 0o2000, k: 0o1000, u: 0o4000 };

function status(
  context: ProgramContext,
  path: string,
  follow: boolean,
): FileInformation | undefined {
  return context.files.kindOf(path, { follow }) === undefined
    ? undefined
    : context.files.status(path, { follow });
}

/** `operator` without its dash. */
function unary(context: ProgramContext, operator: string, word: string): boolean | undefined {
  if (operator === "n") return word !== "";
  if (operator === "z") return word === "";
  if (operator === "t") return context.interactive && /^[012]$/.test(word);
  const found = status(context, word, operator !== "h" && operator !== "L");
  if (operator === "e" || operator === "a") return found !== undefined;
  if (operator === "h" || operator === "L") return found?.kind === "symlink";
  if (operator === "s") return found !== undefined && found.sizeBytes > 0;
  if (operator === "O") return found?.uid === context.credentials.uid;
  if (operator === "G") return found?.gid === context.credentials.gid;
  if (KINDS[operator]) return found?.kind === KINDS[operator];
  if (MODES[operator]) return found !== undefined && (found.mode & MODES[operator]) !== 0;
  if (operator === "r" || operator === "w" || operator === "x") {
    return context.files.access(word, ACCESS[operator]);
  }
  return undefined;
}

function integer(word: string): number {
  if (!/^\s*[-+]?\d+\s*$/.test(word)) throw new ShellError(`test: ${word}: bad number`, 2);
  return Number(word);
}

function binary(
  context: ProgramContext,
  left: string,
  operator: string,
  right: string,
): boolean | undefined {
  const age = (path: string): number => {
    const { seconds = -Infinity, nanoseconds = 0 } = status(context, path, true)?.mtime ?? {};
    return seconds + nanoseconds / 1e9;
  };
  switch (operator) {
    case "=":
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    case "<":
      return left < right;
    case ">":
      return left > right;
    case "-eq":
      return integer(left) === integer(right);
    case "-ne":
      return integer(left) !== integer(right);
    case "-lt":
      return integer(left) < integer(right);
    case "-le":
      return integer(left) <= integer(right);
    case "-gt":
      return integer(left) > integer(right);
    case "-ge":
      return integer(left) >= integer(right);
    case "-nt":
      return age(left) > age(right);
    case "-ot":
      return age(left) < age(right);
    case "-ef": {
      const [a, b] = [status(context, left, true), status(context, right, true)];
      return a !== undefined && a.inode === b?.inode && a.device === b.device;
    }
    default:
      return undefined;
  }
}

/** The grammar of test(1): what it means depends on how many words there are. */
export function test(context: ProgramContext, words: readonly string[]): boolean {
  const [first = "", second = "", third = "", fourth = ""] = words;
  if (words.length === 0) return false;
  if (words.length === 1) return first !== "";
  if (words.length === 2) {
    if (first === "!") return second === "";
    const answer = first.startsWith("-") ? unary(context, first.slice(1), second) : undefined;
    if (answer === undefined) throw new ShellError(`test: ${first}: unknown operand`, 2);
    return answer;
  }
  if (words.length === 3) {
    const answer = binary(context, first, second, third);
    if (answer !== undefined) return answer;
    if (first === "!") return !test(context, words.slice(1));
    if (first === "(" && third === ")") return test(context, [second]);
  }
  if (words.length === 4 && first === "!") return !test(context, words.slice(1));
  if (words.length === 4 && first === "(" && fourth === ")") return test(context, [second, third]);
  for (const operator of ["-o", "-a"]) {
    const at = words.indexOf(operator, 1);
    if (at < 0) continue;
    const [left, right] = [test(context, words.slice(0, at)), test(context, words.slice(at + 1))];
    return operator === "-o" ? left || right : left && right;
  }
  if (first === "!") return !test(context, words.slice(1));
  throw new ShellError(`test: ${second}: unknown operand`, 2);
}

/** `[[ … ]]`. */
export async function conditionHolds(shell: Shell, node: Condition): Promise<boolean> {
  const { expansion, context, state } = shell;
  switch (node.type) {
    case "CondAnd":
      return (await conditionHolds(shell, node.left)) && conditionHolds(shell, node.right);
    case "CondOr":
      return (await conditionHolds(shell, node.left)) || conditionHolds(shell, node.right);
    case "CondNot":
      return !(await conditionHolds(shell, node.operand));
    case "CondGroup":
      return conditionHolds(shell, node.expression);
    case "CondWord":
      return (await expansion.text(node.word)) !== "";
    case "CondUnary": {
      const word = await expansion.text(node.operand);
      if (node.operator === "-v") return state.variables.get(word)?.value !== undefined;
      return unary(context, node.operator.slice(1), word) ?? false;
    }
    case "CondBinary": {
      const left = await expansion.text(node.left);
      if (node.operator === "=~")
        return regularMatch(shell, left, await expansion.text(node.right));
      if (["=", "==", "!="].includes(node.operator)) {
        const found = matches(left, await expansion.pattern(node.right));
        return node.operator === "!=" ? !found : found;
      }
      return binary(context, left, node.operator, await expansion.text(node.right)) ?? false;
    }
  }
}

function regularMatch({ state }: Shell, text: string, source: string): boolean {
  const found = new RegExp(source).exec(text);
  state.variables.delete("BASH_REMATCH");
  state.set("BASH_REMATCH", found ? [...found] : []);
  return found !== null;
}
