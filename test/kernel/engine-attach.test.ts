// attach, from a terminal and without one.

import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bench, outcomeOf } from "./engine-bench.ts";

const NACRE = fileURLToPath(new URL("../../cli/bin/nacre", import.meta.url));

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.make();
  await bench.does(["pull", "-q", bench.name()]);
  await bench.nacre(["run", "--rm", bench.name(), "true"]); // says once that there is no network
});
afterAll(() => bench[Symbol.asyncDispose]());

/** Runs the command line in a terminal of 33 by 99, types what follows what is seen; its end and what was seen. */
async function inTerminal(words: readonly string[], steps: readonly (readonly [string, string])[]) {
  const script = `
import pty, os, sys, json, termios, fcntl, struct
words, steps = json.loads(sys.argv[1]), json.loads(sys.argv[2])
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    os.execv(words[0], words)
seen, cooked = "", termios.tcgetattr(fd)[3]
for wanted, keys in steps:
    at = len(seen)
    while wanted not in seen[at:]:
        seen += os.read(fd, 4096).decode()
    os.write(fd, keys.encode())
try:
    while True:
        data = os.read(fd, 4096)
        if not data: break
        seen += data.decode()
except OSError: pass
_, status = os.waitpid(pid, 0)
print(json.dumps({"code": os.waitstatus_to_exitcode(status), "seen": seen, "restored": termios.tcgetattr(fd)[3] == cooked}))
`;
  const line = [NACRE, "--root", bench.root, ...words];
  const given = [JSON.stringify(line), JSON.stringify(steps)];
  const { stdout } = await promisify(execFile)("python3", ["-c", script, ...given]);
  return JSON.parse(stdout) as { code: number; seen: string; restored: boolean };
}

describe("attach", () => {
  it("gives a terminal back and forth, and leaves the container running at two keys", async () => {
    await bench.unchanged(async () => {
      await bench.does(["run", "-dit", "--name", "term", bench.name(), "sh"]);
      const first = await inTerminal(
        ["attach", "term"],
        [
          ["", "stty size; echo he''re\r"],
          ["here\r\n", "\x10\x11"],
        ],
      );
      expect(first).toMatchObject({ code: 0, restored: true });
      expect(first.seen).toContain("33 99\r\n");
      expect(JSON.parse(await bench.does(["inspect", "term"]))[0].State.Running).toBe(true);
      const second = await inTerminal(["attach", "term"], [["", "exit 5\r"]]);
      expect(second.code).toBe(5);
      await bench.does(["rm", "term"]);
    });
  });

  it("keeps outputs apart without a terminal, and hands on input and signals", async () => {
    await bench.unchanged(async () => {
      const script =
        "trap 'echo term >&2; exit 7' TERM; read a; echo $a; while :; do sleep 0.05; done";
      const words = ["run", "-di", "--name", "piped", bench.name(), "sh", "-c", script];
      const id = await bench.does(words);
      const { mode } = statSync(join(bench.root, "containers", id, "attach"));
      expect(mode & 0o777).toBe(0o600);
      const child = bench.start(["attach", "piped"]);
      const outcome = outcomeOf(child);
      child.stdin?.write("words\n");
      await bench.until(async () => (await bench.does(["logs", "piped"])) === "words");
      child.kill("SIGTERM");
      expect(await outcome).toEqual({ code: 7, stdout: "words\n", stderr: "term\n" });
      await bench.does(["rm", "piped"]);
    });
  });

  it("loses nothing of what is written while it looks, also where it is slow", async () => {
    const script = "read go; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i; done";
    await bench.does(["run", "-di", "--name", "many", bench.name(), "sh", "-c", script]);
    const child = bench.start(["attach", "many"]);
    child.stdin?.write("go\n");
    const { stdout, code } = await outcomeOf(child);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toEqual(
      Array.from({ length: 20_000 }, (_, i) => `line ${i + 1}`),
    );
    await bench.does(["rm", "many"]);
  });

  it("is not held up by who looks no more, nor by a root that lies deep", async () => {
    const root = join(bench.base, "deep".repeat(30), "root");
    const does = (...words: string[]) => bench.does(words, { root });
    await does("pull", "-q", bench.name());
    await does("run", "-q", "-di", "--name", "deep", bench.name(), "cat");
    const child = bench.start(["attach", "deep"], { root });
    const outcome = outcomeOf(child);
    child.stdin?.write("seen\n");
    await bench.until(async () => (await does("logs", "deep")) === "seen");
    child.kill("SIGKILL");
    expect((await outcome).stdout).toBe("seen\n");
    await does("rm", "-f", "deep");
  });

  it("says what cannot be attached to", async () => {
    expect((await bench.nacre(["attach", "nobody"])).stderr).toContain("no such container");
    await bench.does(["create", "--name", "idle", bench.name(), "true"]);
    expect((await bench.nacre(["attach", "idle"])).stderr).toContain("it is created");
    await bench.does(["rm", "idle"]);
  });
});
