import { describe, expect, it } from "vitest";
import { nearest } from "../../cli/nearest.ts";
import { FakeEngine } from "./fake-engine.ts";
import { nacre } from "./fake-host.ts";

describe("the nearest word", () => {
  it.each<[string, string[]]>([
    ["--memry", ["--memory"]],
    ["--mem", ["--memory"]],
    ["--nmae", ["--name"]],
    ["--xyzzy", []],
  ])("to %s: %j", (word, meant) => {
    expect(nearest(word, ["--memory", "--name", "--env", "--rm"])).toEqual(meant);
  });

  it("is said where a flag or a command is unknown", async () => {
    const engine = new FakeEngine();
    const flag = await nacre(["run", "--memry", "3", "debian"], { engine });
    expect(flag).toMatchObject({ code: 125 });
    expect(flag.err).toBe(
      "unknown flag: --memry\nDid you mean --memory?\nSee 'nacre run --help'.\n",
    );
    const command = await nacre(["rnu", "debian"], { engine });
    expect(command).toMatchObject({ code: 1 });
    expect(command.err).toContain("Did you mean run");
    expect((await nacre(["image", "layrs"], { engine })).err).toContain("Did you mean layers?");
    expect((await nacre(["frobnicate"], { engine })).err).not.toContain("Did you mean");
  });

  it.each([
    [["ps", "--root", "/x"], "--root", "nacre --root DIRECTORY ps"],
    [
      ["image", "layers", "--backend=simulated", "x"],
      "--backend",
      "nacre --backend LINUX|SIMULATED image layers",
    ],
    [["volume", "ls", "--version"], "--version", "nacre --version volume ls"],
  ])("of %j is one that stands before the command", async (words, option, line) => {
    const { code, err } = await nacre(words, { engine: new FakeEngine() });
    expect(code).toBe(125);
    expect(err.split("\n")).toEqual([
      `unknown flag: ${option}`,
      `${option} is an option of nacre itself and stands before the command: ${line}`,
      expect.stringContaining("--help"),
      "",
    ]);
  });
});
