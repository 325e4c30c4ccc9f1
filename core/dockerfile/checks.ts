// What is allowed in a Dockerfile and is probably a mistake, under the names that BuildKit has for
// it (https://docs.docker.com/reference/build-checks/). Those rules are here that need nothing but
// the Dockerfile; what a base image would have to be known for is not.

import { NacreError } from "../error.ts";
import type { Place } from "./fault.ts";
import type { Action, Dockerfile, Instruction, Stage } from "./instruction.ts";

export interface Finding {
  readonly rule: string;
  readonly message: string;
  readonly line: number;
}

/** What `# check=` says. */
export interface CheckSettings {
  /** Whether a finding is a fault. */
  readonly error: boolean;
  /** Names of rules, or `all`. */
  readonly skip: readonly string[];
}

/** `skip=RULE,RULE;error=true`. NacreError `invalid`. */
export function parseCheckSettings(text: string | undefined): CheckSettings {
  let settings: CheckSettings = { error: false, skip: [] };
  for (const part of (text ?? "").split(";")) {
    const [, key = "", value = ""] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(part) ?? [];
    if (key === "skip") settings = { ...settings, skip: value.split(",").map((one) => one.trim()) };
    else if (key === "error" && /^(true|false)$/.test(value))
      settings = { ...settings, error: value === "true" };
    else if (key !== "experimental" && part.trim() !== "") {
      throw new NacreError("invalid", `the directive check has ${JSON.stringify(part.trim())}`, {
        advice: "It looks like # check=skip=RULE,RULE;error=true.",
      });
    }
  }
  return settings;
}

/** In the order of their lines, without those that the settings skip. */
export function checksOf(dockerfile: Dockerfile, { skip }: CheckSettings): Finding[] {
  if (skip.includes("all")) return [];
  const found = [
    ...dockerfile.warnings.map(({ line }) =>
      at({ line, column: 1 }, "NoEmptyContinuation", "an empty line continues an instruction"),
    ),
    ...casing(dockerfile),
    ...names(dockerfile.stages),
    ...dockerfile.stages.flatMap((stage) => [...ofFrom(stage, dockerfile), ...ofStage(stage)]),
  ];
  return found.filter(({ rule }) => !skip.includes(rule)).sort((a, b) => a.line - b.line);
}

const at = ({ line }: Place, rule: string, message: string): Finding => ({ rule, message, line });
const nameOf = (text: string): string => text.split(/\s/, 1)[0] ?? "";
const isUpper = (text: string): boolean => text === text.toUpperCase();
const isLower = (text: string): boolean => text === text.toLowerCase();

function* casing({ stages }: Dockerfile): Generator<Finding> {
  const all = stages.flatMap(({ text, place, instructions }) => [{ text, place }, ...instructions]);
  const upper = all.filter(({ text }) => isUpper(nameOf(text))).length;
  const lower = all.filter(({ text }) => isLower(nameOf(text))).length;
  const wanted = upper >= lower ? "uppercase" : "lowercase";
  for (const { text, place } of all) {
    const name = nameOf(text);
    if (wanted === "uppercase" ? isUpper(name) : isLower(name)) continue;
    const why = `${name} is not ${wanted}, as most instructions are`;
    yield at(place, "ConsistentInstructionCasing", why);
  }
}

function* names(stages: readonly Stage[]): Generator<Finding> {
  const known = new Set<string>();
  for (const { name, place, text } of stages) {
    if (name === undefined) continue;
    const [from = "", , as = "", written = ""] = fromWords(text);
    if (!isLower(written))
      yield at(place, "StageNameCasing", `the stage name ${written} is not lowercase`);
    if (isUpper(from) !== isUpper(as))
      yield at(place, "FromAsCasing", `${as} is not written as ${from} is`);
    if (known.has(name))
      yield at(place, "DuplicateStageName", `${name} names a stage before this one, too`);
    if (["context", "scratch"].includes(name))
      yield at(place, "ReservedStageName", `${name} stands for something else`);
    known.add(name);
  }
}

/** FROM, its base, AS and the name, without flags. */
const fromWords = (text: string): string[] =>
  text.split(/\s+/).filter((word) => !word.startsWith("--"));

function* ofFrom({ base, platform, place }: Stage, { args }: Dockerfile): Generator<Finding> {
  const declared = new Set(args.flatMap(({ variables }) => variables.map(({ name }) => name)));
  for (const [, name = ""] of `${base} ${platform ?? ""}`.matchAll(/\$\{?(\w+)/g)) {
    if (declared.has(name) || /^(BUILD|TARGET)(PLATFORM|OS|OSVERSION|ARCH|VARIANT)$/.test(name))
      continue;
    yield at(place, "UndefinedArgInFrom", `no ARG before the first FROM declares ${name}`);
  }
  if (platform === undefined) return;
  if (/^\$\{?TARGETPLATFORM\}?$/.test(platform)) {
    const why = `--platform=${platform} is what it has without it`;
    yield at(place, "RedundantTargetPlatform", why);
  } else if (!platform.includes("$")) {
    const why = `--platform=${platform} is the same for every platform that is built for`;
    yield at(place, "FromPlatformFlagConstDisallowed", why);
  }
}

/** Instructions of which the last one counts. */
const SINGLE: readonly Action["kind"][] = ["CMD", "ENTRYPOINT", "HEALTHCHECK"];

function* ofStage({ instructions }: Stage): Generator<Finding> {
  let isPlaced = false;
  let hasShell = false;
  const last = new Map(instructions.map((one) => [one.action.kind, one]));
  for (const one of instructions) {
    const { action, place } = one;
    if (SINGLE.includes(action.kind) && last.get(action.kind) !== one) {
      const why = `another ${action.kind} of this stage comes later, and counts`;
      yield at(place, "MultipleInstructionsDisallowed", why);
    }
    if (action.kind === "SHELL") hasShell = true;
    if (action.kind === "WORKDIR") {
      const isAbsolute = /^["']?([/\\]|[A-Za-z]:|\$)/.test(action.path);
      if (!isAbsolute && !isPlaced) {
        const why = `${action.path} depends on the working directory of the base image`;
        yield at(place, "WorkdirRelativePath", why);
      }
      isPlaced = true;
    }
    yield* ofInstruction(one, hasShell);
  }
}

/** Words that names of secrets have, and those that say that it is none. */
const SECRET = /(^|_)(apikey|auth|credentials?|key|passw(or)?d|pword|secret|token)(_|$)/i;
const NO_SECRET = /(^|_)public(_|$)|_file$/i;

function* ofInstruction({ action, place }: Instruction, hasShell: boolean): Generator<Finding> {
  switch (action.kind) {
    case "CMD":
    case "ENTRYPOINT":
      if (action.command.shell && !hasShell) {
        const why = `${action.kind} as a line for a shell: signals reach that shell. Write a JSON array`;
        yield at(place, "JSONArgsRecommended", why);
      }
      return;
    case "MAINTAINER":
      yield at(place, "MaintainerDeprecated", "write LABEL org.opencontainers.image.authors=…");
      return;
    case "EXPOSE":
      for (const port of action.ports) {
        const why = `the protocol of ${port} is not lowercase`;
        if (!isLower(port) && !port.includes("$")) yield at(place, "ExposeProtoCasing", why);
        if (/[.:]/.test(port.replace(/\$\{.*?\}/g, "")))
          yield at(place, "ExposeInvalidFormat", `${port} is more than a port and a protocol`);
      }
      return;
    case "ARG":
    case "ENV":
    case "LABEL":
      yield* ofVariables(action, place);
  }
}

function* ofVariables(
  action: Extract<Action, { readonly kind: "ARG" | "ENV" | "LABEL" }>,
  place: Place,
): Generator<Finding> {
  const pairs = action.kind === "LABEL" ? action.labels : action.variables;
  for (const { name, ...more } of pairs) {
    if ("spaced" in more && more.spaced) {
      const why = `write ${action.kind} ${name}=VALUE, not ${action.kind} ${name} VALUE`;
      yield at(place, "LegacyKeyValueFormat", why);
    }
    if (action.kind === "LABEL" || !SECRET.test(name) || NO_SECRET.test(name)) continue;
    const why = `${action.kind} ${name} stays in the image: give secrets by RUN --mount=type=secret`;
    yield at(place, "SecretsUsedInArgOrEnv", why);
  }
}
