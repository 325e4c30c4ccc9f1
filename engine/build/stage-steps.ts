// The instructions of a stage, one after the other: each takes what the stage is to what it is then.

import { expand } from "@nacre/core/dockerfile/expansion.ts";
import { failedAt, type Place } from "@nacre/core/dockerfile/fault.ts";
import {
  changed,
  type ExpansionContext,
  noted,
  resolvedPath,
  variablesOf,
} from "@nacre/core/dockerfile/image-state.ts";
import type { Action, ActionOf, Instruction } from "@nacre/core/dockerfile/instruction.ts";
import { parseTrigger } from "@nacre/core/dockerfile/parse.ts";
import type { PlannedStage } from "@nacre/core/dockerfile/stage-graph.ts";
import { resolveUser } from "@nacre/core/program/user.ts";
import { EMPTY_LAYER } from "./build-layers.ts";
import { type BuildRun, type BuiltStage, diffIdsOf, type StageLayer } from "./build-run.ts";
import { CopyLayer } from "./copy-layer.ts";
import { CopiedMembers } from "./copy-members.ts";
import { copyStep } from "./copy-step.ts";
import type { StepProgress } from "./progress.ts";
import { runStep } from "./run-step.ts";
import type { FoundStep } from "./step-cache.ts";

/** Instructions that show as steps: those that can make a layer. */
const SHOWN: readonly Action["kind"][] = ["RUN", "COPY", "ADD", "WORKDIR"];

/** One instruction of a stage, with what it needs to be carried out. */
export interface StepContext {
  readonly run: BuildRun;
  readonly planned: PlannedStage;
  readonly before: BuiltStage;
  readonly expansion: ExpansionContext;
  readonly text: string;
  readonly progress: StepProgress;
  /** Words of the instruction with the stage's variables. */
  readonly expanded: (text: string) => string;
  /** Nothing is taken from the cache. */
  readonly isFresh: boolean;
  /** A layer by the key of what it is made from: of the cache, or made now. */
  readonly cached: (key: string, make: () => Promise<string | MadeLayer>) => Promise<FoundStep>;
}

/** A layer that may have come from something else than its key says. */
export interface MadeLayer {
  readonly diffId: string;
  readonly isOfItsKey: boolean;
}

export class StageSteps {
  readonly #run: BuildRun;
  readonly #planned: PlannedStage;
  #number = 0;
  /** How many steps there are to show; until it is counted undefined. */
  #shown: number | undefined;
  /** What the base has for those who build on it. */
  #triggers: readonly Action[] = [];

  constructor(run: BuildRun, planned: PlannedStage) {
    this.#run = run;
    this.#planned = planned;
  }

  /** `[build 2/4]`: the stage, and which of its steps. */
  prefix(number: number): string {
    const { stage, label, base } = this.#planned;
    // Of a base that is nothing to fetch no step is shown.
    const from = base.kind === "image" ? 1 : 0;
    this.#shown ??=
      [...this.#triggers, ...stage.instructions.map(({ action }) => action)].filter(({ kind }) =>
        SHOWN.includes(kind),
      ).length + from;
    const name = this.#run.graph.needed.length > 1 || stage.name !== undefined ? `${label} ` : "";
    const all = String(this.#shown);
    return `[${name}${String(number + from).padStart(all.length)}/${all}]`;
  }

  async run(begun: BuiltStage, instructions: readonly Instruction[]): Promise<BuiltStage> {
    let stage = begun;
    for (const { action, text, place } of instructions) {
      stage = await this.#one(stage, action, text, place);
    }
    return stage;
  }

  /** After what the base has for those who build on it. */
  async triggered(begun: BuiltStage, triggers: readonly string[]): Promise<BuiltStage> {
    let stage = begun;
    this.#triggers = triggers.map(parseTrigger);
    this.#shown = undefined;
    for (const [n, trigger] of triggers.entries()) {
      const action = this.#triggers[n] as Action;
      stage = await this.#one(stage, action, trigger, this.#planned.stage.place);
    }
    return stage;
  }

  async #one(before: BuiltStage, action: Action, text: string, place: Place): Promise<BuiltStage> {
    this.#run.mustGoOn();
    const { dockerfile, graph, options } = this.#run;
    const buildArgs = new Map(Object.entries(options.buildArgs ?? {}));
    const { escape: escapeSign } = dockerfile.directives;
    const expansion = { escape: escapeSign, buildArgs, globals: graph.globals } as const;
    try {
      switch (action.kind) {
        case "RUN":
        case "COPY":
        case "ADD":
        case "WORKDIR":
          this.#number++;
          return await this.#run.progress.step(
            `${this.prefix(this.#number)} ${shown(text)}`,
            (progress) => this.#step(action, this.#context(before, text, expansion, progress)),
          );
        default:
          return { ...before, state: changed(before.state, action, expansion) };
      }
    } catch (error) {
      throw failedAt(this.#run.source, place, error);
    }
  }

  #context(
    before: BuiltStage,
    text: string,
    expansion: ExpansionContext,
    progress: StepProgress,
  ): StepContext {
    const variables = variablesOf(before.state);
    const { noCache, noCacheStages } = this.#run.options;
    const isFresh = noCache === true || noCacheStages?.includes(this.#planned.label) === true;
    return {
      ...{ run: this.#run, planned: this.#planned, before, text, expansion, progress, isFresh },
      expanded: (words) => expand(words, variables, expansion),
      cached: (key, make) => this.#cached(key, text, progress, isFresh, make),
    };
  }

  #step(
    action: ActionOf<"RUN" | "COPY" | "ADD" | "WORKDIR">,
    context: StepContext,
  ): Promise<BuiltStage> {
    if (action.kind === "RUN") return runStep(action, context);
    if (action.kind === "WORKDIR") return workdirStep(action, context);
    return copyStep(action, context);
  }

  async #cached(
    key: string,
    text: string,
    progress: StepProgress,
    isFresh: boolean,
    make: () => Promise<string | MadeLayer>,
  ): Promise<FoundStep> {
    const { services } = this.#run;
    const found = isFresh ? undefined : await services.cache.find(key);
    if (found) {
      progress.cached();
      return found;
    }
    const made = await make();
    const { diffId, isOfItsKey } =
      typeof made === "string" ? { diffId: made, isOfItsKey: true } : made;
    if (!isOfItsKey) return { diffId, createdMs: this.#run.nowMs() };
    return services.cache.put(key, shown(text), diffId, this.#run.nowMs());
  }
}

/** A stage with one more layer, and the step that made it in its history. */
export function withLayer(
  { run, before }: StepContext,
  { diffId, createdMs }: FoundStep,
  createdBy: string,
): BuiltStage {
  const layer: StageLayer = { diffId, descriptor: run.services.layers.descriptor(diffId) };
  const state = noted(before.state, createdBy, new Date(createdMs).toISOString());
  return { ...before, state, layers: [...before.layers, layer] };
}

/** Makes the directory if it is not there, as the stage's user. */
async function workdirStep(
  { path: words }: ActionOf<"WORKDIR">,
  context: StepContext,
): Promise<BuiltStage> {
  const { run, before, expanded, cached } = context;
  const { layers, cache, files, hasher } = run.services;
  const path = resolvedPath(before.state.process, expanded(words));
  const diffIds = diffIdsOf(before);
  const { User = "" } = before.state.process;
  const root = layers.chainId(diffIds);
  const found = await cached(
    cache.key("WORKDIR", { path, root, User, newest: run.newest }),
    async () => {
      const below = await layers.tree(diffIds);
      const { passwd, group } = await layers.accounts(diffIds);
      const { uid, gid } = resolveUser(User, passwd, group);
      const rules = { target: `${path}/`, rootOwned: false, parents: false, exclude: [], below };
      const members = new CopiedMembers({ ...rules, owner: { uid, gid } });
      members.makeTarget(Math.floor(run.nowMs() / 1000));
      const all = members.finish();
      return all.length === 0
        ? EMPTY_LAYER
        : layers.make(new CopyLayer(files, hasher, all, run.newest).tar());
    },
  );
  const createdBy = `WORKDIR ${path}`;
  const made =
    found.diffId === EMPTY_LAYER
      ? { ...before, state: noted(before.state, createdBy) }
      : withLayer(context, found, createdBy);
  const process = { ...made.state.process, WorkingDir: path };
  return { ...made, state: { ...made.state, process } };
}

/** An instruction in one line. */
const shown = (text: string): string => text.replace(/\s+/g, " ");
