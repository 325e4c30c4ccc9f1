// When an installation has Node frozen, and what it leaves: bin/nacre, start.cjs and freeze.cjs for real.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freezeCommand, freezeEnvironment } from "../../cli/frozen.ts";
import { TRIAL } from "../../cli/trial.ts";
import { OWN_NODE } from "../own-node.ts";

const PACKAGE = fileURLToPath(new URL("../../cli", import.meta.url));
const ROOT = process.getuid?.() === 0;
const THAWS =
  process.arch === "x64" && existsSync(join(PACKAGE, "dist", `nacre-start-${process.arch}`));

let directory: string;
let dist: string;
let image: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "nacre-freezing-"));
  const copy = join(directory, "package");
  const shipped = (path: string): boolean =>
    !/\.mjs$|\/(types|plugins|native|frozen.*)$/.test(path);
  for (const part of ["bin", "dist", "package.json"]) {
    cpSync(join(PACKAGE, part), join(copy, part), { recursive: true, filter: shipped });
  }
  dist = join(copy, "dist");
  image = join(dist, ROOT ? "frozen" : "frozen-unprivileged");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const launcher = (): string => join(directory, "package", "bin", "nacre");
const version = () => spawnSync(launcher(), ["version"], { encoding: "utf8" });
const begins = (environment = {}): string => {
  const words = ["--root", join(directory, "state"), "info", "--format", "{{.Node.Thawed}}"];
  const env = { ...process.env, ...environment };
  return spawnSync(launcher(), words, { env, encoding: "utf8" }).stdout;
};
const ofImages = (): string[] => readdirSync(dist).filter((name) => /^frozen/.test(name));
const frozenMs = (): number | undefined => statSync(image, { throwIfNoEntry: false })?.mtimeMs;
const isMade = () => expect.poll(ofImages, { timeout: 20_000 }).toEqual([basename(image)]);

/** Sets the clock of a file to so many seconds from now. */
function setClock(path: string, seconds: number): void {
  const then = Date.now() / 1000 + seconds;
  utimesSync(path, then, then);
}

/** Freezes in the foreground. */
function freeze(starter: readonly string[] = []) {
  const [command = "", ...words] = [...starter, ...freezeCommand(dist, OWN_NODE, image)];
  // The addon cannot be in what is no Node.
  const env = starter.length > 0 ? { PATH: process.env.PATH } : freezeEnvironment(dist);
  return spawnSync(command, words, { env, encoding: "utf8", cwd: directory });
}

// Elsewhere there is nothing that could be frozen (THAWS).
describe.runIf(THAWS)("an installation", () => {
  it("without an image makes one behind its first command, and begins with it from then on", async () => {
    const first = version();
    expect(first.stdout).toMatch(/^Nacre /);
    await isMade();
    expect(statSync(image).mode & 0o777).toBe(0o600);
    const made = frozenMs();
    expect(version()).toMatchObject({ status: 0, stdout: first.stdout, stderr: "" });
    expect(begins()).toBe("true\n");
    expect(begins({ NACRE_FROZEN: "never" })).toBe("false\n");
    expect(frozenMs()).toBe(made);
    await isMade();
  });

  it("replaces an image that is of no use, but not each time: another may have just made it", async () => {
    expect(freeze().status).toBe(0);
    truncateSync(image, 5000);
    const spoilt = frozenMs();
    expect(version().status).toBe(0);
    expect(ofImages()).toEqual([basename(image)]);
    setClock(image, -61);
    expect(version().status).toBe(0);
    await expect.poll(() => statSync(image).size, { timeout: 20_000 }).toBeGreaterThan(1e6);
    expect(frozenMs()).not.toBe(spoilt);
    await isMade();
  });

  it.each([
    ["an hour ago", -3700],
    ["in an hour, as the clock was set back", 3700],
  ])("does not wait for who began to freeze %s", async (_, seconds) => {
    writeFileSync(`${image}.lock`, "");
    setClock(`${image}.lock`, seconds);
    writeFileSync(`${image}.1`, "half of it");
    setClock(`${image}.1`, seconds);
    expect(version().status).toBe(0);
    await isMade();
  });

  it("waits for who has just begun to", () => {
    writeFileSync(`${image}.lock`, "");
    expect(version().status).toBe(0);
    expect(ofImages()).toEqual([`${basename(image)}.lock`]);
  });
});

// Elsewhere there is nothing that could be frozen (THAWS).
describe.runIf(THAWS)("freezing", () => {
  it("takes no process for one that was made of the image that was started as usual", () => {
    const words = [join(dist, "freeze.cjs"), TRIAL];
    expect(spawnSync(OWN_NODE, words, { cwd: directory }).status).toBe(1);
    expect(readdirSync(directory)).toEqual(["package"]);
  });

  it("is ended before others where memory is short", async () => {
    const [command = "", ...words] = freezeCommand(dist, OWN_NODE, image);
    const freezer = spawn(command, words, { env: freezeEnvironment(dist), stdio: "ignore" });
    const ended = once(freezer, "exit");
    const last = () => readFileSync(`/proc/${freezer.pid}/oom_score_adj`, "utf8").trim();
    // Nobody asks for its end meanwhile: it can be looked at even when it is over.
    const until = performance.now() + 20_000;
    while (last() !== "1000" && performance.now() < until);
    expect(last()).toBe("1000");
    expect(await ended).toEqual([0, null]);
  });

  it("has the heap of a process that has the machine", () => {
    expect(freezeCommand(dist, OWN_NODE, image)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^--max-old-space-size=\d{3,4}$/)]),
    );
  });

  // Who is not root makes no namespace of PIDs.
  it.skipIf(!ROOT)("refuses where /proc shows other processes", () => {
    const { status, stderr } = freeze(["unshare", "--pid", "--fork"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/proc is another PID namespace's/);
    expect(ofImages()).toEqual([]);
  });
});
