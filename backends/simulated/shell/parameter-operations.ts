// What stands behind a parameter's name in braces: `${x:-word}`, `${x#pattern}`, `${#x}`, …

import type { Expansion, ParameterValue } from "./expansion.ts";
import { patternSource } from "./pattern.ts";
import { ShellError, type ShellState } from "./state.ts";
import type { Parameter, ParameterOperation, WordNode } from "./syntax.ts";

type Of<Type> = Extract<ParameterOperation, { readonly type: Type }>;
type Result = ParameterValue | { readonly word: WordNode };

const one = (value: string): ParameterValue => ({ values: [value], many: undefined });
const NOTHING: ParameterValue = { values: [], many: undefined };

const lacks = ({ values }: ParameterValue, checkEmpty: boolean): boolean =>
  values === undefined || (checkEmpty && values.join("") === "");

/** Every value changed: `${@#x}` works on all positions. */
const each = (found: ParameterValue, change: (value: string) => string): ParameterValue => ({
  ...found,
  values: (found.values ?? [""]).map(change),
});

async function removal(
  expansion: Expansion,
  operation: Of<"PatternRemoval">,
  found: ParameterValue,
): Promise<ParameterValue> {
  const source = await expansion.pattern(operation.pattern);
  const exact = new RegExp(`^(?:${patternSource(source)})$`);
  return each(found, (value) => {
    const cuts = Array.from({ length: value.length + 1 }, (_, i) => i);
    const prefix = operation.side === "prefix";
    // Shortest first; the greedy forms take the longest.
    if (prefix === operation.greedy) cuts.reverse();
    const cut = cuts.find((at) => exact.test(prefix ? value.slice(0, at) : value.slice(at)));
    if (cut === undefined) return value;
    return prefix ? value.slice(cut) : value.slice(0, cut);
  });
}

async function replacement(
  expansion: Expansion,
  operation: Of<"PatternReplacement">,
  found: ParameterValue,
): Promise<ParameterValue> {
  const source = patternSource(await expansion.pattern(operation.pattern));
  const by = operation.replacement ? await expansion.text(operation.replacement) : "";
  if (source === "") return found;
  const [before, after] = [
    operation.anchor === "start" ? "^" : "",
    operation.anchor === "end" ? "$" : "",
  ];
  const regular = new RegExp(`${before}(?:${source})${after}`, operation.all ? "g" : "");
  return each(found, (value) => value.replace(regular, () => by));
}

async function substring(
  expansion: Expansion,
  operation: Of<"Substring">,
  found: ParameterValue,
): Promise<ParameterValue> {
  const offset = Number(await expansion.arithmetic(operation.offset));
  const length = operation.length
    ? Number(await expansion.arithmetic(operation.length))
    : undefined;
  const cut = <T extends string | readonly string[]>(from: T, at: number): T => {
    const start = at < 0 ? Math.max(0, from.length + at) : at;
    const end =
      length === undefined ? undefined : length < 0 ? from.length + length : start + length;
    return from.slice(start, end) as T;
  };
  if (found.many) {
    // Of the positions, the first has number 1.
    return { ...found, values: cut(found.values ?? [], offset > 0 ? offset - 1 : offset) };
  }
  return each(found, (value) => cut(value, offset));
}

function changeCase(operation: Of<"CaseModification">, value: string): string {
  const change = (text: string): string =>
    operation.direction === "upper" ? text.toUpperCase() : text.toLowerCase();
  return operation.all ? change(value) : change(value.slice(0, 1)) + value.slice(1);
}

const shellQuoted = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`;

async function errorIfUnset(
  expansion: Expansion,
  name: string,
  operation: Of<"ErrorIfUnset">,
  found: ParameterValue,
): Promise<ParameterValue> {
  if (!lacks(found, operation.checkEmpty)) return found;
  const text = operation.word ? await expansion.text(operation.word) : "parameter not set";
  throw new ShellError(`${name}: ${text}`, 2);
}

async function indirect(
  expansion: Expansion,
  state: ShellState,
  part: Parameter,
  operation: Of<"Indirection">,
  found: ParameterValue,
): Promise<Result> {
  const name = found.values?.[0] ?? "";
  const target = await expansion.value(name);
  if (!operation.innerOp) return target;
  const inner: Parameter = { ...part, parameter: name, operation: operation.innerOp };
  return applyOperation(expansion, state, inner, target);
}

/**
 * `${name:-word}` and the others of POSIX 2.6.2, with those that bash adds. ShellError for `:?`.
 */
export async function applyOperation(
  expansion: Expansion,
  state: ShellState,
  part: Parameter,
  found: ParameterValue,
): Promise<Result> {
  const operation = part.operation as ParameterOperation;
  switch (operation.type) {
    case "DefaultValue":
      return lacks(found, operation.checkEmpty) ? { word: operation.word } : found;
    case "UseAlternative":
      return lacks(found, operation.checkEmpty) ? NOTHING : { word: operation.word };
    case "AssignDefault": {
      if (!lacks(found, operation.checkEmpty)) return found;
      const value = await expansion.text(operation.word);
      state.set(part.parameter, value);
      return one(value);
    }
    case "ErrorIfUnset":
      return errorIfUnset(expansion, part.parameter, operation, found);
    case "Length": {
      const values = found.values ?? [];
      return one(String(found.many ? values.length : [...(values[0] ?? "")].length));
    }
    case "PatternRemoval":
      return removal(expansion, operation, found);
    case "PatternReplacement":
      return replacement(expansion, operation, found);
    case "Substring":
      return substring(expansion, operation, found);
    case "CaseModification":
      return each(found, (value) => changeCase(operation, value));
    case "Transform":
      return each(found, (value) =>
        operation.operator === "U"
          ? value.toUpperCase()
          : operation.operator === "L"
            ? value.toLowerCase()
            : operation.operator === "Q"
              ? shellQuoted(value)
              : value,
      );
    case "Indirection":
      return indirect(expansion, state, part, operation, found);
    case "ArrayKeys": {
      const value = state.variables.get(operation.array)?.value;
      const items = Array.isArray(value) ? value : value === undefined ? [] : [value];
      const keys = items.flatMap((item, i) => (item === undefined ? [] : [String(i)]));
      return { values: keys, many: operation.star ? "joined" : "separate" };
    }
    case "VarNamePrefix": {
      const names = [...state.variables.keys()].filter((name) => name.startsWith(operation.prefix));
      return { values: names.sort(), many: operation.star ? "joined" : "separate" };
    }
    default:
      throw new ShellError("bad substitution", 2);
  }
}
