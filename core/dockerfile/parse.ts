// A Dockerfile's stages and their instructions. Complete by the Dockerfile reference: what is not an
// instruction, or not one here, is refused with its file, line and column.

import { NacreError } from "../error.ts";
import { INSTRUCTIONS, isInstruction, readAction } from "./actions.ts";
import { dockerfileFault, type Place, PlacedError, type Source } from "./fault.ts";
import { readFlags, WordFault } from "./flags.ts";
import type { Action, ActionOf, Dockerfile, Instruction, Stage } from "./instruction.ts";
import { type LogicalLine, readLines } from "./lines.ts";
import { splitFlags } from "./words.ts";

/** @throws NacreError `invalid`, with the place and the line shown */
export function parseDockerfile(source: Source): Dockerfile {
  const { directives, lines, emptyContinuations } = readLines(source);
  if (lines.length === 0) {
    throw new NacreError("invalid", `${source.name} has no instructions`, {
      advice: "The least is a line such as FROM debian:12.",
    });
  }
  const args: ActionOf<"ARG">[] = [];
  const stages: Stage[] = [];
  let instructions: Instruction[] = [];
  for (const line of lines) {
    const name = (line.text.split(/\s/, 1)[0] ?? "").toUpperCase();
    if (!isInstruction(name)) throw unknown(source, line);
    if (name === "FROM") {
      instructions = [];
      stages.push({ ...at(source, line, () => readFrom(line, directives.escape)), instructions });
      continue;
    }
    const action = at(source, line, () => readAction(line.text, directives.escape, line.heredocs));
    const { text, place, lastLine } = line;
    if (stages.length > 0) instructions.push({ action, text, place, lastLine });
    else if (action.kind === "ARG") args.push(action);
    else throw outside(source, line, action);
  }
  if (stages.length === 0) {
    throw new NacreError("invalid", `${source.name} has no FROM: there is no stage to build`);
  }
  const warnings = emptyContinuations.map((line) => {
    return { line, message: "an empty line continues an instruction" };
  });
  return { directives, args, stages, warnings };
}

/** An image's ONBUILD trigger, as if it stood in the Dockerfile. NacreError `invalid`. */
export function parseTrigger(text: string): Action {
  const source = { name: "ONBUILD", text };
  const [line] = readLines(source).lines;
  if (!line) throw new NacreError("invalid", "an ONBUILD trigger of the base image is empty");
  return at(source, line, () => readAction(line.text, "\\", line.heredocs));
}

function readFrom({ text, place }: LogicalLine, mark: "\\" | "`"): Omit<Stage, "instructions"> {
  const { flags, rest } = splitFlags(text.slice("FROM".length), mark);
  const platform = readFlags("FROM", { platform: "text" }, flags).text("platform");
  const [base = "", as, name, ...more] = rest.split(/\s+/).filter((word) => word !== "");
  const whole = name !== undefined && as?.toUpperCase() === "AS";
  if (base === "" || more.length > 0 || (as !== undefined && !whole)) {
    throw new WordFault(
      "FROM requires either one or three arguments",
      more[0] ?? as ?? "FROM",
      "It looks like FROM image, or FROM image AS name.",
    );
  }
  const stage = name?.toLowerCase();
  if (stage !== undefined && !/^[a-z][a-z0-9_.-]*$/.test(stage)) {
    throw new WordFault(
      `invalid name for build stage: ${JSON.stringify(name)}`,
      name ?? "",
      "A stage's name begins with a letter; digits, _, . and - may follow.",
    );
  }
  return {
    base,
    ...(platform !== undefined && { platform }),
    ...(stage !== undefined && { name: stage }),
    place,
    text,
  };
}

/** What was found out about a word of a line, with its place. */
function at<T>(source: Source, line: LogicalLine, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof WordFault) {
      throw dockerfileFault(source, placeOf(source, line, error.word), error.message, error.advice);
    }
    if (!(error instanceof NacreError) || error instanceof PlacedError) throw error;
    throw dockerfileFault(source, line.place, error.message, error.advice);
  }
}

/** Where a word stands in the lines of an instruction; its beginning, if it is broken over lines. */
function placeOf({ text }: Source, { place, lastLine }: LogicalLine, word: string): Place {
  const lines = text.split("\n");
  const wanted = word.split("\n", 1)[0] ?? "";
  for (let line = place.line; wanted !== "" && line <= lastLine; line++) {
    const column = (lines[line - 1] ?? "").indexOf(wanted);
    if (column >= 0) return { line, column: column + 1 };
  }
  return place;
}

function unknown(source: Source, { text, place }: LogicalLine): NacreError {
  const [word = ""] = text.split(/\s/, 1);
  const near = INSTRUCTIONS.find((one) => isNear(one, word.toUpperCase()));
  const advice = near === undefined ? `There are ${INSTRUCTIONS.join(", ")}.` : `Is it ${near}?`;
  return dockerfileFault(source, place, `unknown instruction: ${word}`, advice);
}

/** The same letters but for one that is missing, too many, or another; or two that changed places. */
function isNear(one: string, other: string): boolean {
  if (Math.abs(one.length - other.length) > 1) return false;
  let from = 0;
  while (from < one.length && one[from] === other[from]) from++;
  const [a, b] = [one.slice(from), other.slice(from)];
  const swapped = a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2);
  return swapped || a.slice(1) === b.slice(1) || a === b.slice(1) || a.slice(1) === b;
}

function outside(source: Source, { place }: LogicalLine, { kind }: Action): NacreError {
  return dockerfileFault(
    source,
    place,
    `${kind} stands before any FROM: no build stage in current context`,
    "Only ARG may stand there.",
  );
}
