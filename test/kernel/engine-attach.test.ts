// attach, from a terminal and without one.

import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type TypedStep, typedInto } from "../cli/in-terminal.ts";
import { benchForTests, outcomeOf } from "./engine-bench.ts";

const NACRE = fileURLToPath(new URL("../../cli/bin/nacre", import.meta.url));

const bench = benchForTests();

const inTerminal = (words: readonly string[], steps: readonly TypedStep[]) =>
  typedInto([NACRE, "--root", bench.root, ...words], steps);

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
    const shown = once(child.stdout!, "data");
    child.stdin?.write("seen\n");
    await shown;
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
