// bin/nacre with a package around it that only says how it was started.

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NODE_FLAGS } from "../../cli/node-flags.ts";

const LAUNCHER = fileURLToPath(new URL("../../cli/bin/nacre", import.meta.url));
const STARTER = fileURLToPath(new URL("../../backends/linux/dist/nacre-start", import.meta.url));
const NODE = realpathSync(process.execPath);
const TELL = `console.log(JSON.stringify({ words: process.argv.slice(2), node: process.execPath, flags: process.execArgv }))`;

let directory: string;
let home: string;

/** A node that answers as another version would; `lives` also runs scripts. */
function fakeNode(path: string, lives: boolean): void {
  mkdirSync(join(path, ".."), { recursive: true });
  // What the launcher asks is a script after -e; an old Node says no to it.
  const body = lives ? `exec ${NODE} "$@"` : "exit 1";
  writeFileSync(path, `#!/bin/sh\necho run >> "${path}.calls"\n${body}\n`);
  chmodSync(path, 0o755);
}

function makePackage(at: string): string {
  for (const name of ["bin", "dist"]) mkdirSync(join(at, name), { recursive: true });
  copyFileSync(LAUNCHER, join(at, "bin", "nacre"));
  writeFileSync(join(at, "dist", "start.cjs"), TELL);
  return join(at, "bin", "nacre");
}

interface Told {
  readonly words: string[];
  readonly node: string;
  readonly flags: string[];
}

function start(launcher: string, environment: Record<string, string>, ...words: string[]) {
  const { status, stdout, stderr } = spawnSync(launcher, words, {
    env: environment,
    encoding: "utf8",
    cwd: directory,
  });
  const told = stdout === "" ? undefined : JSON.parse(stdout);
  return { status, stderr, told: told as Told | undefined };
}

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "nacre launcher ")));
  home = join(directory, "home");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function run(command: string, ...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return stdout;
}

/** How many pages of a file are in the page cache. */
const resident = (file: string): number =>
  Number(run("fincore", "--noheadings", "--output", "PAGES", file));

/** No node of this machine: where one is installed, an absent PATH does not hide it. */
const hidden = (): Record<string, string> => ({ HOME: home, PATH: join(directory, "nowhere") });

describe("the launcher", () => {
  it("starts the recorded node and looks for no other", () => {
    const launcher = makePackage(join(directory, "package"));
    const recorded = join(directory, "recorded");
    symlinkSync(NODE, recorded);
    writeFileSync(join(directory, "package", "dist", "node"), `${recorded}\n`);
    fakeNode(join(directory, "bin", "node"), true);
    const { told } = start(launcher, { PATH: join(directory, "bin") }, "run", "a b", "--", "*");
    expect(told?.words).toEqual(["run", "a b", "--", "*"]);
    expect(existsSync(join(directory, "bin", "node.calls"))).toBe(false);
  });

  it("hands every word on, those too that Node has a meaning for", () => {
    const words = ["run", "--env-file", "absent", "--env-file=absent", "--", "--eval", "x"];
    const { status, stderr, told } = start(makePackage(directory), { NACRE_NODE: NODE }, ...words);
    expect({ status, stderr, words: told?.words }).toEqual({ status: 0, stderr: "", words });
  });

  it("starts Node as supervisors do", () => {
    const { told } = start(makePackage(directory), { NACRE_NODE: NODE }, "x");
    expect(told?.flags).toEqual(NODE_FLAGS);
  });

  it("prefers NACRE_NODE", () => {
    const launcher = makePackage(join(directory, "package"));
    writeFileSync(join(directory, "package", "dist", "node"), "/bin/false\n");
    expect(start(launcher, { NACRE_NODE: NODE }).status).toBe(0);
  });

  it.each([
    ["beside the package in a workspace", "node_modules/.bin/node"],
    ["beside the installed package", ".bin/node"],
  ])("finds a node %s, with an empty environment", (_, place) => {
    const launcher = makePackage(join(directory, "package"));
    mkdirSync(join(directory, place, ".."), { recursive: true });
    symlinkSync(NODE, join(directory, place));
    expect(start(launcher, {}, "x").told?.words).toEqual(["x"]);
  });

  it("passes by a node that is too old, also where it stands first in PATH", () => {
    const launcher = makePackage(join(directory, "package"));
    fakeNode(join(directory, "old", "node"), false);
    fakeNode(join(directory, "new place", "node"), true);
    const PATH = `${directory}/old:${directory}/new place`;
    expect(start(launcher, { PATH }, "x").told?.words).toEqual(["x"]);
    expect(existsSync(join(directory, "old", "node.calls"))).toBe(true);
  });

  it.each([
    ".nvm/versions/node/v24.1.0/bin/node",
    ".volta/tools/image/node/24.1.0/bin/node",
    ".local/share/fnm/node-versions/v24.1.0/installation/bin/node",
    ".asdf/installs/nodejs/24.1.0/bin/node",
  ])("finds ~/%s", (place) => {
    const launcher = makePackage(join(directory, "package"));
    fakeNode(join(home, place), true);
    expect(start(launcher, hidden(), "x").told?.words).toEqual(["x"]);
    expect(existsSync(join(home, `${place}.calls`))).toBe(true);
  });

  it("remembers what it found, and looks again when that is gone", () => {
    const root = join(directory, "package");
    const launcher = makePackage(root);
    const first = join(directory, "first", "node");
    fakeNode(first, true);
    start(launcher, { PATH: join(directory, "first") });
    expect(readFileSync(join(root, "dist", "node"), "utf8")).toBe(`${first}\n\n`);
    expect(start(launcher, hidden(), "y").told?.words).toEqual(["y"]);
    rmSync(first);
    fakeNode(join(directory, "second", "node"), true);
    expect(start(launcher, { PATH: join(directory, "second") }, "z").told?.words).toEqual(["z"]);
  });

  it.each([
    ["node_modules/nacre", "node_modules/.bin/nacre", "../nacre/bin/nacre"],
    ["lib/node_modules/nacre", "bin/nacre", "../lib/node_modules/nacre/bin/nacre"],
    ["elsewhere/package", "some/where/nacre", "../../elsewhere/package/bin/nacre"],
  ])("works from %s through the link %s", (place, link, target) => {
    makePackage(join(directory, place));
    mkdirSync(join(directory, link, ".."), { recursive: true });
    symlinkSync(target, join(directory, link));
    const { told, stderr } = start(join(directory, link), { NACRE_NODE: NODE }, "x");
    expect(stderr).toBe("");
    expect(told?.words).toEqual(["x"]);
  });

  it("works when called by a shell with a bare name", () => {
    makePackage(join(directory, "package"));
    const { stdout } = spawnSync("/bin/sh", ["nacre", "x"], {
      cwd: join(directory, "package", "bin"),
      env: { NACRE_NODE: NODE },
      encoding: "utf8",
    });
    expect(JSON.parse(stdout).words).toEqual(["x"]);
  });

  it("says what to do in a checkout that was not built", () => {
    const launcher = makePackage(join(directory, "package"));
    rmSync(join(directory, "package", "dist"), { recursive: true });
    const { status, stderr } = start(launcher, hidden());
    expect(status).toBe(125);
    expect(stderr).toContain("npm ci");
  });

  it("says what is missing where no node is new enough", () => {
    const launcher = makePackage(join(directory, "package"));
    // Every place of the machine itself is passed by where the question cannot be answered.
    const blind = readFileSync(launcher, "utf8").replaceAll(/\/(usr|opt|snap)\//g, "/none/$1/");
    writeFileSync(launcher, blind);
    const { status, stderr } = start(launcher, hidden());
    expect(status).toBe(125);
    expect(stderr).toMatch(/no Node 22\.19 or newer was found[\s\S]*NACRE_NODE/);
  });

  // It is written for the system calls of x64 and arm64, and not built for other processors.
  describe.runIf(existsSync(STARTER))("with nacre-start", () => {
    let launcher: string;
    let root: string;
    const name = `nacre-start-${process.arch}`;
    beforeEach(() => {
      root = join(directory, "package");
      launcher = makePackage(root);
      copyFileSync(STARTER, join(root, "dist", name));
    });

    it("finds the one that this processor executes, and keeps its name", () => {
      const other = join(root, "dist", "nacre-start-other");
      writeFileSync(other, "\x7fELF of another processor");
      chmodSync(other, 0o755);
      const { told } = start(launcher, { NACRE_NODE: "", PATH: join(NODE, "..") }, "a b", "*");
      expect(told).toMatchObject({ words: ["a b", "*"], flags: [...NODE_FLAGS] });
      expect(readFileSync(join(root, "dist", "node"), "utf8")).toBe(`${NODE}\n${name}\n`);
    });

    it("does without where it is gone", () => {
      writeFileSync(join(root, "dist", "node"), `${NODE}\n${name}\n`);
      rmSync(join(root, "dist", name));
      expect(start(launcher, hidden(), "x").told?.words).toEqual(["x"]);
    });

    it("hands on the words, the environment and the code of the end", () => {
      const node = join(directory, "node");
      writeFileSync(node, `#!/bin/sh\necho "$NACRE_NODE $#"\nexit 7\n`);
      chmodSync(node, 0o755);
      const starter = join(root, "dist", name);
      const { status, stdout } = spawnSync(starter, [node, "a", ""], {
        env: { NACRE_NODE: "kept" },
        encoding: "utf8",
      });
      expect({ status, stdout }).toEqual({ status: 7, stdout: "kept 2\n" });
    });

    it("tells Node of a SIGHUP that its caller has it ignore, which Node would forget", () => {
      const node = join(directory, "node");
      writeFileSync(node, `#!/bin/sh\necho "$0 $* $# $NACRE_NODE \${NACRE_NOHUP-untold} $LAST"\n`);
      chmodSync(node, 0o755);
      const called = (line: string) =>
        spawnSync("sh", ["-c", line, join(root, "dist", name), node, "a", ""], {
          env: { NACRE_NODE: "kept", LAST: "last" },
          encoding: "utf8",
        }).stdout;
      expect(called(`trap "" HUP; exec "$0" "$@"`)).toBe(`${node} a  2 kept 1 last\n`);
      expect(called(`exec "$0" "$@"`)).toBe(`${node} a  2 kept untold last\n`);
    });

    it("says what cannot be executed", () => {
      const { status, stderr } = spawnSync(join(root, "dist", name), ["/none"], {
        encoding: "utf8",
      });
      expect(status).toBe(125);
      expect(stderr).toBe(
        "nacre: /none cannot be executed; set NACRE_NODE to the path of a Node\n",
      );
    });

    it("has what is not in memory read whole", ({ skip }) => {
      const file = join(directory, "big");
      writeFileSync(file, Buffer.alloc((5 << 20) + 1, "x"), { mode: 0o755 });
      run("dd", `if=${file}`, `of=${file}`, "conv=notrunc,fdatasync", "bs=1M");
      run("dd", `if=${file}`, "iflag=nocache", "count=0");
      if (resident(file) > 0) skip("this file system keeps all in memory");
      // It is no program: it is read, and then not executed.
      expect(spawnSync(join(root, "dist", name), [file]).status).toBe(125);
      expect(resident(file)).toBe(1281);
    });
  });

  it("uses nothing but a shell on its way", () => {
    const launcher = makePackage(join(directory, "package"));
    writeFileSync(join(directory, "package", "dist", "node"), `${NODE}\n`);
    expect(start(launcher, { PATH: join(directory, "nowhere") }, "x").told?.words).toEqual(["x"]);
  });
});
