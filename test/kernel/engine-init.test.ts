// An init in a real container: what can be reached through it, and the terminal that it shares.

import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { benchForTests } from "./engine-bench.ts";

const bench = benchForTests();

describe("the init of a container", () => {
  it("shows nothing of the caller, and nobody writes to its binary, whatever powers they have", async () => {
    const script = [
      "tr '\\0' '\\n' </proc/1/environ | wc -c",
      "ls /proc/1/fd | tr '\\n' ' '",
      "sh -c 'echo x >/proc/1/exe' 2>&1 | sed 's/.*: //'",
    ].join("; ");
    for (const powers of [[], ["--cap-add", "SYS_PTRACE"], ["--privileged"]]) {
      await bench.unchanged(async () => {
        const lines = (await bench.prints(["--init", ...powers], ["sh", "-c", script])).split("\n");
        expect(lines).toEqual(["0", "0 1 2 Read-only file system"]);
      });
    }
  });

  it("lets the command have the terminal: its signals and its sizes reach the command alone", async () => {
    const script = "trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.05; done";
    const python = [
      "import os, pty, sys, time",
      "pid, fd = pty.fork()",
      "if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])",
      "seen = b''",
      "while b'ready' not in seen: seen += os.read(fd, 1024)",
      "os.write(fd, b'\\x03')",
      "try:",
      "  while True: seen += os.read(fd, 1024)",
      "except OSError: pass",
      "print(seen.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
    ].join("\n");
    const words = ["--root", bench.root, "run", "--rm", "-it", "--init", bench.name()];
    const nacre = new URL("../../cli/bin/nacre", import.meta.url).pathname;
    const out = execFileSync("python3", ["-c", python, nacre, ...words, "sh", "-c", script], {
      encoding: "utf8",
    });
    expect(out).toContain("interrupted");
    expect(out.trim()).toMatch(/ 5$/);
  });

  it("is there for a user that is not root, and in another's pid namespace", async () => {
    const who = ["sh", "-c", "id -u; tr '\\0' ' ' </proc/1/cmdline"];
    expect(await bench.prints(["--init", "--user", "7:8"], who)).toBe("7\nnacre-init --init 2");
    const orphans = ["sh", "-c", "(sleep 0.1 &); sleep 0.3; exit 6"];
    const shared = ["run", "--rm", "--init", "--pid", "host", bench.name(), ...orphans];
    await bench.unchanged(async () => {
      expect((await bench.nacre(shared)).code).toBe(6);
    });
  });
});
