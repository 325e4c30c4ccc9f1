// A container's process in the foreground: which of our streams it gets, and how signals reach it.

import { NacreError } from "@nacre/core/error.ts";
import type { ProcessStreams } from "@nacre/core/ports/kernel.ts";
import type { Attached } from "@nacre/engine/engine.ts";
import { FlagError } from "./flag-error.ts";
import type { Host } from "./host.ts";
import { FORWARDED } from "./signal-listeners.ts";

interface Foreground {
  readonly interactive: boolean;
  readonly tty: boolean;
  readonly detach: boolean;
  /** Only these, if any are named. */
  readonly attach?: readonly StreamName[];
}

export const STREAM_NAMES = ["stdin", "stdout", "stderr"] as const;
export type StreamName = (typeof STREAM_NAMES)[number];

/** @throws FlagError, with docker's words */
export function parseStreamName(word: string): StreamName {
  const found = STREAM_NAMES.find((name) => name === word.toLowerCase());
  if (found) return found;
  throw new FlagError("valid streams are STDIN, STDOUT and STDERR");
}

/** Whether all that is wanted of a container is to feed it: then it goes on by itself. */
export function onlyFeeds({ attach = [], tty }: Foreground): boolean {
  const feeds = attach.length > 0 && attach.every((name) => name === "stdin");
  if (!feeds || !tty) return feeds;
  throw new NacreError("unsupported", "--attach stdin alone is not for a terminal", {
    advice: "Leave out -t, or attach to stdout as well.",
  });
}

/** @throws NacreError `invalid`, with docker's words, for -it without a terminal */
export function checkTerminal({ interactive, tty, detach }: Foreground, host: Host): void {
  if (interactive && tty && !detach && !host.isTerminal(0)) {
    throw new NacreError("invalid", "the input device is not a TTY", {
      advice: "Leave out -t where standard input is a pipe or a file.",
    });
  }
}

/** Our own descriptors: no byte of a container passes through JavaScript. */
export function streamsOf({ interactive, detach, attach = [] }: Foreground): ProcessStreams {
  if (detach) return { stdin: "ignore", stdout: "ignore", stderr: "ignore" };
  const ours = (name: StreamName) => attach.length === 0 || attach.includes(name);
  return {
    stdin: interactive && ours("stdin") ? 0 : "ignore",
    stdout: ours("stdout") ? 1 : "ignore",
    stderr: ours("stderr") ? 2 : "ignore",
  };
}

/** What a relay needs of a process. */
type Running = Pick<Attached, "exited" | "signal">;

/**
 * Signals of ours that are the container's. From `hold` on they do not end this process; those
 * that come before the container's process is there are handed to it then.
 */
export class SignalRelay implements Disposable {
  readonly #host: Host;
  readonly #early: number[] = [];
  #attached: Running | undefined;
  #release: (() => void) | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  hold(): void {
    this.#release ??= this.#host.onSignals(FORWARDED, (number) => {
      if (this.#attached) this.#attached.signal(number);
      else this.#early.push(number);
    });
  }

  /** Hands signals on until the process has ended; its exit code. */
  untilExit(attached: Running): Promise<number> {
    this.hold();
    this.#attached = attached;
    for (const number of this.#early.splice(0)) attached.signal(number);
    return attached.exited;
  }

  [Symbol.dispose](): void {
    this.#release?.();
  }
}
