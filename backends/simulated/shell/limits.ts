// ulimit: what a process may use at most (POSIX XCU, and the letters that ash and bash add).

import { errnoOf } from "../errno.ts";
import { errorText } from "../error-text.ts";
import type { ResourceLimit } from "../process.ts";
import type { Shell } from "./interpreter.ts";
import type { Streams } from "./redirection.ts";
import { ShellError } from "./state.ts";

interface Resource {
  /** RLIMIT_…: getrlimit(2). */
  readonly number: number;
  readonly title: string;
  /** Bytes in one of what it is counted in. */
  readonly unit: bigint;
}

const resource = (number: number, title: string, unit = 1n): Resource => ({ number, title, unit });

/** In the order in which ash lists them, which counts files in blocks of 512 bytes. */
const RESOURCES: Readonly<Record<string, Resource>> = {
  f: resource(1, "file size (blocks)", 512n),
  t: resource(0, "cpu time (seconds)"),
  d: resource(2, "data seg size (kb)", 1024n),
  s: resource(3, "stack size (kb)", 1024n),
  c: resource(4, "core file size (blocks)", 512n),
  m: resource(5, "resident set size (kb)", 1024n),
  l: resource(8, "locked memory (kb)", 1024n),
  p: resource(6, "processes"),
  u: resource(6, "processes"),
  n: resource(7, "file descriptors"),
  v: resource(9, "address space (kb)", 1024n),
  w: resource(10, "locks"),
  e: resource(13, "scheduling priority"),
  r: resource(14, "real-time priority"),
};

const UNLIMITED = 2n ** 64n - 1n;

/** `-Sn 64`, `-a`, `-c unlimited`: the letters, and the value that is to be. */
function parse(words: readonly string[]): { letters: Set<string>; value: string | undefined } {
  const letters = new Set<string>();
  let value: string | undefined;
  for (const word of words) {
    if (/^-./.test(word)) for (const letter of word.slice(1)) letters.add(letter);
    else value = word;
  }
  for (const letter of letters) {
    if (!"HSa".includes(letter) && !RESOURCES[letter]) {
      throw new ShellError(`ulimit: invalid option -- '${letter}'`, 2);
    }
  }
  return { letters, value };
}

/** As a number of what the resource is counted in. */
function shown({ soft, hard }: ResourceLimit, { unit }: Resource, ofHard: boolean): string {
  const limit = ofHard ? hard : soft;
  return limit === UNLIMITED ? "unlimited" : String(limit / unit);
}

function set(shell: Shell, { number, unit }: Resource, letters: Set<string>, value: string): void {
  const { system } = shell.context;
  if (value !== "unlimited" && !/^\d+$/.test(value))
    throw new ShellError(`bad number: ${value}`, 2);
  const limit = value === "unlimited" ? UNLIMITED : BigInt(value) * unit;
  const { soft, hard } = system.limit(number);
  const both = !letters.has("H") && !letters.has("S");
  system.setLimit(number, {
    soft: both || letters.has("S") ? limit : soft,
    hard: both || letters.has("H") ? limit : hard,
  });
}

/** Soft limits are shown, unless `-H` is said; both are set, unless one is. */
export async function ulimit(
  shell: Shell,
  words: readonly string[],
  streams: Streams,
): Promise<number> {
  const { letters, value } = parse(words);
  const { system } = shell.context;
  const wanted = [...letters].filter((letter) => RESOURCES[letter]);
  const chosen = letters.has("a") ? Object.keys(RESOURCES) : wanted.length > 0 ? wanted : ["f"];
  for (const letter of chosen) {
    const one = RESOURCES[letter] as Resource;
    if (value === undefined) {
      const text = shown(system.limit(one.number), one, letters.has("H"));
      const title = letters.has("a") ? `${one.title.padEnd(32)}(-${letter}) ` : "";
      await streams.get(1)?.write(`${title}${text}\n`);
      continue;
    }
    try {
      set(shell, one, letters, value);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      const text = `${shell.state.name}: ulimit: error setting limit: ${errorText(error)}\n`;
      await streams.get(2)?.write(text);
      return 1;
    }
  }
  return 0;
}
