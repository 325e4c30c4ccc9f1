import { execFile } from "node:child_process";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { ProcessStreams } from "@nacre/core/ports/kernel.ts";
import { parseExitRecord } from "@nacre/core/program/exit-record.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { Supervision } from "@nacre/core/program/program.ts";
import { encodeProgram } from "@nacre/core/program/wire.ts";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import {
  build,
  container,
  enter,
  isAsBefore,
  kernel,
  machine,
  makeRoot,
  run,
  scratch,
} from "./native.ts";

const tmp = scratch();
const on = kernel();
const init = build();
const at = (name: string): string => join(tmp.path, name);
const before = machine();
const SILENT: ProcessStreams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" };
const sh = (script: string): Operation => run("sh", "-c", script);

beforeAll(() => {
  makeRoot(at("root"));
});
afterAll(async () => {
  await isAsBefore(before);
  tmp[Symbol.dispose]();
});

interface Line {
  readonly log: string;
  readonly stream: string;
  readonly time: string;
}
const log = (path: string): Line[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (what()) return;
    await sleep(30);
  }
  throw new Error("it did not come to pass within 30 s");
}

async function logged(script: string, more: Partial<Supervision> = {}): Promise<Line[]> {
  const logPath = at(`log-${Math.random()}`);
  const child = [...enter(at("root")), sh(script)];
  const supervision = { output: "log", logPath, ...more } as const;
  const running = await on.execute(container({ child, supervision }), SILENT);
  await running.exited;
  return log(logPath);
}

describe("the log", () => {
  it("has a JSON object for each line, by stream and time", async () => {
    const lines = await logged("echo out; echo err >&2; printf 'no end'");
    // Two pipes have no order between them.
    const of = (name: string) => lines.filter((l) => l.stream === name).map((l) => l.log);
    expect([of("stdout"), of("stderr")]).toEqual([["out\n", "no end"], ["err\n"]]);
    expect(lines).toHaveLength(3);
    for (const { time } of lines) {
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
      expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000);
    }
  });

  it("escapes what JSON forbids and keeps what is not UTF-8 harmless", async () => {
    const [line] = await logged(String.raw`printf 'a"b\\c\td\033[1m\001é\377\n'`);
    expect(line?.log).toBe('a"b\\c\td\x1b[1m\x01é\ufffd\n');
  });

  it("splits lines of more than 16 KiB, between characters", async () => {
    writeFileSync(at("root/long"), `${"x".repeat(16_383)}é${"y".repeat(20_000)}\nshort\n`);
    const lines = await logged("cat /long");
    expect(lines.map((l) => l.log.length)).toEqual([16_383, 16_383, 3_619, 6]);
    expect(lines.map((l) => l.log).join("")).toBe(readFileSync(at("root/long"), "utf8"));
  });

  it("loses nothing of much output before the exit is recorded", async () => {
    const lines = await logged("seq 1 100000");
    expect(lines).toHaveLength(100_000);
    expect(lines.at(-1)?.log).toBe("100000\n");
  });

  it("is not held open by a process of the host's pid namespace that lives on", async () => {
    const logPath = at("log-grandchild");
    const node = { major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0 } as const;
    const device: Operation = { op: "placeNode", path: "/dev/null", type: "character", ...node };
    const child = [...enter(at("root"), device), sh("sleep 300 & echo $!; echo bye")];
    const clone = { create: ["mnt"] } as const;
    const supervision = { output: "log", logPath } as const;
    const started = Date.now();
    const running = await on.execute(container({ child, clone, supervision }), SILENT);
    await running.exited;
    expect(Date.now() - started).toBeLessThan(50_000);
    const [pid, bye] = log(logPath).filter((line) => line.stream === "stdout");
    expect(bye?.log).toBe("bye\n");
    process.kill(Number(pid?.log), "SIGKILL");
  });

  it("goes to the caller as well where both is asked for, also when the caller is slow", async () => {
    const logPath = at("log-both");
    const child = [...enter(at("root")), sh("seq 1 20000; echo oops >&2")];
    const program = container({ child, supervision: { output: "both", logPath } });
    const running = await on.execute(program, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    await sleep(100);
    const [out, err] = await Promise.all(
      [running.stdout, running.stderr].map((s) =>
        new Response(s as ReadableStream<Uint8Array>).text(),
      ),
    );
    expect(out?.split("\n")).toHaveLength(20_001);
    expect(err).toBe("oops\n");
    expect(log(logPath)).toHaveLength(20_001);
  });

  it("goes on when the caller no longer listens", async () => {
    const logPath = at("log-closed");
    const child = [...enter(at("root")), sh("seq 1 50000; exit 3")];
    const program = container({ child, supervision: { output: "both", logPath } });
    const running = await on.execute(program, {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    await running.stdout![Symbol.asyncIterator]().return?.();
    expect((await running.exited).code).toBe(3);
    expect(log(logPath)).toHaveLength(50_000);
  });
});

describe("standard input", () => {
  it("is held open and silent where it is asked for", async () => {
    const child = [...enter(at("root")), sh("read line; echo never")];
    const program = container({ child, supervision: { stdin: "hold" } });
    const running = await on.execute(program, SILENT);
    await sleep(50);
    expect(on.alive(running.process)).toBe(true);
    on.signal(running.process, 9);
    await running.exited;
  });
});

describe("a detached container", () => {
  it("outlives its caller, holds none of its descriptors, and leaves a record", async () => {
    const supervision = {
      ...container({ child: [] }).process!.supervision,
      output: "log",
      logPath: at("log-detached"),
      exitPath: at("exit"),
      collect: ["/proc/sys/kernel/ostype", "/no/such"],
      onExit: [
        "/bin/sh",
        "-c",
        `ls /proc/self/fd > ${at("on-exit")}; cat ${at("exit")} >> ${at("on-exit")}`,
      ],
      detached: true,
      descriptors: 1,
    } as const;
    const made: Operation = {
      op: "makeDirectory",
      path: at("made"),
      mode: 0o755,
      existing: "fail",
    };
    writeFileSync(at("given"), "");
    const given = openSync(at("given"), "r");
    const child = [...enter(at("root")), sh("echo hello; sleep 60")];
    const running = await on.execute(container({ host: [made], child, supervision }), {
      ...SILENT,
      more: [given],
    });
    closeSync(given);
    const { pid } = running.supervisor;
    expect(readlinkSync(`/proc/${running.process.pid}/fd/3`)).toBe(at("given"));
    onTestFinished(() => {
      on.signal(running.process, 9);
    });
    const linkOf = (n: string): string | undefined => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${n}`);
      } catch {
        return undefined; // closed between two looks
      }
    };
    const held = (): string[] => readdirSync(`/proc/${pid}/fd`).flatMap((n) => linkOf(n) ?? []);
    await until(() => !held().some((link) => link.startsWith("socket:")));
    const links = held();
    for (const fd of [0, 1, 2]) expect(readlinkSync(`/proc/${pid}/fd/${fd}`)).toBe("/dev/null");
    for (const link of links)
      expect(link).toMatch(/^(\/dev\/null|pipe:|anon_inode:|.*log-detached)/);
    const memory = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    if (!init.endsWith("-asan")) expect(Number(memory?.[1])).toBeLessThan(1024);

    on.signal(running.process, 9);
    await until(
      () => existsSync(at("on-exit")) && readFileSync(at("on-exit"), "utf8").includes("Linux"),
    );
    const record = readFileSync(at("exit"), "utf8");
    expect(parseExitRecord(record)).toMatchObject({ code: 137, signal: 9, oomKilled: false });
    expect(record).toContain("file /proc/sys/kernel/ostype 6\nLinux\n");
    expect(readFileSync(at("on-exit"), "utf8")).toBe(`0\n1\n2\n3\n${record}`);
    expect(existsSync(at("made"))).toBe(false);
    await until(() => !on.alive(running.supervisor));
  });
});

describe("a memory limit", () => {
  it("that is exceeded shows in the exit status", async () => {
    const cgroup = `/sys/fs/cgroup/memory/nacre-test-oom-${process.pid}`;
    const program = container({
      host: [
        { op: "makeCgroup", path: cgroup, shared: false },
        { op: "writeFile", path: `${cgroup}/memory.limit_in_bytes`, data: "8388608" },
      ],
      clone: { cgroups: [cgroup] },
      child: [...enter(at("root")), run("dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1")],
      supervision: { collect: [`${cgroup}/memory.oom_control`] },
    });
    const nodes: Operation = {
      op: "bindInRoot",
      source: "/dev/zero",
      target: "/dev/zero",
      recursive: false,
      attributes: [],
      propagation: "private",
    };
    const child = [...program.process!.child];
    child.splice(-2, 0, nodes);
    const running = await on.execute(
      { ...program, process: { ...program.process!, child } },
      SILENT,
    );
    expect(await running.exited).toMatchObject({ code: 137, signal: 9, oomKilled: true });
  });
});

describe("a terminal", () => {
  const terminal: Operation = { op: "openTerminal", rows: 33, columns: 99 };
  const child = (script: string): Operation[] => [
    ...enter(at("root")).slice(0, -1),
    terminal,
    { op: "enterRoot" },
    sh(script),
  ];

  it("is the container's own, its console and its controlling terminal", async () => {
    const logPath = at("log-terminal");
    const script = "tty; stty size; test -c /dev/console && echo console; ls /proc/self/fd; ps";
    const program = container({
      child: child(script),
      supervision: { terminal: "detached", logPath },
    });
    const running = await on.execute(program, SILENT);
    await running.exited;
    const text = log(logPath)
      .map((l) => l.log)
      .join("");
    expect(text).toMatch(/^\/dev\/pts\/0\r\n33 99\r\nconsole\r\n0\s+1\s+2\s+3\r\nPID /);
  });

  it("tells the end of an input that fills it to the last byte", async () => {
    // How much it takes while nobody reads is the kernel's affair: 11,776 bytes on Linux 6.18.
    const ends = Array.from({ length: 9 }, async (_, n) => {
      const path = at(`input-${n}`);
      writeFileSync(path, `${"x".repeat(63)}\n`.repeat(180 + n));
      const program = container({
        child: child("stty -echo; sleep 1; cat >/dev/null; exit 3"),
        supervision: { terminal: "attached", stdin: "inherit" },
      });
      const stdin = openSync(path, "r");
      const running = await on.execute(program, { ...SILENT, stdin });
      closeSync(stdin);
      // Only one that hangs is ended: nine starts at once take their time on a busy machine.
      const late = setTimeout(() => on.signal(running.process, 9), 60_000);
      const { code } = await running.exited;
      clearTimeout(late);
      return code;
    });
    expect(await Promise.all(ends)).toEqual(ends.map(() => 3));
  });

  it("relays keys, sizes and output, and gives the caller's terminal back", async () => {
    const message = at("message");
    writeFileSync(
      message,
      encodeProgram(
        container({
          child: child("stty size; read line; echo got $line; exit 6"),
          supervision: { terminal: "attached", stdin: "inherit" },
        }),
      ),
    );
    const report = at("report");
    const python = `
import pty, os, sys, termios, fcntl, struct, time
made, make = os.pipe()
pid, fd = pty.fork()
if pid == 0:
    os.read(made, 1)
    os.dup2(os.open(${JSON.stringify(message)}, os.O_RDONLY), 3)
    os.dup2(os.open(${JSON.stringify(report)}, os.O_WRONLY | os.O_CREAT, 0o600), 4)
    os.set_inheritable(3, True)
    os.set_inheritable(4, True)
    os.execv(${JSON.stringify(init)}, ["init"])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
cooked = termios.tcgetattr(fd)[3]
os.write(make, b"1")
seen = b""
raw = None
sent = False
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data: break
    seen += data
    if b"\\n" in seen and not sent:
        raw = termios.tcgetattr(fd)[3]
        os.write(fd, b"pearl\\r")
        sent = True
_, status = os.waitpid(pid, 0)
print(raw != cooked, termios.tcgetattr(fd)[3] == cooked, seen)
`;
    const { stdout } = await promisify(execFile)("python3", ["-c", python]);
    expect(stdout).toMatch(/^True True /);
    expect(stdout).toMatch(/(33 99|40 120)\\r\\n.*got pearl\\r\\n/);
    expect(readFileSync(report, "utf8")).toContain("code 6\n");
  });
});
