// WebAssembly modules in real containers: what the command line does on every backend, and what
// only a kernel gives.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../contract/temporary.ts";
import { runsModules, wasmMachine } from "../plugins/wasi/command-line.ts";

const machine = wasmMachine("linux");
runsModules("linux", machine);

describe("a module in a real container", () => {
  it("runs detached, with a log, more processes beside it, and ends at SIGTERM", async () => {
    const { images, nacre } = machine;
    expect((await nacre(["run", "-d", "--name", "looping", images.tool, "loop"])).code).toBe(0);
    const log = async () => (await nacre(["logs", "looping"])).stdout;
    await expect.poll(log, { timeout: 20_000 }).toBe("looping\n");
    const second = await nacre(["exec", "looping", "/tool.wasm", "args", "second"]);
    expect(second).toEqual({ code: 0, stdout: "/tool.wasm|args|second\n", stderr: "" });
    expect((await nacre(["stop", "looping"])).code).toBe(0);
    const code = await nacre(["inspect", "-f", "{{.State.ExitCode}}", "looping"]);
    expect(code.stdout).toBe("143\n");
    expect((await nacre(["rm", "looping"])).code).toBe(0);
  });

  it("keeps what it wrote in its storage layer, and shows it to the next process", async () => {
    const { images, nacre } = machine;
    await nacre(["run", "-d", "--name", "writing", images.tool, "loop"]);
    const exec = (...words: string[]) => nacre(["exec", "writing", "/tool.wasm", ...words]);
    expect(await exec("write", "/etc/new", "kept")).toMatchObject({ code: 0, stderr: "" });
    expect((await exec("cat", "/etc/new")).stdout).toBe("kept");
    expect((await exec("rm", "/etc/motd")).code).toBe(0);
    expect((await exec("ls", "/etc")).stdout.split("\n")).not.toContain("motd");
    expect((await nacre(["rm", "-f", "writing"])).code).toBe(0);
  });

  it("reads and writes what is mounted, and says what it could not keep", async () => {
    const { images, nacre } = machine;
    const directory = join(temporaryDirectory(), "bound");
    mkdirSync(directory);
    writeFileSync(join(directory, "given"), "of the machine");
    const run = (mount: string, ...words: string[]) =>
      nacre(["run", "--rm", "-v", mount, images.tool, ...words]);
    expect((await run(`${directory}:/data`, "cat", "/data/given")).stdout).toBe("of the machine");
    await run(`${directory}:/data`, "write", "/data/made", "of the module");
    expect(readFileSync(join(directory, "made"), "utf8")).toBe("of the module");
    const { stderr } = await run(`${directory}:/data:ro`, "write", "/data/made", "again");
    expect(stderr).toContain("wasi: /data/made is not kept: EROFS");
    expect(readFileSync(join(directory, "made"), "utf8")).toBe("of the module");
  });

  it("has no way into a Node of the container's by its environment", async () => {
    const { images, nacre } = machine;
    const words = ["run", "--rm", "-e", "NODE_OPTIONS=--no-such-option", images.tool, "env"];
    const { code, stdout } = await nacre(words);
    expect(code).toBe(0);
    expect(stdout).toContain("NODE_OPTIONS=--no-such-option\n");
  });

  it("runs as a user who is not root, within limits", async () => {
    const { images, nacre } = machine;
    const limits = ["--user", "1000:1000", "--memory", "256m", "--cpus", "1", "--read-only"];
    const { code, stdout } = await nacre(["run", "--rm", ...limits, images.tool, "args"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "/tool.wasm|args\n" });
  });
});
