// Builtins about other processes and signals: trap, wait, jobs, kill.

import { SIGNALS, signalName, signalNumber } from "@nacre/core/program/signals.ts";
import { errnoOf } from "../errno.ts";
import { errorText } from "../error-text.ts";
import type { ProgramContext } from "../program.ts";
import type { Shell } from "./interpreter.ts";
import type { Streams } from "./redirection.ts";
import { ShellError } from "./state.ts";
import { trapName, trapNumber } from "./traps.ts";

export async function trap(
  shell: Shell,
  words: readonly string[],
  streams: Streams,
): Promise<number> {
  const [action, ...names] = words[0] === "--" ? words.slice(1) : words;
  if (action === undefined) {
    for (const [signal, text] of shell.state.traps) {
      const quoted = `'${text.replaceAll("'", "'\\''")}'`;
      await streams.get(1)?.write(`trap -- ${quoted} ${trapName(signal)}\n`);
    }
    return 0;
  }
  // A number alone, or names without an action, give back what the signals did.
  const resets = names.length === 0 || action === "-";
  for (const name of names.length === 0 ? [action] : names) {
    const signal = trapNumber(name);
    if (signal === undefined) throw new ShellError(`trap: ${name}: invalid signal specification`);
    shell.traps.set(signal, resets ? undefined : action);
  }
  return 0;
}

/** `%2` is the second job, `%%` the last. */
function jobPid({ state }: Shell, word: string): number {
  if (!word.startsWith("%")) return Number(word);
  const all = [...state.jobNumbers];
  const found = /^%\d+$/.test(word)
    ? all.find(([, number]) => number === Number(word.slice(1)))
    : all.at(-1);
  return found?.[0] ?? Number.NaN;
}

/** `wait -n`: the first that ends. */
async function waitForOne(shell: Shell): Promise<number> {
  const { jobs } = shell.state;
  if (jobs.size === 0) return 127;
  const ends = [...jobs].map(async ([pid, { exited }]) => ({ pid, code: await exited }));
  const first = await Promise.race([...ends, shell.traps.arrived]);
  if (first === undefined) return 128 + SIGNALS.TERM;
  shell.state.removeJob(first.pid);
  return first.code;
}

/** Ends before the jobs do where a signal comes that has a trap: 128 and more. */
export async function wait(shell: Shell, words: readonly string[]): Promise<number> {
  if (words[0] === "-n") return waitForOne(shell);
  const { jobs } = shell.state;
  const pids = words.length > 0 ? words.map((word) => jobPid(shell, word)) : [...jobs.keys()];
  let code = 0;
  for (const pid of pids) {
    const job = jobs.get(pid);
    if (!job) {
      code = 127;
      continue;
    }
    const ended = await Promise.race([job.exited, shell.traps.arrived]);
    if (ended === undefined) return 128 + SIGNALS.TERM;
    shell.state.removeJob(pid);
    code = words.length > 0 ? ended : 0;
  }
  return code;
}

export async function listJobs(
  shell: Shell,
  _: readonly string[],
  streams: Streams,
): Promise<number> {
  for (const [pid, number] of shell.state.jobNumbers) {
    await streams.get(1)?.write(`[${number}] ${pid} Running\n`);
  }
  return 0;
}

/** All names, or that of a number, which may be an exit code, or the number of a name. */
function listed(words: readonly string[]): { code: number; text: string } {
  if (words.length === 0) return { code: 0, text: `${Object.keys(SIGNALS).join(" ")}\n` };
  const found = words.map((word) =>
    /^\d+$/.test(word)
      ? signalName(Number(word) > 128 ? Number(word) - 128 : Number(word))
      : signalNumber(word),
  );
  const bad = words.find((_, i) => found[i] === undefined);
  if (bad !== undefined) return { code: 1, text: `kill: bad signal name '${bad}'\n` };
  return { code: 0, text: found.map((each) => `${each}\n`).join("") };
}

/** kill(1): `kill [-SIGNAL | -s SIGNAL] PID…`, `kill -l`. What cannot be done is returned as text. */
export function kill(
  context: ProgramContext,
  words: readonly string[],
): { code: number; text: string } {
  const rest = [...words];
  let signal: number = SIGNALS.TERM;
  if (rest[0] === "-l") return listed(rest.slice(1));
  if (rest[0] === "-s" || rest[0] === "-n" || /^-[A-Za-z0-9]+$/.test(rest[0] ?? "")) {
    const first = rest.shift() as string;
    const name = first === "-s" || first === "-n" ? (rest.shift() ?? "") : first.slice(1);
    const found = name === "0" ? 0 : signalNumber(name);
    if (found === undefined) return { code: 1, text: `kill: bad signal name '${name}'\n` };
    signal = found;
  }
  if (rest[0] === "--") rest.shift();
  let text = rest.length === 0 ? "kill: you need to specify whom to kill\n" : "";
  for (const word of rest) {
    try {
      if (!/^-?\d+$/.test(word)) throw new ShellError(`invalid number '${word}'`);
      context.kill(Number(word), signal);
    } catch (error) {
      if (errnoOf(error) !== undefined)
        text += `kill: can't kill pid ${word}: ${errorText(error)}\n`;
      else if (error instanceof ShellError) text += `kill: ${error.message}\n`;
      else throw error;
    }
  }
  return { code: text === "" ? 0 : 1, text };
}

export async function killJobs(
  shell: Shell,
  words: readonly string[],
  streams: Streams,
): Promise<number> {
  const pids = words.map((word) => (word.startsWith("%") ? String(jobPid(shell, word)) : word));
  const { code, text } = kill(shell.context, pids);
  await streams.get(code === 0 ? 1 : 2)?.write(text);
  return code;
}
