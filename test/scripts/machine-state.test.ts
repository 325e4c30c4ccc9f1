import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { leaked, machineState, type RunMark } from "../../scripts/machine-state.ts";

describe("the comparison of the machine before and after a run", () => {
  let mark: RunMark;

  beforeEach(() => {
    const temporary = mkdtempSync(join(tmpdir(), "nacre-state-"));
    mark = { name: "NACRE_STATE_TEST", value: temporary, temporary };
  });
  afterEach(() => rmSync(mark.temporary, { recursive: true }));

  it("finds nothing where nothing was left", () => {
    const before = machineState(mark);
    expect(leaked(before, before)).toEqual([]);
  });

  it("names a temporary file", () => {
    const before = machineState(mark);
    writeFileSync(join(mark.temporary, "left"), "");
    expect(leaked(before, machineState(mark))).toContain("temporary file: left");
  });

  // /proc is where processes are seen.
  it.runIf(process.platform === "linux")(
    "names a process that inherited the mark, and what it started without it",
    async () => {
      const before = machineState(mark);
      const script = "env -i sleep 60.25 & read line; kill $!";
      const env = { ...process.env, [mark.name]: mark.value };
      const child = spawn("sh", ["-c", script], { env, stdio: ["pipe", "ignore", "ignore"] });
      const ended = new Promise((resolve) => child.on("exit", resolve));
      try {
        await expect
          .poll(() => leaked(before, machineState(mark)).join("\n"), { timeout: 20_000 })
          .toMatch(new RegExp(`process: ${child.pid} sh -c(.|\\n)*process: \\d+ sleep 60\\.25`));
      } finally {
        child.stdin.end("\n");
        await ended;
      }
      await expect
        .poll(() => leaked(before, machineState(mark)).filter((l) => l.startsWith("process:")), {
          timeout: 20_000,
        })
        .toEqual([]);
    },
  );
});
