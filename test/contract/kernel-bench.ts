// What the parts of the Kernel contract share: its subject, programs in their simplest form, and
// what is done with them.

import type { NacreError } from "@nacre/core/error.ts";
import type { ExitStatus, Kernel, RunningProgram } from "@nacre/core/ports/kernel.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram, Supervision } from "@nacre/core/program/program.ts";
import { expect } from "vitest";

export interface KernelSubject {
  readonly kernel: Kernel;
  /** An existing empty directory of the kernel's machine. */
  readonly scratch: string;
  /**
   * A root directory: /bin with true, false, echo, cat and sleep, and `plain` (no permission to
   * execute), `nonsense` (executable, but no program); /proc, /dev, /etc and /tmp are empty.
   */
  readonly rootfs: string;
  /** A cgroup directory of the pids controller, for nodes of this test alone. */
  readonly cgroup: string;
  /** Whether that is of cgroup v2, where a node hands controllers down to its children. */
  readonly unified?: boolean;
  /** A cgroup2 directory, for nodes of this test alone; absent where the machine has none. */
  readonly unifiedCgroup?: string;
  /** False where a tmpfs cannot be shown with other owners: before Linux 6.3. */
  readonly tmpfsOwners?: boolean;
  /** Contents of a file of that machine; undefined if there is none. */
  readText(path: string): string | undefined;
  /** All that a program could leave behind, to compare before and after. */
  state(): unknown;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  dispose?(): void | Promise<void>;
}

/** Looks, 10 ms apart: what takes milliseconds may take seconds on a machine that is busy. */
const TRIES = 2_000;

const PLAIN: Supervision = {
  stdin: "null",
  output: "inherit",
  terminal: "none",
  collect: [],
  detached: false,
};
export const TMPFS = {
  type: "tmpfs",
  source: "contract",
  options: ["size=1m"],
  attributes: [],
} as const;
const PROC = { type: "proc", source: "proc", options: [], attributes: ["nosuid"] } as const;

type Process = NonNullable<KernelProgram["process"]>;
export interface Parts extends Partial<Omit<Process, "supervision" | "clone">> {
  readonly host?: readonly Operation[];
  readonly supervision?: Partial<Supervision>;
  readonly clone?: Partial<Process["clone"]>;
}

export const hostProgram = (host: readonly Operation[]): KernelProgram => ({
  title: "a contract",
  host,
});

export function processProgram(parts: Parts): KernelProgram {
  const { host = [], parent = [], child = [], supervision = {}, clone = {} } = parts;
  return {
    title: "a contract",
    host,
    process: {
      clone: { create: ["mnt", "pid", "uts", "ipc"], cgroups: [], joinPaths: [], ...clone },
      parent,
      child,
      supervision: { ...PLAIN, ...supervision },
    },
  };
}

export const execute = (...words: string[]): Operation => ({
  op: "execute",
  arguments: words,
  environment: ["PATH=/none:/bin"],
});

export const errnoFail = (errno: number): Operation => ({ op: "fail", errno });

/** What is caught, so that its fields can be looked at. */
export async function refusal(promise: Promise<unknown>): Promise<NacreError> {
  try {
    await promise;
  } catch (error) {
    return error as NacreError;
  }
  throw new Error("it did not fail");
}

/** One test's kernel, with the machine's state as it was before. */
/** All that a stream carries. */
export async function textOf(stream: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream ?? []) text += decoder.decode(bytes, { stream: true });
  return text + decoder.decode();
}

export class KernelBench {
  readonly subject: KernelSubject;
  readonly kernel: Kernel;
  readonly #before: unknown;

  constructor(subject: KernelSubject) {
    this.subject = subject;
    this.kernel = subject.kernel;
    this.#before = subject.state();
  }

  /** A child's way into the root directory, with /proc. */
  enter(...inside: Operation[]): Operation[] {
    return [
      { op: "setPropagation", path: "/", mode: "slave", recursive: true },
      { op: "openRoot", path: this.subject.rootfs },
      { op: "mountInRoot", mount: PROC, target: "/proc" },
      ...inside,
      { op: "enterRoot" },
    ];
  }

  async until(condition: () => boolean): Promise<void> {
    for (let tries = 0; tries < TRIES && !condition(); tries++) await this.subject.pass(10);
    expect(condition()).toBe(true);
  }

  start(parts: Parts): Promise<RunningProgram> {
    const streams = { stdin: "ignore", stdout: "pipe", stderr: "pipe" } as const;
    return this.kernel.execute(processProgram(parts), streams);
  }

  /** Runs a command in the root to its end. */
  async outcome(parts: Parts): Promise<ExitStatus & { stdout: string; stderr: string }> {
    const running = await this.start(parts);
    const [stdout, stderr, status] = await Promise.all([
      textOf(running.stdout),
      textOf(running.stderr),
      running.exited,
    ]);
    return { ...status, stdout, stderr };
  }

  async unchanged(): Promise<void> {
    const before = JSON.stringify(this.#before);
    for (let tries = 0; tries < TRIES; tries++) {
      if (JSON.stringify(this.subject.state()) === before) break;
      await this.subject.pass(10);
    }
    expect(this.subject.state()).toEqual(this.#before);
  }

  /** Host operations of every kind that has an inverse. */
  effects(): Operation[] {
    const { scratch, cgroup, unified = false } = this.subject;
    const handDown: Operation = {
      op: "writeFile",
      path: `${cgroup}/shared/cgroup.subtree_control`,
      data: "+pids",
    };
    return [
      { op: "makeDirectory", path: `${scratch}/a`, mode: 0o755, existing: "fail" },
      { op: "makeCgroup", path: `${cgroup}/shared`, shared: true },
      ...(unified ? [handDown] : []),
      { op: "makeCgroup", path: `${cgroup}/shared/own`, shared: false },
      { op: "writeFile", path: `${cgroup}/shared/own/pids.max`, data: "20" },
      { op: "mount", mount: TMPFS, target: `${scratch}/a` },
      { op: "setPropagation", path: `${scratch}/a`, mode: "private", recursive: false },
      { op: "createFile", path: `${scratch}/a/file`, mode: 0o644, data: "text\n" },
      { op: "createFile", path: `${scratch}/a/uts`, mode: 0o400, data: "" },
      { op: "bind", source: "/proc/self/ns/uts", target: `${scratch}/a/uts` },
      { op: "shareMount", lock: `${scratch}/lock`, mount: TMPFS, target: `${scratch}/share` },
    ];
  }
}
