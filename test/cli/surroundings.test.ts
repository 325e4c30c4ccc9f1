// The command as it was built, where its caller's directory is gone and where its output does not fit.

import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const NACRE = fileURLToPath(new URL("../../cli/bin/nacre", import.meta.url));
const FULL = "/dev/full";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "nacre-surroundings-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const globals = () => ["--backend", "simulated", "--root", join(root, "state")];

describe.each([
  ["of a frozen Node", {}],
  ["started as usual", { NACRE_FROZEN: "never" }],
])("a command %s", (_, more) => {
  const environment = { PATH: process.env.PATH, ...more };

  /** In a directory that is removed before the command begins. */
  function nowhere(...words: string[]) {
    const script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"';
    const whole = ["-c", script, join(root, "gone"), NACRE, ...globals(), ...words];
    return spawnSync("sh", whole, { env: environment, encoding: "utf8" });
  }

  it("does without a working directory where no path is relative", () => {
    expect(nowhere("images", "-q")).toMatchObject({ status: 0, stdout: "" });
    const { status, stderr } = nowhere("run", "-v", "/tmp:/d", "--pull", "never", "none:1");
    expect(stderr).toContain("none:1");
    expect(stderr).not.toContain("working directory");
    expect(status).toBe(125);
  });

  it("says of a relative path that the working directory is gone", () => {
    for (const [code, ...words] of [
      [125, "run", "-v", "./here:/d", "none:1"],
      [1, "cp", "box:/etc", "here"],
      [1, "build", "."],
      [1, "--root", "state", "images"],
    ] as const) {
      const { status, stderr } = nowhere(...words);
      expect(stderr).toContain("nacre: the working directory is not there any more\n");
      expect(stderr).toContain("give absolute paths");
      expect(status).toBe(code);
    }
  });

  // Linux alone has a file that is always full.
  it.skipIf(!existsSync(FULL))("fails where its output cannot be written", () => {
    const full = openSync(FULL, "w");
    try {
      const { status, stderr } = spawnSync(NACRE, [...globals(), "images"], {
        env: environment,
        stdio: ["ignore", full, "pipe"],
        encoding: "utf8",
      });
      expect(stderr).toMatch("nacre: standard output cannot be written: no space is left");
      expect(status).toBe(1);
    } finally {
      closeSync(full);
    }
  });

  // Linux alone has a file that is always full.
  it.skipIf(!existsSync(FULL))("does its work where only its errors cannot be written", () => {
    const full = openSync(FULL, "w");
    try {
      const { status } = spawnSync(NACRE, [...globals(), "rmi", "none:1"], {
        env: environment,
        stdio: ["ignore", "pipe", full],
      });
      expect(status).toBe(1);
    } finally {
      closeSync(full);
    }
  });
});
