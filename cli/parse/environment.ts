// Environment variables (-e, --env-file) and labels.

import { isUtf8 } from "node:buffer";
import { FlagError } from "../flag-error.ts";

/** `K=V`, or a bare `K` that takes its value from the caller's environment. @throws FlagError */
export function parseVariable(text: string): string {
  if (text === "" || text.startsWith("=")) {
    throw new FlagError(`invalid environment variable: ${text}`);
  }
  return text;
}

/** `K=V` or `K`, for labels. Leading space is part of a label, space within a name is not. */
export function parseLabel(text: string): string {
  const name = text.split("=", 1)[0]!;
  if (name === "") throw new FlagError(`invalid label '${text}': empty name`);
  const trimmed = name.replace(/^\s+/, "");
  if (/\s/.test(trimmed)) throw new FlagError(`label '${trimmed}' contains whitespaces`);
  return text;
}

/** Of `K=V` and bare `K`, whose value is empty; the last one of a name counts. */
export function labelsOf(labels: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    labels.map((label) => {
      const at = label.indexOf("=");
      return at < 0 ? [label, ""] : [label.slice(0, at), label.slice(at + 1)];
    }),
  );
}

/** What an env file says. @throws FlagError where that is not UTF-8 */
export function environmentText(bytes: Uint8Array, path: string): string {
  if (isUtf8(bytes)) return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const lines = Buffer.from(bytes).toString("latin1").split("\n");
  const wrong = lines.findIndex((line) => !isUtf8(Buffer.from(line, "latin1")));
  const shown = Buffer.from(lines[wrong] ?? "", "latin1").join(" ");
  throw new FlagError(
    `invalid env file (${path}): invalid utf8 bytes at line ${wrong + 1}: [${shown}]`,
  );
}

/**
 * The variables of an env file: `K=V` a line, `#` begins a comment line, a bare `K` as in
 * parseVariable. Nothing is quoted or expanded.
 * @param path only for messages
 */
export function parseEnvironmentFile(content: string, path: string): string[] {
  const variables: string[] = [];
  const lines = content.replace(/^\uFEFF/, "").split("\n");
  for (const [index, line] of lines.entries()) {
    const variable = line.replace(/\r$/, "").replace(/^\s+/, "");
    if (variable === "" || variable.startsWith("#")) continue;
    const name = variable.split("=", 1)[0]!;
    const where = `invalid env file (${path})`;
    if (name === "") throw new FlagError(`${where}: no variable name on line ${index + 1}`);
    if (/\s/.test(name)) throw new FlagError(`${where}: variable '${name}' contains whitespaces`);
    variables.push(variable);
  }
  return variables;
}

/** Resolves bare names; those that the caller does not have are left out. Later ones win. */
export function resolveVariables(
  variables: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const resolved = new Map<string, string>();
  for (const variable of variables) {
    const at = variable.indexOf("=");
    const name = at < 0 ? variable : variable.slice(0, at);
    const value = at < 0 ? environment[name] : variable.slice(at + 1);
    if (value !== undefined) resolved.set(name, `${name}=${value}`);
  }
  return [...resolved.values()];
}
