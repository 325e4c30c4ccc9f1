// Leaving a foreground by its keys, from a real terminal: what is printed, what the exit code is,
// what state the terminal is left in, and that the container goes on.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { benchForTests, NACRE } from "./engine-bench.ts";

const bench = benchForTests();

/** Types into a command's terminal, each piece when the one before has shown its words. */
const DRIVER = [
  "import fcntl, json, os, pty, select, subprocess, sys, termios, time",
  "steps = json.loads(sys.argv[1])",
  "fd, slave = pty.openpty()",
  "before = termios.tcgetattr(slave)",
  "def own():",
  "  os.setsid()",
  "  fcntl.ioctl(slave, termios.TIOCSCTTY, 0)",
  "child = subprocess.Popen(sys.argv[2:], stdin=slave, stdout=slave, stderr=slave, preexec_fn=own)",
  "seen = b''",
  "def look(seconds):",
  "  global seen",
  "  if select.select([fd], [], [], seconds)[0]: seen += os.read(fd, 4096)",
  "for words, typed in steps:",
  "  end = time.time() + 60",
  "  while words.encode() not in seen and time.time() < end: look(0.1)",
  "  os.write(fd, typed.encode('latin1'))",
  "end = time.time() + 60",
  "while child.poll() is None and time.time() < end: look(0.05)",
  "look(0.2)",
  "same = termios.tcgetattr(slave) == before",
  "print(json.dumps({'code': child.poll(), 'seen': seen.decode('latin1'), 'same': same}))",
].join("\n");

function typed(words: readonly string[], ...steps: readonly (readonly [string, string])[]) {
  const out = execFileSync(
    "python3",
    ["-c", DRIVER, JSON.stringify(steps), NACRE, "--root", bench.root, ...words],
    { encoding: "utf8", env: { ...process.env, NACRE_TEST_BENCH: bench.base } },
  );
  return JSON.parse(out) as { code: number | null; seen: string; same: boolean };
}

const SHELL = 'echo ready; while read line; do echo "got <$line>"; done; exit 3';
const LEFT = { code: 0, same: true };
const state = async (name: string) =>
  (await bench.does(["ps", "-a", "--filter", `name=${name}`, "--format", "{{.State}}"])).trim();

describe("the keys by which one leaves a foreground", () => {
  it("leave a container running, whose end is seen to", async () => {
    await bench.unchanged(async () => {
      const words = ["run", "--rm", "-it", "--name", "left", bench.name(), "sh", "-c", SHELL];
      const first = typed(words, ["ready", "one\r"], ["got <one>", "\x10\x11"]);
      expect(first).toMatchObject(LEFT);
      expect(first.seen).toContain("got <one>");
      expect(await state("left")).toBe("running");
      const again = typed(["attach", "left"], ["", "two\r"], ["got <two>", "\x10\x11"]);
      expect(again).toMatchObject(LEFT);
      expect(await bench.does(["logs", "left"])).toMatch(/got <one>[\s\S]*got <two>/);
      const last = typed(["attach", "left"], ["", "x\r"], ["got <x>", "\x04"]);
      expect(last.code).toBe(3);
      await bench.until(async () => (await state("left")) === "");
    });
  });

  it("are others where others are asked for, and none where none are", async () => {
    const run = ["run", "-it", "--name", "other", "--detach-keys", "q,ctrl-a", bench.name()];
    const left = typed([...run, "sh", "-c", SHELL], ["ready", "\x10\x11one\r"], ["one", "q\x01"]);
    expect(left).toMatchObject(LEFT);
    expect(await state("other")).toBe("running");
    await bench.does(["kill", "other"]);
    await bench.does(["wait", "other"]);
    const started = typed(["start", "-ai", "other"], ["ready", "a\r"], ["got <a>", "\x10\x11"]);
    expect(started).toMatchObject(LEFT);
    expect(await state("other")).toBe("running");
    await bench.does(["rm", "-f", "other"]);
    const none = ["run", "--rm", "-it", "--detach-keys", "", bench.name(), "sh", "-c", SHELL];
    expect(typed(none, ["ready", "\x10\x11z\r"], ["z", "\x04\x04"]).code).toBe(3);
    expect((await bench.nacre(["run", "-it", "--detach-keys", "no-x", bench.name()])).code).toBe(
      125,
    );
  });

  it("leave a command in a container running", async () => {
    await bench.does(["run", "-d", "--name", "busy", bench.name(), "sleep", "1000"]);
    const words = ["exec", "-it", "busy", "sh", "-c", "echo ready; read x; sleep 1001"];
    expect(typed(words, ["ready", "go\r"], ["go", "\x10\x11"])).toMatchObject(LEFT);
    const commands = () => bench.does(["top", "busy", "-o", "args"]);
    await bench.until(async () => (await commands()).includes("sleep 1001"));
    await bench.does(["rm", "-f", "busy"]);
  });
});

describe("the streams that one asks for", () => {
  const script = ["sh", "-c", "echo out; echo err >&2; cat"];
  const run = (...options: string[]) => ["run", "--rm", ...options, bench.name(), ...script];

  it("are those, and no others", async () => {
    const of = (...options: string[]) => bench.nacre(run(...options), { input: "in\n" });
    expect(await of("-a", "stdout")).toEqual({ code: 0, stdout: "out\n", stderr: "" });
    expect(await of("--attach", "STDERR")).toEqual({ code: 0, stdout: "", stderr: "err\n" });
    const both = ["-i", "-a", "stdin", "-a", "stdout"];
    expect(await of(...both)).toEqual({ code: 0, stdout: "out\nin\n", stderr: "" });
    expect((await of("-a", "stdin", "-a", "stdout")).stdout).toBe("out\n");
    expect((await of("-a", "nothing")).code).toBe(125);
    expect((await of("-d", "-a", "stdout")).stderr).toContain("--attach and --detach");
  });

  it("are fed to one in the background, whose ID is printed", async () => {
    const words = ["run", "-i", "-a", "stdin", "--name", "fed", bench.name(), "cat"];
    const { code, stdout } = await bench.nacre(words, { input: "fed\n" });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^[0-9a-f]{64}\n$/)]);
    expect(await bench.does(["wait", "fed"])).toBe("0");
    expect(await bench.does(["logs", "fed"])).toBe("fed");
    await bench.does(["rm", "fed"]);
  });
});

describe("a parent of cgroups that the user made", () => {
  it("stays, with what the user has set, when the last container in it is gone", async () => {
    const parent = "/sys/fs/cgroup/pids/nacre-test-parent";
    mkdirSync(parent);
    try {
      await bench.unchanged(async () => {
        const options = ["--cgroup-parent", "nacre-test-parent", "--pids-limit", "5"];
        expect(await bench.prints(options, ["echo", "in"])).toBe("in");
        await bench.does([
          "run",
          "-d",
          "--name",
          "kept",
          ...options,
          bench.name(),
          "sleep",
          "1000",
        ]);
        await bench.does(["rm", "-f", "kept"]);
      });
    } finally {
      expect(existsSync(parent)).toBe(true);
      // Fails if something is left in it; the kernel may take a moment to let go of what was.
      await bench.until(() => spawnSync("rmdir", [parent]).status === 0);
    }
  });
});
