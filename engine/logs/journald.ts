// The log driver `journald`: a container's supervisor sends each line to journald, journalctl reads
// them back.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel, RunningProgram } from "@nacre/core/ports/kernel.ts";
import type { LogDriver, LogLine, LogReadOptions } from "@nacre/core/ports/log-driver.ts";
import { JOURNAL_LOG, type LogRequest } from "@nacre/core/program/log-options.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { checkTag, JOURNAL_SOCKET } from "./journal-fields.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** How often the journal is asked for more. */
const FOLLOW_MS = 500;
const PIPES = { stdin: "ignore", stdout: "pipe", stderr: "ignore" } as const;

export class JournaldLog implements LogDriver {
  readonly name = JOURNAL_LOG;
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #clock: Clock;

  constructor(kernel: Kernel, files: Files, clock: Clock) {
    this.#kernel = kernel;
    this.#files = files;
    this.#clock = clock;
  }

  check(log: LogRequest): void {
    checkTag(log);
    if (this.#files.status(JOURNAL_SOCKET)) return;
    throw new NacreError("unsupported", `journald is not here: there is no ${JOURNAL_SOCKET}`, {
      advice: "Leave --log-driver out: Nacre keeps the log itself. Or start systemd-journald.",
    });
  }

  async *read(_path: string, options: LogReadOptions): AsyncGenerator<LogLine | undefined> {
    const { containerId, follow, signal, ended } = options;
    let cursor: string | undefined;
    for (let first = true; !signal.aborted; first = false) {
      // Asked before the journal is: what was sent until then is there once journald has taken it.
      const last = ended();
      if (last) await this.#taken();
      for await (const entry of this.#entries(containerId, cursor)) {
        cursor = entry.__CURSOR;
        const line = lineOf(entry);
        if (line) yield line;
      }
      if (first) yield undefined;
      if (!follow || last) return;
      await this.#clock.sleep(FOLLOW_MS, signal).catch(() => {}); // the loop sees that it is over
    }
  }

  /** Waits until journald has written what was sent to it. One that knows no such wish says so, and is read as it is. */
  async #taken(): Promise<void> {
    await (await this.#run(["journalctl", "--sync"])).exited;
  }

  async *#entries(id: string, after: string | undefined): AsyncGenerator<JournalEntry> {
    const words = ["journalctl", "--all", "--quiet", "--no-pager", "--output", "json"];
    const from = after === undefined ? [] : [`--after-cursor=${after}`];
    const running = await this.#run([...words, ...from, `CONTAINER_ID_FULL=${id}`]);
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of running.stdout!) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) yield JSON.parse(line) as JournalEntry;
    }
    await running.exited;
  }

  #run(words: readonly string[]): Promise<RunningProgram> {
    return this.#kernel.execute(command(words), PIPES).catch((error: unknown) => {
      if (!(error instanceof NacreError && error.kind === "command-not-found")) throw error;
      throw new NacreError("unsupported", "the journal cannot be read: journalctl is not here", {
        advice: "Install systemd's journalctl, or read the journal where it is kept.",
        cause: error,
      });
    });
  }
}

/** As `journalctl --output json` has it. What is no text comes as numbers. */
interface JournalEntry {
  readonly __CURSOR: string;
  /** Microseconds since the epoch. */
  readonly __REALTIME_TIMESTAMP: string;
  readonly MESSAGE?: string | readonly number[] | null;
  readonly PRIORITY?: string;
  readonly CONTAINER_PARTIAL_MESSAGE?: string;
}

function lineOf(entry: JournalEntry): LogLine | undefined {
  const { MESSAGE: message, PRIORITY: priority } = entry;
  if (message === undefined || message === null) return undefined;
  const text = typeof message === "string" ? message : textOf(message);
  const micros = entry.__REALTIME_TIMESTAMP.padStart(7, "0");
  const timeMs = Number(micros.slice(0, -3));
  const seconds = new Date(Math.trunc(timeMs / 1000) * 1000).toISOString().slice(0, 19);
  return {
    stream: priority === "3" ? "stderr" : "stdout",
    timeMs,
    time: `${seconds}.${micros.slice(-6)}000Z`,
    text: entry.CONTAINER_PARTIAL_MESSAGE === "true" ? text : `${text}\n`,
  };
}

const textOf = (bytes: readonly number[]): string =>
  new TextDecoder().decode(Uint8Array.from(bytes));

function command(words: readonly string[]): KernelProgram {
  return {
    title: "read the journal",
    host: [],
    process: {
      clone: { create: [], cgroups: [], joinPaths: [] },
      parent: [],
      child: [{ op: "execute", arguments: words, environment: [PATH, "LC_ALL=C.UTF-8"] }],
      supervision: {
        ...{ stdin: "null", output: "inherit", terminal: "none", collect: [], detached: false },
      },
    },
  };
}
