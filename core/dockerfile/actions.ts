// From an instruction's arguments to what it says. One function an instruction.
// Source: https://docs.docker.com/reference/dockerfile/.

import type { ImageHealthcheck } from "../oci/image.ts";
import { durationNs, type GivenFlags, readFlags, WordFault } from "./flags.ts";
import type { Action, CommandForm, CopyForm, Pair } from "./instruction.ts";
import { type Directives, type Heredoc, heredocOf } from "./lines.ts";
import { jsonWords, plainWords, rawWords, splitFlags } from "./words.ts";

/** An instruction that was taken apart as far as that is the same for all. */
export interface Arguments {
  /** In upper case. */
  readonly name: string;
  /** Behind the flags. */
  readonly rest: string;
  readonly flags: GivenFlags;
  readonly mark: Directives["escape"];
  readonly heredocs: readonly Heredoc[];
}

type Reader = (given: Arguments) => Action;
type Flags = Parameters<typeof readFlags>[1];

const COPY_FLAGS: Flags = {
  ...({ chown: "text", chmod: "text", link: "yes", parents: "yes", exclude: "list" } as const),
};
const CHECK_TIMES = {
  ...{ interval: "Interval", timeout: "Timeout", "start-period": "StartPeriod" },
  ...{ "start-interval": "StartInterval" },
} as const;

const READERS: Readonly<Record<string, { readonly flags: Flags; readonly read: Reader }>> = {
  RUN: { flags: { mount: "list", network: "text", security: "text" }, read: readRun },
  COPY: { flags: { from: "text", ...COPY_FLAGS }, read: readCopy },
  ADD: {
    flags: { checksum: "text", "keep-git-dir": "yes", unpack: "yes", ...COPY_FLAGS },
    read: readAdd,
  },
  ARG: { flags: {}, read: readArg },
  ENV: { flags: {}, read: (given) => ({ kind: "ENV", variables: readPairs(given) }) },
  LABEL: { flags: {}, read: (given) => ({ kind: "LABEL", labels: readPairs(given) }) },
  CMD: { flags: {}, read: (given) => ({ kind: "CMD", command: readCommand(given) }) },
  ENTRYPOINT: {
    flags: {},
    read: (given) => ({ kind: "ENTRYPOINT", command: readCommand(given) }),
  },
  HEALTHCHECK: {
    flags: {
      interval: "text",
      timeout: "text",
      "start-period": "text",
      "start-interval": "text",
      retries: "text",
    },
    read: readHealthcheck,
  },
  EXPOSE: {
    flags: {},
    read: (given) => ({ kind: "EXPOSE", ports: atLeastOne(given, plainWords(given.rest)) }),
  },
  VOLUME: { flags: {}, read: readVolume },
  WORKDIR: { flags: {}, read: (given) => ({ kind: "WORKDIR", path: exactlyOne(given) }) },
  USER: { flags: {}, read: (given) => ({ kind: "USER", user: exactlyOne(given) }) },
  STOPSIGNAL: { flags: {}, read: (given) => ({ kind: "STOPSIGNAL", signal: exactlyOne(given) }) },
  SHELL: { flags: {}, read: readShell },
  ONBUILD: { flags: {}, read: readOnbuild },
  MAINTAINER: { flags: {}, read: (given) => ({ kind: "MAINTAINER", name: exactlyOne(given) }) },
};

/** In capitals, as the parser has made it. */
export const isInstruction = (name: string): boolean => name === "FROM" || name in READERS;
export const INSTRUCTIONS: readonly string[] = ["FROM", ...Object.keys(READERS)];

/** What a line with one instruction says. @throws WordFault, NacreError `invalid` */
export function readAction(
  text: string,
  mark: Directives["escape"],
  heredocs: readonly Heredoc[],
): Action {
  const [, word = "", behind = ""] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
  const name = word.toUpperCase();
  const reader = READERS[name];
  if (!reader) throw new WordFault(`unknown instruction: ${word}`, word);
  // A trigger's flags are the trigger's.
  const { flags, rest } =
    name === "ONBUILD" ? { flags: [], rest: behind } : splitFlags(behind, mark);
  const given = readFlags(name, reader.flags, flags);
  return reader.read({ name, rest, flags: given, mark, heredocs });
}

// -- arguments ------------------------------------------------------------------------------------

function exactlyOne({ name, rest }: Arguments): string {
  if (rest === "") throw new WordFault(`${name} requires exactly one argument`, name);
  return rest;
}

function atLeastOne({ name }: Arguments, words: string[]): string[] {
  if (words.length === 0) throw new WordFault(`${name} requires at least one argument`, name);
  return words;
}

function list({ rest }: Arguments): string[] | undefined {
  const words = jsonWords(rest);
  if (words !== "mixed") return words;
  throw new WordFault("a list in JSON may hold nothing but strings", rest);
}

function readCommand(given: Arguments): CommandForm {
  const words = list(given);
  if (words) return { words, shell: false };
  return { words: given.rest === "" ? [] : [given.rest], shell: true };
}

function readPairs(given: Arguments): Pair[] {
  const { name, rest, mark } = given;
  const words = atLeastOne(given, rawWords(rest, mark));
  if (!(words[0] as string).includes("=")) {
    const [, key = "", value] = /^(\S+)\s+([\s\S]+)$/.exec(rest) ?? [];
    if (value === undefined) throw new WordFault(`${name} must have two arguments`, rest);
    return [{ name: key, value, spaced: true }];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 0)
      throw new WordFault(
        `there is no = in ${JSON.stringify(word)}`,
        word,
        `Write ${name} NAME=VALUE, with quotes around values that hold spaces.`,
      );
    if (equals === 0) throw new WordFault(`${name} names can not be blank`, word);
    return { name: word.slice(0, equals), value: word.slice(equals + 1), spaced: false };
  });
}

// -- instructions ---------------------------------------------------------------------------------

function readRun(given: Arguments): Action {
  const { flags, heredocs } = given;
  const network = flags.text("network");
  const security = flags.text("security") ?? "sandbox";
  if (security !== "sandbox" && security !== "insecure") {
    throw new WordFault(
      `--security=${security}: there are sandbox and insecure`,
      `--security=${security}`,
    );
  }
  return {
    kind: "RUN",
    insecure: security === "insecure",
    command: readCommand(given),
    heredocs,
    mounts: flags.list("mount"),
    ...(network !== undefined && { network }),
  };
}

function copyForm(given: Arguments): CopyForm {
  const { name, rest, flags, heredocs } = given;
  const words = list(given) ?? plainWords(rest);
  if (words.length === 0) throw new WordFault(`${name} requires at least two arguments`, name);
  const target = words.at(-1) as string;
  if (words.length === 1) {
    throw new WordFault(
      `${name} requires at least two arguments, but only one was provided`,
      target,
      "The last one says where to.",
    );
  }
  const names = new Set(heredocs.map((one) => one.name));
  const isHeredoc = (word: string): boolean => names.has(heredocOf(word)?.name ?? "");
  if (isHeredoc(target)) throw new WordFault("a here-document cannot be a target", target);
  const [chown, chmod] = [flags.text("chown"), flags.text("chmod")];
  return {
    sources: words.slice(0, -1).filter((word) => !isHeredoc(word)),
    target,
    heredocs,
    ...(chown !== undefined && { chown }),
    ...(chmod !== undefined && { chmod }),
    link: flags.yes("link") ?? false,
    parents: flags.yes("parents") ?? false,
    exclude: flags.list("exclude"),
  };
}

function readCopy(given: Arguments): Action {
  const from = given.flags.text("from");
  return { kind: "COPY", ...(from !== undefined && { from }), ...copyForm(given) };
}

function readAdd(given: Arguments): Action {
  const { flags } = given;
  const [checksum, unpack] = [flags.text("checksum"), flags.yes("unpack")];
  return {
    kind: "ADD",
    ...(checksum !== undefined && { checksum }),
    ...(unpack !== undefined && { unpack }),
    keepGitDir: flags.yes("keep-git-dir") ?? false,
    ...copyForm(given),
  };
}

function readArg(given: Arguments): Action {
  const words = atLeastOne(given, rawWords(given.rest, given.mark));
  const variables = words.map((word) => {
    const equals = word.indexOf("=");
    if (equals === 0) throw new WordFault("ARG names can not be blank", word);
    if (equals < 0) return { name: word };
    return { name: word.slice(0, equals), value: word.slice(equals + 1) };
  });
  return { kind: "ARG", variables };
}

function readHealthcheck(given: Arguments): Action {
  const { rest, flags } = given;
  const [, type = "", command = ""] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
  if (type === "") throw new WordFault("HEALTHCHECK requires at least one argument", given.name);
  if (type.toUpperCase() === "NONE") {
    if (command !== "") throw new WordFault("HEALTHCHECK NONE takes no arguments", command);
    return { kind: "HEALTHCHECK", check: { Test: ["NONE"] } };
  }
  if (type.toUpperCase() !== "CMD") {
    throw new WordFault(
      `unknown type ${JSON.stringify(type)} of HEALTHCHECK`,
      type,
      "It is CMD or NONE.",
    );
  }
  const words = list({ ...given, rest: command }) ?? [];
  if (words.length === 0 && (command === "" || command.startsWith("[]"))) {
    throw new WordFault("HEALTHCHECK CMD needs a command", type);
  }
  const Test = words.length > 0 ? ["CMD", ...words] : ["CMD-SHELL", command];
  return { kind: "HEALTHCHECK", check: { Test, ...checkTimes(flags), ...checkRetries(flags) } };
}

/** What is 0 says nothing. */
function checkTimes(flags: GivenFlags): Partial<ImageHealthcheck> {
  const times: Record<string, number> = {};
  for (const [flag, key] of Object.entries(CHECK_TIMES)) {
    const text = flags.text(flag);
    const time = text === undefined ? 0 : durationNs(text);
    if (time === 0) continue;
    if (time < 1e6) throw new WordFault(`--${flag} cannot be less than 1ms`, text ?? "");
    times[key] = time;
  }
  return times;
}

function checkRetries(flags: GivenFlags): { Retries?: number } {
  const text = flags.text("retries");
  if (text === undefined || text === "0") return {};
  if (!/^\d+$/.test(text)) throw new WordFault("--retries takes a whole number", text);
  return { Retries: Number(text) };
}

function readVolume(given: Arguments): Action {
  const paths = atLeastOne(given, list(given) ?? plainWords(given.rest));
  if (paths.some((path) => path.trim() === "")) {
    throw new WordFault("VOLUME specified can not be an empty string", given.rest);
  }
  return { kind: "VOLUME", paths };
}

function readShell(given: Arguments): Action {
  const words = list(given);
  if (!words && given.rest !== "") {
    throw new WordFault(
      "SHELL takes a list in JSON",
      given.rest,
      'It looks like SHELL ["/bin/sh", "-c"].',
    );
  }
  return { kind: "SHELL", words: atLeastOne(given, words ?? []) };
}

function readOnbuild(given: Arguments): Action {
  const { rest, mark, heredocs } = given;
  const [name = ""] = rest.split(/\s/, 1);
  if (name === "") throw new WordFault("ONBUILD requires at least one argument", given.name);
  if (["ONBUILD", "FROM", "MAINTAINER"].includes(name.toUpperCase())) {
    throw new WordFault(`${name.toUpperCase()} isn't allowed as an ONBUILD trigger`, rest);
  }
  return { kind: "ONBUILD", trigger: rest, action: readAction(rest, mark, heredocs) };
}
