// What an image's config is after each instruction. Pure: files are none of its business.

import { withVariables } from "../oci/config-change.ts";
import { empties } from "../oci/empties.ts";
import { portRangeOf, portsIn } from "../oci/exposed-ports.ts";
import type { ImageConfig, ImageProcess, Platform } from "../oci/image.ts";
import { expand, expandWords, type Variables } from "./expansion.ts";
import type { Action, CommandForm, Pair } from "./instruction.ts";
import type { Directives } from "./lines.ts";

type Step = NonNullable<ImageConfig["history"]>[number];

/** A stage between two instructions. */
export interface ImageState {
  readonly platform: Platform;
  readonly process: ImageProcess;
  readonly history: readonly Step[];
  /** ISO date of the newest layer, which the instructions after it have, too. */
  readonly created: string;
  readonly author?: string;
  /** ARGs of this stage that have a value. */
  readonly args: ReadonlyMap<string, string>;
  /** CMD was said in this stage, not in its base. */
  readonly saidCommand: boolean;
}

export interface ExpansionContext {
  readonly escape: Directives["escape"];
  readonly buildArgs: Variables;
  /** What an ARG without a value gets: those before the first FROM, and the platforms. */
  readonly globals: Variables;
}

const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
export const DEFAULT_SHELL: readonly string[] = ["/bin/sh", "-c"];
const HISTORY_COMMENT = "buildkit.dockerfile.v0";

/** A stage on nothing. */
export function emptyState(platform: Platform, created: string): ImageState {
  const process = { Env: [DEFAULT_PATH], WorkingDir: "/" };
  return { platform, process, history: [], created, args: new Map(), saidCommand: false };
}

/** A stage on an image; its ONBUILD triggers are for the caller to carry out. */
export function stateOf(config: ImageConfig, created: string): ImageState {
  const { os, architecture, variant, author } = config;
  const { OnBuild, ...process } = config.config ?? {};
  const env = process.Env ?? [];
  const hasPath = env.some((one) => one.startsWith("PATH="));
  return {
    platform: { os, architecture, ...(variant !== undefined && { variant }) },
    process: hasPath ? process : { ...process, Env: [DEFAULT_PATH, ...env] },
    history: wholeHistory(config, created),
    created,
    ...(author !== undefined && { author }),
    args: new Map(),
    saidCommand: false,
  };
}

/** With a step for each layer: some who make images leave theirs out. */
function wholeHistory({ history = [], rootfs }: ImageConfig, created: string): readonly Step[] {
  const known = history.filter((step) => step.empty_layer !== true).length;
  const missing = Math.max(0, rootfs.diff_ids.length - known);
  return [...history, ...Array.from({ length: missing }, () => ({ created }))];
}

/** The same as the base of another stage. */
export function inherited(state: ImageState): ImageState {
  const { OnBuild, ...process } = state.process;
  return { ...state, process, args: new Map(), saidCommand: false };
}

/** What `$X` is in an instruction: variables of the image before ARGs. */
export function variablesOf({ process, args }: ImageState): Variables {
  const all = new Map(args);
  for (const one of process.Env ?? []) {
    const equals = one.indexOf("=");
    all.set(one.slice(0, equals), one.slice(equals + 1));
  }
  return all;
}

/** Notes a step. One with a layer has its date. */
export function noted(state: ImageState, createdBy: string, layerCreated?: string): ImageState {
  const created = layerCreated ?? state.created;
  const step: Step = {
    ...{ created, created_by: createdBy, comment: HISTORY_COMMENT },
    ...(layerCreated === undefined && { empty_layer: true }),
  };
  return { ...state, created, history: [...state.history, step] };
}

type ConfigAction = Exclude<Action, { readonly kind: "RUN" | "COPY" | "ADD" | "WORKDIR" }>;

/** After an instruction that makes no layer. NacreError `invalid`. */
export function changed(
  state: ImageState,
  action: ConfigAction,
  context: ExpansionContext,
): ImageState {
  const one = (text: string): string => expand(text, variablesOf(state), context);
  const { process } = state;
  const next = (changes: Partial<ImageProcess>, by: string, more: Partial<ImageState> = {}) =>
    noted({ ...state, ...more, process: { ...process, ...changes } }, by);
  switch (action.kind) {
    case "ARG":
      return withArgs(state, action.variables, context);
    case "ENV": {
      const pairs = expanded(action.variables, one);
      return next({ Env: withVariables(process.Env ?? [], pairs) }, `ENV ${shownPairs(pairs)}`);
    }
    case "LABEL": {
      const pairs = expanded(action.labels, one);
      const Labels = { ...process.Labels, ...Object.fromEntries(pairs) };
      return next({ Labels }, `LABEL ${shownPairs(pairs)}`);
    }
    case "CMD": {
      const Cmd = commandOf(process, action.command);
      return next({ Cmd }, `CMD ${JSON.stringify(Cmd)}`, { saidCommand: true });
    }
    case "ENTRYPOINT": {
      const Entrypoint = commandOf(process, action.command);
      // What the base says to run was meant for the base's entry point.
      const { Cmd, ...rest } = process;
      const kept = state.saidCommand ? process : rest;
      const by = `ENTRYPOINT ${JSON.stringify(Entrypoint)}`;
      return noted({ ...state, process: { ...kept, Entrypoint } }, by);
    }
    case "USER": {
      const User = one(action.user);
      return next({ User }, `USER ${User}`);
    }
    case "STOPSIGNAL": {
      const StopSignal = one(action.signal);
      return next({ StopSignal }, `STOPSIGNAL ${StopSignal}`);
    }
    case "EXPOSE": {
      const words = action.ports.flatMap((port) => expandWords(port, variablesOf(state), context));
      const ports = words.flatMap((word) => portsIn(portRangeOf(word)));
      const ExposedPorts = { ...process.ExposedPorts, ...empties(ports) };
      return next({ ExposedPorts }, `EXPOSE [${ports.join(" ")}]`);
    }
    case "VOLUME": {
      const paths = action.paths.map(one);
      return next(
        { Volumes: { ...process.Volumes, ...empties(paths) } },
        `VOLUME [${paths.join(" ")}]`,
      );
    }
    case "SHELL":
      return next({ Shell: action.words }, `SHELL [${action.words.join(" ")}]`);
    case "HEALTHCHECK":
      return next({ Healthcheck: action.check }, `HEALTHCHECK ${JSON.stringify(action.check)}`);
    case "ONBUILD": {
      const OnBuild = [...(process.OnBuild ?? []), action.trigger];
      return next({ OnBuild }, `ONBUILD ${action.trigger}`);
    }
    case "MAINTAINER":
      return noted({ ...state, author: action.name }, `MAINTAINER ${action.name}`);
  }
}

/** A command's words, a line for a shell with the shell before it. */
export function commandOf({ Shell }: ImageProcess, { words, shell }: CommandForm): string[] {
  return shell && words.length > 0 ? [...(Shell ?? DEFAULT_SHELL), ...words] : [...words];
}

function withArgs(
  state: ImageState,
  variables: Extract<Action, { kind: "ARG" }>["variables"],
  context: ExpansionContext,
): ImageState {
  let now = state;
  const shown: string[] = [];
  for (const { name, value } of variables) {
    const fallback =
      value === undefined ? context.globals.get(name) : expand(value, variablesOf(now), context);
    const given = context.buildArgs.get(name) ?? fallback;
    shown.push(given === undefined ? name : `${name}=${given}`);
    if (given !== undefined) now = { ...now, args: new Map(now.args).set(name, given) };
  }
  return noted(now, `ARG ${shown.join(" ")}`);
}

const expanded = (pairs: readonly Pair[], one: (text: string) => string) =>
  pairs.map(({ name, value }) => [one(name), one(value)] as const);

const shownPairs = (pairs: readonly (readonly [string, string])[]): string =>
  pairs.map(([name, value]) => `${name}=${value}`).join(" ");

/** Where a WORKDIR, or a path that is taken from there, leads. */
export function resolvedPath(process: ImageProcess, path: string): string {
  const whole = path.startsWith("/") ? path : `${process.WorkingDir ?? ""}/${path}`;
  const names: string[] = [];
  for (const name of whole.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}
