// What the tests of the real kernel share: nacre-init built from source, a root with busybox in it,
// programs in their simplest form, and the machine's state to compare before and after.

import { execFileSync, spawn } from "node:child_process";
import {
  copyFileSync,
  type Dirent,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram, Supervision } from "@nacre/core/program/program.ts";
import { encodeProgram } from "@nacre/core/program/wire.ts";
import { LinuxKernel } from "@nacre/linux/kernel.ts";
import { type Report, ReportReader } from "@nacre/linux/report.ts";
import { expect } from "vitest";
import { textOf } from "../contract/kernel-bench.ts";

const SOURCE = fileURLToPath(new URL("../../backends/linux/native", import.meta.url));
const DIST = fileURLToPath(new URL("../../backends/linux/dist", import.meta.url));

/** With NACRE_TEST_INIT=asan every test here runs on the instrumented build. */
const USUAL = process.env.NACRE_TEST_INIT === "asan" ? "asan" : "plain";

/** Path of nacre-init, up to date with its sources; `asan` is the instrumented build. */
export function build(kind: "plain" | "asan" = USUAL): string {
  execFileSync("make", ["-s", "-C", SOURCE, ...(kind === "asan" ? ["asan"] : [])]);
  return join(DIST, kind === "asan" ? "nacre-init-asan" : "nacre-init");
}

/** `assume`: the release of an older kernel, whose ways are gone. */
export const kernel = (assume?: string): LinuxKernel =>
  new LinuxKernel(build(), assume === undefined ? {} : { assume });

/** A directory of this test alone, removed with it. */
export function scratch(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), "nacre-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const APPLETS = [
  "sh",
  "ls",
  "cat",
  "echo",
  "id",
  "ps",
  "sleep",
  "hostname",
  "mount",
  "true",
  "stat",
];
const MORE = [
  "kill",
  "head",
  "tty",
  "stty",
  "touch",
  "test",
  "readlink",
  "seq",
  "dd",
  "env",
  "ulimit",
];

/** Makes a root directory with busybox and the usual empty directories. */
export function makeRoot(path: string): string {
  for (const name of ["bin", "proc", "dev", "sys", "etc", "tmp"]) {
    mkdirSync(join(path, name), { recursive: true });
  }
  copyFileSync("/bin/busybox", join(path, "bin/busybox"));
  for (const name of [...APPLETS, ...MORE]) symlinkSync("busybox", join(path, "bin", name));
  return path;
}

const PROC = { type: "proc", source: "proc", options: [], attributes: ["nosuid"] } as const;
const DEV = {
  type: "tmpfs",
  source: "dev",
  options: ["mode=755"],
  attributes: ["nosuid"],
} as const;
const PTS = {
  type: "devpts",
  source: "devpts",
  options: ["newinstance", "ptmxmode=0666", "mode=0620"],
  attributes: [],
} as const;

/** The operations by which a child enters a root that holds /proc and /dev/pts. */
export function enter(root: string, ...inside: Operation[]): Operation[] {
  return [
    { op: "setPropagation", path: "/", mode: "slave", recursive: true },
    { op: "openRoot", path: root },
    { op: "mountInRoot", mount: PROC, target: "/proc" },
    { op: "mountInRoot", mount: DEV, target: "/dev" },
    { op: "mountInRoot", mount: PTS, target: "/dev/pts" },
    ...inside,
    { op: "enterRoot" },
  ];
}

export const run = (...command: string[]): Operation => ({
  op: "execute",
  arguments: command,
  environment: ["PATH=/bin"],
});

export const PLAIN: Supervision = {
  stdin: "null",
  output: "inherit",
  terminal: "none",
  collect: [],
  detached: false,
};

export interface Parts {
  readonly host?: readonly Operation[];
  readonly parent?: readonly Operation[];
  readonly child: readonly Operation[];
  readonly supervision?: Partial<Supervision>;
  readonly clone?: Partial<NonNullable<KernelProgram["process"]>["clone"]>;
}

/** A container of its own mount, pid, uts, ipc and network namespaces. */
export function container(parts: Parts): KernelProgram {
  return {
    title: "a test",
    host: parts.host ?? [],
    process: {
      clone: {
        create: ["mnt", "pid", "uts", "ipc", "net"],
        cgroups: [],
        joinPaths: [],
        ...parts.clone,
      },
      parent: parts.parent ?? [],
      child: parts.child,
      supervision: { ...PLAIN, ...parts.supervision },
    },
  };
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, with its output caught. */
export async function outcome(on: LinuxKernel, program: KernelProgram): Promise<Outcome> {
  const running = await on.execute(program, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, status] = await Promise.all([
    textOf(running.stdout),
    textOf(running.stderr),
    running.exited,
  ]);
  return { code: status.code, stdout, stderr };
}

/** Hands bytes to nacre-init and gives everything that it reports. */
export async function reports(
  init: string,
  message: Uint8Array | KernelProgram,
  extra: readonly string[] = [],
): Promise<Report[]> {
  const bytes = message instanceof Uint8Array ? message : encodeProgram(message);
  const stdio = ["ignore", "ignore", "inherit", "pipe", "pipe"] as const;
  const child = spawn(init, extra, {
    stdio: [...stdio],
    detached: true,
    env: { ...process.env, ASAN_OPTIONS: "detect_leaks=0" },
  });
  const input = child.stdio[3] as NodeJS.WritableStream;
  input.on("error", () => {}); // it may refuse before it has read everything
  input.end(bytes);
  const reader = new ReportReader();
  const found: Report[] = [];
  for await (const chunk of child.stdio[4] as NodeJS.ReadableStream) {
    found.push(...reader.push(chunk as Buffer));
  }
  return found;
}

function entries(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch {
    return []; // removed meanwhile, by others who work on this machine
  }
}

function cgroupsBelow(path: string): string[] {
  return entries(path)
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => [join(path, entry.name), ...cgroupsBelow(join(path, entry.name))]);
}

/** Children of this process that are nacre-init and not yet at their end. */
function supervisors(): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      return stat.includes("(nacre-init) S") && stat.includes(` ${process.pid} `);
    } catch {
      return false; // gone meanwhile
    }
  });
}

/** How long the kernel may take to let go of what was removed. */
const SETTLE_MS = 20_000;

interface Machine {
  readonly mounts: string[];
  readonly cgroups: string[];
  readonly supervisors: string[];
}

/** Fails unless the machine is, or soon becomes, what it was: a nacre-init may be on its way out. */
export async function isAsBefore(before: Machine): Promise<void> {
  const end = performance.now() + SETTLE_MS;
  const wanted = JSON.stringify(before);
  while (JSON.stringify(machine()) !== wanted && performance.now() < end) await sleep(20);
  expect(machine()).toEqual(before);
}

/** What tests make is named after them: mounts in a scratch directory, cgroups, nacre-inits. */
export function machine(): Machine {
  const ours = (name: string): boolean => name.includes("nacre-test-");
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n").filter(ours);
  const cgroups = cgroupsBelow("/sys/fs/cgroup").filter(ours);
  return { mounts, cgroups, supervisors: supervisors() };
}
