// What `run` and `exec` both say of the process that they start in a container. Apart, so that `exec`
// loads none of what only containers are made with.

import type { ProcessStreams } from "@nacre/core/ports/kernel.ts";
import { FlagError } from "./flag-error.ts";
import type { Host } from "./host.ts";
import { flag, list, text, type Values, value } from "./options.ts";
import {
  environmentText,
  parseEnvironmentFile,
  parseVariable,
  resolveVariables,
} from "./parse/environment.ts";

export const ENTERING_OPTIONS = {
  detach: flag(["detach", "d"], "Run in the background and print the container's ID"),
  env: list(
    ["env", "e"],
    "K=V",
    "Set an environment variable; a bare K passes yours on",
    parseVariable,
  ),
  envFile: list(["env-file"], "file", "Read environment variables, one a line", String, "files"),
  interactive: flag(["interactive", "i"], "Keep standard input open"),
  tty: flag(["tty", "t"], "Give the process a terminal"),
  user: text(["user", "u"], "user[:group]", "User and group, by name or number"),
  workdir: text(["workdir", "w"], "dir", "The working directory in the container"),
};

/** Descriptors of whoever calls us, for the process. Only what is started at once can have them. */
export const PASSED_OPTIONS = {
  preserveFd: list(
    ["preserve-fd"],
    "fd[,fd]",
    "Pass these of your descriptors on, by the numbers that they have",
    parseDescriptors,
  ),
  preserveFds: value(["preserve-fds"], "N", "Pass N of your descriptors on, from 3", (word) =>
    parseCount(word, 0, MOST_PASSED),
  ),
};

const STANDARD = 3;
const MOST_PASSED = 999;

function parseCount(word: string, least: number, most: number): number {
  const number = /^\d{1,4}$/.test(word) ? Number(word) : -1;
  if (number >= least && number <= most) return number;
  throw new FlagError(`a number from ${least} to ${most} is needed`);
}

function parseDescriptors(words: string): readonly number[] {
  return words.split(",").map((word) => parseCount(word, STANDARD, STANDARD + MOST_PASSED - 1));
}

/** As ProcessStreams have them. @throws FlagError, in podman's words, for one that is not open */
export async function passedOf(
  { preserveFd, preserveFds = 0 }: Values<typeof PASSED_OPTIONS>,
  host: Host,
): Promise<Pick<ProcessStreams, "more">> {
  const listed = new Set(preserveFd.flat());
  const count = Math.max(preserveFds, ...[...listed].map((number) => number - STANDARD + 1));
  if (count === 0) return {};
  const wanted = Array.from({ length: count }, (_, i) => STANDARD + i).filter(
    (number) => number < STANDARD + preserveFds || listed.has(number),
  );
  const missing = await host.missing(wanted);
  if (missing !== undefined) {
    throw new FlagError(
      `file descriptor ${missing} is not available: what is passed on must be open, as by ${missing}<FILE in a shell`,
    );
  }
  const more = Array.from({ length: count }, (_, i) => STANDARD + i);
  return { more: more.map((number) => (wanted.includes(number) ? number : undefined)) };
}

/** Ours, of --env-file, `usual` ones, then those of -e: the later wins. */
export function environmentOf(
  values: { readonly env: readonly string[]; readonly envFile: readonly string[] },
  host: Host,
  own: readonly string[] = [],
  usual: readonly string[] = [],
): string[] {
  const fromFiles = values.envFile.flatMap((path) =>
    parseEnvironmentFile(readEnvironmentFile(path, host), path),
  );
  return resolveVariables([...own, ...fromFiles, ...usual, ...values.env], host.environment);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EISDIR: "is a directory",
  EACCES: "permission denied",
};

/** @throws FlagError in docker's words */
export function readEnvironmentFile(path: string, host: Host): string {
  let bytes: Uint8Array;
  try {
    bytes = host.readBytes(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const why = REASONS[String(code)] ?? String(code ?? error);
    throw new FlagError(`open ${path}: ${why}`);
  }
  return environmentText(bytes, path);
}
