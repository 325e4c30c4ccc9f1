// Stages as a graph: what each stands on and what it takes from others. What a target does not
// reach is not built.

import { NacreError } from "../error.ts";
import { expand, type Variables } from "./expansion.ts";
import { dockerfileFault, failedAt, type Place, type Source } from "./fault.ts";
import type { Action, Dockerfile, Stage } from "./instruction.ts";
import { parseRunMount } from "./run-mount.ts";

/** What a stage begins with. */
export type Base =
  | { readonly kind: "stage"; readonly index: number }
  | { readonly kind: "image"; readonly reference: string }
  | { readonly kind: "scratch" }
  /** This machine's own root. */
  | { readonly kind: "host" };

export interface PlannedStage {
  readonly index: number;
  readonly stage: Stage;
  /** Its own name, or `stage-N`. */
  readonly label: string;
  readonly base: Base;
  /** With its variables expanded. */
  readonly platform?: string;
  /** Other stages that its instructions take files from, and the one that it stands on. */
  readonly needs: ReadonlySet<number>;
}

export interface BuildGraph {
  readonly stages: readonly PlannedStage[];
  readonly target: PlannedStage;
  /** The target and what it needs, in the order of the file. */
  readonly needed: readonly PlannedStage[];
  /** ARGs from before the first FROM, with their values. */
  readonly globals: Variables;
}

export interface GraphOptions {
  readonly target?: string;
  readonly buildArgs: Variables;
  /** TARGETPLATFORM and its kind. */
  readonly platformArgs: Variables;
}

/** @throws NacreError `invalid` with the place, `not-found` naming the stages that there are */
export function planStages(
  source: Source,
  dockerfile: Dockerfile,
  options: GraphOptions,
): BuildGraph {
  const globals = globalArgs(dockerfile, options);
  const stages = dockerfile.stages.map((_, index) => planned(source, dockerfile, index, globals));
  const target = targetOf(stages, options.target);
  return { stages, target, needed: reached(stages, target), globals };
}

/** A stage by its name or number among those before `before`. */
export function findStage(
  stages: readonly Stage[],
  reference: string,
  before: number,
): number | undefined {
  const name = reference.toLowerCase();
  const earlier = stages.slice(0, before);
  const named = earlier.findLastIndex((stage) => stage.name === name);
  if (named >= 0) return named;
  const isNumber = /^\d+$/.test(reference) && Number(reference) < before;
  return isNumber ? Number(reference) : undefined;
}

function globalArgs({ args, directives }: Dockerfile, options: GraphOptions): Variables {
  const known = new Map(options.platformArgs);
  for (const { name, value } of args.flatMap(({ variables }) => variables)) {
    const given = options.buildArgs.get(name);
    if (given !== undefined) known.set(name, given);
    else if (value !== undefined) known.set(name, expand(value, known, directives));
  }
  return known;
}

function planned(
  source: Source,
  { stages, directives }: Dockerfile,
  index: number,
  globals: Variables,
): PlannedStage {
  const stage = stages[index] as Stage;
  const expanded = (text: string): string => {
    try {
      return expand(text, globals, directives);
    } catch (error) {
      if (!(error instanceof NacreError)) throw error;
      throw dockerfileFault(source, stage.place, error.message, error.advice);
    }
  };
  const base = baseOf(source, stages, index, expanded(stage.base));
  const platform = stage.platform === undefined ? "" : expanded(stage.platform);
  const needs = new Set<number>(base.kind === "stage" ? [base.index] : []);
  for (const { action, place } of stage.instructions) {
    for (const name of placed(source, place, () => takenFrom(action))) {
      const found = findStage(stages, name, index);
      if (found !== undefined) needs.add(found);
      else mustBeImage(source, place, stages, index, name);
    }
  }
  const label = stage.name ?? `stage-${index}`;
  return { index, stage, label, base, needs, ...(platform !== "" && { platform }) };
}

function baseOf(source: Source, stages: readonly Stage[], index: number, base: string): Base {
  const { place, base: written } = stages[index] as Stage;
  if (base === "") {
    throw dockerfileFault(
      source,
      place,
      `the base ${written} comes to nothing`,
      "Give its ARG a value: --build-arg NAME=VALUE, or a default before the first FROM.",
    );
  }
  const named = stages.slice(0, index).findLastIndex(({ name }) => name === base.toLowerCase());
  if (named >= 0) return { kind: "stage", index: named };
  if (base === "scratch" || base === "host") return { kind: base };
  return { kind: "image", reference: base };
}

function placed<T>(source: Source, place: Place, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw failedAt(source, place, error);
  }
}

/** What an instruction takes files from, as it says it. */
function takenFrom(action: Action): string[] {
  if (action.kind === "COPY") return action.from === undefined ? [] : [action.from];
  if (action.kind !== "RUN") return [];
  return action.mounts.flatMap((text) => {
    // Whose variables are not expanded yet may be no mount that can be read.
    if (text.includes("$")) return [];
    const from = parseRunMount(text).from;
    return from === undefined ? [] : [from];
  });
}

/** A number, or the name of a stage that comes later, is no image. */
function mustBeImage(
  source: Source,
  place: Place,
  stages: readonly Stage[],
  index: number,
  name: string,
): void {
  const later = stages.slice(index).some((stage) => stage.name === name.toLowerCase());
  if (!later && !/^\d+$/.test(name)) return;
  const why = later ? "it does not come before" : "there are not as many before";
  throw dockerfileFault(
    source,
    place,
    `no stage ${JSON.stringify(name)} can be copied from: ${why}`,
    stagesThere(stages.slice(0, index)),
  );
}

function stagesThere(stages: readonly Stage[]): string {
  if (stages.length === 0) return "There is no stage before this one.";
  const names = stages.map(({ name, base }, index) => name ?? `${index} (FROM ${base})`);
  return `There are ${names.join(", ")}.`;
}

function targetOf(stages: readonly PlannedStage[], wanted: string | undefined): PlannedStage {
  const all = stages.map(({ stage }) => stage);
  const index =
    wanted === undefined || wanted === "" ? stages.length - 1 : findStage(all, wanted, all.length);
  const target = index === undefined ? undefined : stages[index];
  if (target) return target;
  throw new NacreError("not-found", `target stage ${JSON.stringify(wanted)} could not be found`, {
    advice: stagesThere(all),
  });
}

function reached(stages: readonly PlannedStage[], target: PlannedStage): PlannedStage[] {
  const found = new Set<number>();
  const visit = (index: number): void => {
    if (found.has(index)) return;
    found.add(index);
    for (const need of stages[index]?.needs ?? []) visit(need);
  };
  visit(target.index);
  return stages.filter(({ index }) => found.has(index));
}
