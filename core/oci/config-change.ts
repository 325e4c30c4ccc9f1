// Changes to an image's config as a Dockerfile writes them: `--change 'CMD ["sh"]'`.
// Source: Dockerfile reference; OCI image-spec, config.md.

import { NacreError } from "../error.ts";
import { empties } from "./empties.ts";
import { portRangeOf } from "./exposed-ports.ts";
import type { ImageProcess } from "./image.ts";

type Change = (process: ImageProcess, words: string) => ImageProcess;

const CHANGES: Readonly<Record<string, Change>> = {
  CMD: (process, words) => ({ ...process, Cmd: commandOf(process, words) }),
  // As a build has it: what the base says to run was meant for the base's entry point.
  ENTRYPOINT: ({ Cmd: _, ...process }, words) => {
    return { ...process, Entrypoint: commandOf(process, words) };
  },
  ENV: (process, words) => ({ ...process, Env: withVariables(process.Env ?? [], pairs(words)) }),
  LABEL: (process, words) => {
    return { ...process, Labels: { ...process.Labels, ...Object.fromEntries(pairs(words)) } };
  },
  EXPOSE: (process, words) => {
    const ports = empties(words.split(/\s+/).map(portOf));
    return { ...process, ExposedPorts: { ...process.ExposedPorts, ...ports } };
  },
  VOLUME: (process, words) => {
    const paths = empties(jsonWords(words) ?? words.split(/\s+/));
    return { ...process, Volumes: { ...process.Volumes, ...paths } };
  },
  ONBUILD: (process, words) => ({ ...process, OnBuild: [...(process.OnBuild ?? []), words] }),
  STOPSIGNAL: (process, words) => ({ ...process, StopSignal: words }),
  USER: (process, words) => ({ ...process, User: words }),
  WORKDIR: (process, words) => {
    const from = words.startsWith("/") ? "" : (process.WorkingDir ?? "");
    return { ...process, WorkingDir: `${from.replace(/\/$/, "")}/${words.replace(/^\//, "")}` };
  },
};

/**
 * What a config's process is after one instruction.
 * @throws NacreError `invalid` for another instruction than those that change a config
 */
export function changedProcess(process: ImageProcess, text: string): ImageProcess {
  const [, name = "", words = ""] = /^\s*(\S+)\s*([\s\S]*?)\s*$/.exec(text) ?? [];
  const change = CHANGES[name.toUpperCase()];
  if (!change) {
    throw new NacreError("invalid", `${JSON.stringify(text)} changes no image's config`, {
      advice: `It begins with one of ${Object.keys(CHANGES).join(", ")}.`,
    });
  }
  if (words === "") throw new NacreError("invalid", `${name.toUpperCase()} needs an argument`);
  return change(process, words);
}

/** Variables with others added; those of the same name are replaced where they stand. */
export function withVariables(
  before: readonly string[],
  added: readonly (readonly [name: string, value: string])[],
): string[] {
  const all = new Map(before.map((one) => [one.split("=", 1)[0] ?? "", one]));
  for (const [name, value] of added) all.set(name, `${name}=${value}`);
  return [...all.values()];
}

/** The JSON form as it is; anything else is a script. */
function commandOf({ Shell = ["/bin/sh", "-c"] }: ImageProcess, words: string): string[] {
  return jsonWords(words) ?? [...Shell, words];
}

function jsonWords(words: string): string[] | undefined {
  if (!words.startsWith("[")) return undefined;
  try {
    const all: unknown = JSON.parse(words);
    const isList = Array.isArray(all) && all.every((word) => typeof word === "string");
    return isList ? (all as string[]) : undefined;
  } catch {
    return undefined;
  }
}

/** A range stays one, as it is written. */
function portOf(text: string): string {
  const { first, last, protocol } = portRangeOf(text);
  return `${first === last ? first : `${first}-${last}`}/${protocol}`;
}

/** `A=1 B="two words"`, or the older `A the rest`. */
function pairs(words: string): [string, string][] {
  if (!/^[^\s=]+=/.test(words)) {
    const [, name = "", rest = ""] = /^(\S+)\s*([\s\S]*)$/.exec(words) ?? [];
    if (rest === "") throw notAPair(words);
    return [[name, rest]];
  }
  return splitWords(words).map((word) => {
    const equals = word.indexOf("=");
    if (equals < 1) throw notAPair(word);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

function notAPair(word: string): NacreError {
  return new NacreError("invalid", `${JSON.stringify(word)} is not NAME=VALUE`);
}

/** Words as a shell splits them: quotes hold together and go, a backslash takes what follows as it is. */
function splitWords(words: string): string[] {
  const found: string[] = [];
  for (const [word] of words.matchAll(
    /(?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*'?|")+/g,
  )) {
    found.push(
      word.replace(
        /"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|\\([\s\S])/g,
        (_, double?: string, single?: string, escaped?: string) =>
          double?.replace(/\\(["\\$])/g, "$1") ?? single ?? escaped ?? "",
      ),
    );
  }
  return found;
}
