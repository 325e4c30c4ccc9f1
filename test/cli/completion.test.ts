import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FakeEngine } from "./fake-engine.ts";
import { nacre } from "./fake-host.ts";

const words = async (...line: string[]) => {
  const { out } = await nacre(["__complete", "--", ...line], { engine: new FakeEngine() });
  return out
    .split("\n")
    .filter((each) => each !== "")
    .map((each) => each.split("\t")[0]);
};

describe("completion offers", () => {
  it("commands, and what follows a first word", async () => {
    expect(await words("")).toContain("run");
    expect(await words("")).not.toContain("settle");
    expect(await words("im")).toEqual(["images", "import", "image"]);
    expect(await words("image", "")).toEqual(expect.arrayContaining(["inspect", "layers", "ls"]));
    expect(await words("explain", "")).toEqual(["run"]);
  });

  it("options of the command, and none of the container's own", async () => {
    expect(await words("run", "--me")).toEqual(expect.arrayContaining(["--memory"]));
    expect(await words("run", "--tmp")).toEqual(["--tmpfs"]);
    expect(await words("run", "debian", "--mem")).toEqual([":files"]);
    expect(await words("--r")).toEqual(["--root"]);
  });

  it("values where an option has known ones", async () => {
    expect(await words("run", "--network", "")).toEqual(["none", "host"]);
    expect(await words("--backend", "s")).toEqual(["simulated"]);
    expect(await words("run", "-v", "")).toEqual([":files"]);
  });

  it("images and containers of this machine", async () => {
    expect(await words("run", "deb")).toEqual(["debian:12"]);
    expect(await words("--root", "/x", "run", "--rm", "-e", "A=1", "deb")).toEqual(["debian:12"]);
    expect(await words("exec", "")).toEqual(["web"]);
    expect(await words("rm", "-f", "web", "w")).toEqual(["web"]);
  });

  it("files after an image's name", async () => {
    expect(await words("run", "debian", "ca")).toEqual([":files"]);
  });

  it("nothing where the words mean nothing, or the engine fails", async () => {
    expect(await words("--bogus", "")).toEqual([]);
    expect(await words("bogus", "")).toEqual([]);
    const { code, out, err } = await nacre(["__complete", "--", "rm", ""]);
    expect({ code, out, err }).toEqual({ code: 0, out: "", err: "" });
  });
});

const script = (shell: string): string =>
  fileURLToPath(new URL(`../../cli/completions/nacre.${shell}`, import.meta.url));
const missing = (shell: string): boolean =>
  !["/bin", "/usr/bin", "/usr/local/bin"].some((place) => existsSync(join(place, shell)));

describe("completion scripts", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "nacre-completion-"));
    // Says which words it was asked about, as candidates.
    const answer = `#!/bin/sh\nshift 2\nfor word; do last=$word; done\n[ "$1" = files ] && { echo :files; exit; }\nprintf '%s\\tsays\\n' "$last"one "$last"two\n`;
    writeFileSync(join(directory, "nacre"), answer);
    chmodSync(join(directory, "nacre"), 0o755);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const complete = (line: string): string[] => {
    const program = `
      source ${script("bash")}
      COMP_LINE=${JSON.stringify(line)} COMP_POINT=\${#COMP_LINE}
      _nacre
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", program], {
      encoding: "utf8",
      env: { PATH: `${directory}:${process.env.PATH}` },
    });
    expect(stderr).toBe("");
    return stdout.trimEnd().split("\n");
  };

  it("are printed for each shell", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const files = { [script(shell)]: readFileSync(script(shell), "utf8") };
      const { out } = await nacre(["completion", shell], { files });
      expect(out).toContain("__complete");
    }
    const { code, err } = await nacre(["completion", "tcsh"]);
    expect(code).toBe(125);
    expect(err).toContain("bash, zsh or fish");
  });

  it("carry words and candidates in bash", () => {
    expect(complete("nacre run a")).toEqual(["aone", "atwo"]);
    expect(complete("nacre run ")).toEqual(["one", "two"]);
  });

  it("cut what bash takes for words of their own", () => {
    expect(complete("nacre run debian:1")).toEqual(["1one", "1two"]);
    expect(complete("nacre run --name=w")).toEqual(["wone", "wtwo"]);
  });

  it("leave files to bash", () => {
    expect(complete("nacre files x")).toEqual([""]);
  });

  for (const shell of ["zsh", "fish"]) {
    // A shell that is not installed cannot say whether it understands the script.
    it.skipIf(missing(shell))(`are read by ${shell}`, () => {
      const { status, stderr } = spawnSync(shell, ["-n", script(shell)], { encoding: "utf8" });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    });
  }
});
