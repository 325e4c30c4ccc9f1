// What every implementation of Kernel does. For plugin authors as for our own backends:
//
//   kernelContract("my kernel", async () => ({ kernel: new MyKernel(), … }));

import type { NacreError } from "@nacre/core/error.ts";
import type { Kernel, RunningProgram } from "@nacre/core/ports/kernel.ts";
import { inverseOf } from "@nacre/core/program/inverse.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram, Supervision } from "@nacre/core/program/program.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

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
  /** Contents of a file of that machine; undefined if there is none. */
  readText(path: string): string | undefined;
  /** All that a program could leave behind, to compare before and after. */
  state(): unknown;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  dispose?(): void | Promise<void>;
}

const PLAIN: Supervision = {
  stdin: "null",
  output: "inherit",
  terminal: "none",
  collect: [],
  detached: false,
};
const TMPFS = { type: "tmpfs", source: "contract", options: ["size=1m"], attributes: [] } as const;
const PROC = { type: "proc", source: "proc", options: [], attributes: ["nosuid"] } as const;

type Process = NonNullable<KernelProgram["process"]>;
interface Parts extends Partial<Omit<Process, "supervision" | "clone">> {
  readonly host?: readonly Operation[];
  readonly supervision?: Partial<Supervision>;
  readonly clone?: Partial<Process["clone"]>;
}

const hostProgram = (host: readonly Operation[]): KernelProgram => ({ title: "a contract", host });

function processProgram(parts: Parts): KernelProgram {
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

const execute = (...words: string[]): Operation => ({
  op: "execute",
  arguments: words,
  environment: ["PATH=/none:/bin"],
});

const errnoFail = (errno: number): Operation => ({ op: "fail", errno });

/** What is caught, so that its fields can be looked at. */
async function refusal(promise: Promise<unknown>): Promise<NacreError> {
  try {
    await promise;
  } catch (error) {
    return error as NacreError;
  }
  throw new Error("it did not fail");
}

export function kernelContract(name: string, makeSubject: () => Promise<KernelSubject>): void {
  describe(`${name} as Kernel`, () => {
    let subject: KernelSubject;
    let kernel: Kernel;
    let before: unknown;
    beforeEach(async () => {
      subject = await makeSubject();
      kernel = subject.kernel;
      before = subject.state();
    });
    afterEach(async () => {
      await subject.dispose?.();
    });

    /** A child's way into the root directory, with /proc. */
    const enter = (...inside: Operation[]): Operation[] => [
      { op: "setPropagation", path: "/", mode: "slave", recursive: true },
      { op: "openRoot", path: subject.rootfs },
      { op: "mountInRoot", mount: PROC, target: "/proc" },
      ...inside,
      { op: "enterRoot" },
    ];

    const until = async (condition: () => boolean): Promise<void> => {
      for (let tries = 0; tries < 500 && !condition(); tries++) await subject.pass(10);
      expect(condition()).toBe(true);
    };

    const start = (parts: Parts): Promise<RunningProgram> =>
      kernel.execute(processProgram(parts), { stdin: "ignore", stdout: "pipe", stderr: "pipe" });

    /** Runs a command in the root to its end. */
    const outcome = async (parts: Parts) => {
      const running = await start(parts);
      const text = (stream: ReadableStream<Uint8Array> | undefined): Promise<string> =>
        new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
      const [stdout, stderr, status] = await Promise.all([
        text(running.stdout),
        text(running.stderr),
        running.exited,
      ]);
      return { ...status, stdout, stderr };
    };

    const unchanged = async (): Promise<void> => {
      await until(() => JSON.stringify(subject.state()) === JSON.stringify(before));
      expect(subject.state()).toEqual(before);
    };

    /** Host operations of every kind that has an inverse. */
    const effects = (): Operation[] => [
      { op: "makeDirectory", path: `${subject.scratch}/a`, mode: 0o755, existing: "fail" },
      { op: "makeCgroup", path: `${subject.cgroup}/shared`, shared: true },
      { op: "makeCgroup", path: `${subject.cgroup}/shared/own`, shared: false },
      { op: "writeFile", path: `${subject.cgroup}/shared/own/pids.max`, data: "20" },
      { op: "mount", mount: TMPFS, target: `${subject.scratch}/a` },
      { op: "createFile", path: `${subject.scratch}/a/file`, mode: 0o644, data: "text\n" },
      {
        op: "shareMount",
        lock: `${subject.scratch}/lock`,
        mount: TMPFS,
        target: `${subject.scratch}/share`,
      },
    ];

    describe("programs of the host section", () => {
      it("leave their effects", async () => {
        await kernel.perform(hostProgram(effects()));
        expect(subject.readText(`${subject.scratch}/a/file`)).toBe("text\n");
        expect(subject.readText(`${subject.cgroup}/shared/own/pids.max`)).toBe("20\n");
        const mounted = kernel.mounts().find((m) => m.target === `${subject.scratch}/a`);
        expect(mounted).toMatchObject({ type: "tmpfs", source: "contract" });
        await kernel.perform(hostProgram(inversesOf(effects())));
        await unchanged();
      });

      it("put everything back, whichever operation fails", async () => {
        const operations = effects();
        for (let index = 0; index <= operations.length; index++) {
          const failing = [...operations.slice(0, index), errnoFail(28), ...operations];
          const error = await refusal(kernel.perform(hostProgram(failing)));
          expect(error).toMatchObject({ kind: "no-space", errno: "ENOSPC" });
          expect(error.cause).toMatchObject({ section: "host", index, errno: "ENOSPC" });
          await unchanged();
        }
      });

      it("say what the kernel said, and of which operation", async () => {
        const missing: Operation = {
          op: "makeDirectory",
          path: `${subject.scratch}/none/b`,
          mode: 0o755,
          existing: "fail",
        };
        const error = await refusal(kernel.perform(hostProgram([missing])));
        expect(error).toMatchObject({ name: "NacreError", kind: "kernel", errno: "ENOENT" });
        expect(error.cause).toMatchObject({ section: "host", index: 0, errno: "ENOENT" });
        expect(error.message).toContain(`${subject.scratch}/none/b`);
      });

      it("refuse a value that the control file does not take", async () => {
        const failing: Operation[] = [
          { op: "makeCgroup", path: `${subject.cgroup}/own`, shared: false },
          { op: "writeFile", path: `${subject.cgroup}/own/pids.max`, data: "many" },
        ];
        const error = await refusal(kernel.perform(hostProgram(failing)));
        expect(error.cause).toMatchObject({ index: 1, errno: "EINVAL" });
        await unchanged();
      });

      it("leave a directory alone that was there", async () => {
        const path = subject.scratch;
        const kept: Operation = { op: "makeDirectory", path, mode: 0o700, existing: "keep" };
        await refusal(kernel.perform(hostProgram([kept, errnoFail(5)])));
        await unchanged();
      });

      it("do not carry out what may not stand in the host section", async () => {
        const error = await refusal(
          kernel.perform(hostProgram([...effects(), { op: "enterRoot" }])),
        );
        expect(error.kind).toBe("internal");
        await unchanged();
      });
    });

    describe("programs with a process", () => {
      it("run it, give its output and its exit code, and undo the host section", async () => {
        const { code, signal, oomKilled, stdout } = await outcome({
          host: effects(),
          child: [...enter(), execute("echo", "pearl")],
        });
        expect({ code, signal, oomKilled, stdout }).toEqual({
          code: 0,
          signal: 0,
          oomKilled: false,
          stdout: "pearl\n",
        });
        await unchanged();
      });

      it("report another exit code", async () => {
        const { code, signal } = await outcome({ child: [...enter(), execute("/bin/false")] });
        expect({ code, signal }).toEqual({ code: 1, signal: 0 });
      });

      it("put everything back, whichever operation of parent or child fails", async () => {
        const whole = { host: effects(), child: [...enter(), execute("true")] };
        for (let index = 0; index < whole.child.length; index++) {
          const child = [...whole.child.slice(0, index), errnoFail(5), ...whole.child.slice(index)];
          const error = await refusal(start({ ...whole, child }));
          expect(error).toMatchObject({ kind: "kernel", errno: "EIO" });
          expect(error.cause).toMatchObject({ section: "child", index, errno: "EIO" });
          await unchanged();
        }
        const error = await refusal(start({ ...whole, parent: [errnoFail(1)] }));
        expect(error.kind).toBe("denied");
        expect(error.cause).toMatchObject({ section: "parent", index: 0, errno: "EPERM" });
        await unchanged();
      });

      it("tell a command that is not there from one that cannot be executed", async () => {
        const kinds: [string[], string, string][] = [
          [["none"], "command-not-found", "ENOENT"],
          [["/bin/none"], "command-not-found", "ENOENT"],
          [["/bin/true/none"], "command-not-found", "ENOTDIR"],
          [["plain"], "command-not-executable", "EACCES"],
          [["/bin/plain"], "command-not-executable", "EACCES"],
          [["/bin"], "command-not-executable", "EACCES"],
          [["nonsense"], "command-not-executable", "ENOEXEC"],
        ];
        for (const [command, kind, errno] of kinds) {
          const error = await refusal(start({ child: [...enter(), execute(...command)] }));
          expect([command, error.kind, error.errno]).toEqual([command, kind, errno]);
        }
        await unchanged();
      });

      it("read what the caller writes, where input is inherited", async () => {
        const program = processProgram({
          child: [...enter(), execute("cat")],
          supervision: { stdin: "inherit" },
        });
        const running = await kernel.execute(program, {
          stdin: "pipe",
          stdout: "pipe",
          stderr: "ignore",
        });
        const writer = (running.stdin as WritableStream<Uint8Array>).getWriter();
        await writer.write(new TextEncoder().encode("from here\n"));
        await writer.close();
        const stdout = running.stdout as ReadableStream<Uint8Array<ArrayBuffer>>;
        expect(await new Response(stdout).text()).toBe("from here\n");
        expect((await running.exited).code).toBe(0);
        expect(running.stderr).toBeUndefined();
      });
    });

    describe("signals", () => {
      const outside = { create: ["mnt"] } as const;

      it("end a process that does not handle them", async () => {
        const running = await start({
          clone: outside,
          child: [...enter(), execute("sleep", "60")],
        });
        expect(kernel.signal(running.process, 15)).toBe(true);
        expect(await running.exited).toMatchObject({ code: 143, signal: 15 });
        expect(kernel.signal(running.process, 15)).toBe(false);
      });

      it("but not the first of a pid namespace, except KILL", async () => {
        const running = await start({ child: [...enter(), execute("sleep", "60")] });
        kernel.signal(running.process, 15);
        await subject.pass(50);
        expect(kernel.alive(running.process)).toBe(true);
        kernel.signal(running.process, 9);
        expect(await running.exited).toMatchObject({ code: 137, signal: 9 });
      });

      it("are handed on by the supervisor", async () => {
        const running = await start({
          clone: outside,
          child: [...enter(), execute("sleep", "60")],
        });
        running.signal(2);
        expect(await running.exited).toMatchObject({ code: 130, signal: 2 });
      });

      it("stop and continue a process, which lives meanwhile", async () => {
        const running = await start({
          clone: outside,
          child: [...enter(), execute("sleep", "0.1")],
        });
        kernel.signal(running.process, 19);
        await subject.pass(300);
        expect(kernel.alive(running.process)).toBe(true);
        kernel.signal(running.process, 18);
        await until(() => !kernel.alive(running.process));
        expect(await running.exited).toMatchObject({ code: 0, signal: 0 });
      });
    });

    describe("processes", () => {
      it("are known by pid and start time while they live", async () => {
        const running = await start({ child: [...enter(), execute("sleep", "60")] });
        const { process, supervisor } = running;
        expect(kernel.identify(process.pid)).toEqual(process);
        expect(kernel.alive(process)).toBe(true);
        expect(kernel.alive(supervisor)).toBe(true);
        const other = { ...process, startTime: process.startTime + 1n };
        expect(kernel.alive(other)).toBe(false);
        expect(kernel.signal(other, 9)).toBe(false);
        kernel.signal(process, 9);
        await running.exited;
        expect(kernel.alive(process)).toBe(false);
        expect(kernel.identify(process.pid)).toBeUndefined();
        await until(() => !kernel.alive(supervisor));
      });

      it("are in the namespaces that the program made, and else in the supervisor's", async () => {
        const running = await start({ child: [...enter(), execute("sleep", "60")] });
        const own = kernel.namespaces(running.process.pid);
        const outer = kernel.namespaces(running.supervisor.pid);
        for (const kind of ["mnt", "pid", "uts", "ipc"] as const) {
          expect([kind, own[kind] === outer[kind]]).toEqual([kind, false]);
        }
        for (const kind of ["net", "user", "cgroup"] as const) {
          expect([kind, own[kind]]).toEqual([kind, outer[kind]]);
        }
        kernel.signal(running.process, 9);
        await running.exited;
        expect(kernel.namespaces(running.process.pid)).toEqual({});
      });

      it("join those of another, and end with its first process", async () => {
        const first = await start({
          child: [...enter(), { op: "setHostname", name: "first" }, execute("sleep", "60")],
        });
        const namespaces = ["mnt", "pid", "uts", "ipc"] as const;
        const join = { ...first.process, namespaces };
        const name = await outcome({
          clone: { create: [], join },
          child: [execute("cat", "/proc/sys/kernel/hostname")],
        });
        expect(name.stdout).toBe("first\n");
        const second = await start({
          clone: { create: [], join },
          child: [execute("sleep", "60")],
        });
        const { mnt, pid } = kernel.namespaces(first.process.pid);
        expect(kernel.namespaces(second.process.pid)).toMatchObject({ mnt, pid });
        kernel.signal(first.process, 9);
        expect(await second.exited).toMatchObject({ code: 137, signal: 9 });
        await first.exited;
        const gone = await refusal(
          start({ clone: { create: [], join }, child: [execute("true")] }),
        );
        expect(gone.cause).toMatchObject({ section: "clone", index: 0, errno: "ESRCH" });
        await unchanged();
      });

      it("join a namespace by its path, which must be of its kind", async () => {
        const first = await start({
          child: [...enter(), { op: "setHostname", name: "second" }, execute("sleep", "60")],
        });
        const path = `/proc/${first.process.pid}/ns/uts`;
        const joined = await outcome({
          clone: { create: ["mnt", "pid"], joinPaths: [{ kind: "uts", path }] },
          child: [...enter(), execute("cat", "/proc/sys/kernel/hostname")],
        });
        expect(joined.stdout).toBe("second\n");
        const wrong = await refusal(
          start({
            clone: { create: ["mnt"], joinPaths: [{ kind: "ipc", path }] },
            child: [...enter(), execute("true")],
          }),
        );
        expect(wrong.cause).toMatchObject({ section: "clone", errno: "EINVAL" });
        kernel.signal(first.process, 9);
        await first.exited;
      });

      it("are who the program says, with the powers that it leaves them", async () => {
        const chown = 1n;
        const status = async (...operations: Operation[]) =>
          (
            await outcome({
              child: [...enter(), ...operations, execute("cat", "/proc/self/status")],
            })
          ).stdout;
        const sets = { effective: chown, permitted: chown, inheritable: 0n, ambient: 0n };
        const root = await status(
          { op: "boundCapabilities", bounding: chown },
          { op: "setCapabilities", ...sets },
          { op: "noNewPrivileges" },
        );
        expect(root).toMatch(/^CapEff:\t0{15}1$/m);
        expect(root).toMatch(/^CapBnd:\t0{15}1$/m);
        expect(root).toMatch(/^NoNewPrivs:\t1$/m);
        const user = await status(
          { op: "setUser", uid: 1000, gid: 100, groups: [5, 7] },
          { op: "setCapabilities", ...sets, effective: 0n, permitted: 0n },
          { op: "setUmask", mask: 0o077 },
        );
        expect(user).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
        expect(user).toMatch(/^Gid:\t100\t100\t100\t100$/m);
        expect(user).toMatch(/^Groups:\t5 7 $/m);
        expect(user).toMatch(/^CapEff:\t0{16}$/m);
        expect(user).toMatch(/^Umask:\t0077$/m);
        expect(user).toMatch(/^Pid:\t1$/m);
      });

      it("begin in the cgroups that the program names", async () => {
        const node = `${subject.cgroup}/own`;
        const running = await start({
          host: [{ op: "makeCgroup", path: node, shared: false }],
          clone: { cgroups: [node] },
          child: [...enter(), execute("sleep", "60")],
        });
        expect(subject.readText(`${node}/cgroup.procs`)).toBe(`${running.process.pid}\n`);
        kernel.signal(running.process, 9);
        await running.exited;
        await unchanged();
      });
    });

    describe("roots", () => {
      it("are entered for good, and hold no link that leads out", async () => {
        const { stdout } = await outcome({
          child: [
            ...enter(
              {
                op: "placeSymlink",
                path: "/tmp/out",
                text: "../../../..",
                mode: 0o777,
                uid: 0,
                gid: 0,
              },
              { op: "mountInRoot", mount: TMPFS, target: "/tmp/out/tmp/inside" },
              {
                op: "placeText",
                path: "/tmp/inside/file",
                data: "here\n",
                mode: 0o600,
                uid: 0,
                gid: 0,
              },
              { op: "readOnlyInRoot", path: "/tmp/inside" },
              { op: "maskInRoot", path: "/proc/keys" },
            ),
            { op: "changeDirectory", path: "/tmp/inside" },
            execute("cat", "file", "/proc/keys", "/proc/self/mountinfo"),
          ],
        });
        expect(stdout).toMatch(/^here\n/);
        expect(stdout).toMatch(/ \/ \/tmp\/inside ro,relatime - tmpfs contract /);
        expect(stdout.match(/ \/tmp\/inside /g)).toHaveLength(2);
        expect(stdout).toContain(" /proc/keys ");
        const targets = stdout.split("\n").map((line) => line.split(" ")[4] ?? "");
        expect(targets.filter((target) => target.includes(subject.rootfs))).toEqual([]);
      });

      it("can be made read-only as a whole", async () => {
        const { stdout } = await outcome({
          child: [
            ...enter(),
            { op: "setMountAttributes", path: "/", attributes: ["ro"] },
            execute("cat", "/proc/self/mountinfo"),
          ],
        });
        expect(stdout).toMatch(/^\d+ \d+ \S+ \S+ \/ ro,/m);
      });

      it("show mounts to no one else", async () => {
        const running = await start({
          child: [
            ...enter({ op: "mountInRoot", mount: TMPFS, target: "/tmp" }),
            execute("sleep", "60"),
          ],
        });
        expect(kernel.mounts().filter((m) => m.target.startsWith(subject.rootfs))).toEqual([]);
        kernel.signal(running.process, 9);
        await running.exited;
      });
    });

    describe("supervision", () => {
      it("of a detached process writes a log and an exit record, and undoes the host section", async () => {
        const logPath = `${subject.scratch}/log.json`;
        const exitPath = `${subject.scratch}/exit`;
        const node = `${subject.cgroup}/own`;
        const running = await start({
          host: [{ op: "makeCgroup", path: node, shared: false }],
          clone: { cgroups: [node] },
          child: [...enter(), execute("echo", 'a "quoted" line')],
          supervision: {
            output: "log",
            logPath,
            exitPath,
            collect: [`${node}/pids.max`, `${node}/none`],
            detached: true,
          },
        });
        expect(running.process.pid).toBeGreaterThan(0);
        await until(() => subject.readText(exitPath) !== undefined);
        await until(() => subject.readText(`${node}/pids.max`) === undefined);
        const line = JSON.parse(subject.readText(logPath) as string);
        expect(line).toMatchObject({ log: 'a "quoted" line\n', stream: "stdout" });
        expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
        expect(subject.readText(exitPath)).toMatch(
          /^code 0\nsignal 0\nfinished \d+\.\d{9}\nfile \S+\/pids\.max 4\nmax\n/,
        );
        await until(() => !kernel.alive(running.supervisor));
      });

      it("writes the log beside the caller's streams, and lines that have no end", async () => {
        const logPath = `${subject.scratch}/log.json`;
        const { stdout } = await outcome({
          child: [...enter(), execute("echo", "-n", "no end")],
          supervision: { output: "both", logPath },
        });
        expect(stdout).toBe("no end");
        expect(JSON.parse(subject.readText(logPath) as string)).toMatchObject({ log: "no end" });
      });

      it("tells by a rejection that the supervisor was killed", async () => {
        const running = await start({ child: [...enter(), execute("sleep", "60")] });
        kernel.signal(running.supervisor, 9);
        expect(await refusal(running.exited)).toMatchObject({ kind: "interrupted" });
        kernel.signal(running.process, 9);
        await until(() => !kernel.alive(running.process));
      });
    });

    it("shares a mount between programs, and takes it down with the last", async () => {
      const share: Operation = {
        op: "shareMount",
        lock: `${subject.scratch}/lock`,
        mount: TMPFS,
        target: `${subject.scratch}/share`,
      };
      const mounted = () =>
        kernel.mounts().filter((m) => m.target === `${subject.scratch}/share`).length;
      const one = { host: [share], child: [...enter(), execute("sleep", "60")] };
      const first = await start(one);
      const second = await start(one);
      expect(mounted()).toBe(1);
      await refusal(start({ ...one, host: [share, errnoFail(5)] }));
      expect(mounted()).toBe(1);
      kernel.signal(first.process, 9);
      await first.exited;
      expect(mounted()).toBe(1);
      kernel.signal(second.process, 9);
      await second.exited;
      expect(mounted()).toBe(0);
      await unchanged();
    });
  });
}

/** The operations that take away what others made, the latest first. */
function inversesOf(operations: readonly Operation[]): Operation[] {
  return operations.flatMap((o) => inverseOf(o) ?? []).reverse();
}
