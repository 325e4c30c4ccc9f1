// What the command line does with images of modules, the same on every backend.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveWasm, type WasmRegistry } from "./image.ts";

const NACRE = fileURLToPath(new URL("../../../cli/bin/nacre", import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Machine {
  readonly images: WasmRegistry;
  readonly nacre: (words: readonly string[], input?: string) => Promise<Outcome>;
}

/** One machine for a file of tests: a state root, and a registry with images. */
export function wasmMachine(backend: string): Machine {
  let root: string;
  let images: WasmRegistry;
  const nacre: Machine["nacre"] = (words, input) =>
    new Promise((resolve) => {
      const line = ["--root", join(root, "root"), "--backend", backend, ...words];
      const child = execFile(NACRE, line, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ code, stdout, stderr });
      });
      child.stdin?.end(input ?? "");
    });
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "nacre-wasi-"));
    images = await serveWasm();
    expect(await nacre(["pull", "-q", images.tool])).toMatchObject({ code: 0, stderr: "" });
    await nacre(["run", "--rm", images.tool, "args"]); // says once that there is no network
  });
  afterAll(async () => {
    await images[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true });
  });
  return {
    nacre,
    get images() {
      return images;
    },
  };
}

export function runsModules(backend: string, machine: Machine): void {
  const run = (command: readonly string[], options: readonly string[] = [], input?: string) =>
    machine.nacre(["run", "--rm", ...options, machine.images.tool, ...command], input);
  const printed = (stdout: string): Outcome => ({ code: 0, stdout, stderr: "" });

  describe(`an image of wasi/wasm on the ${backend} kernel`, () => {
    it("is executed by its platform, with its arguments", async () => {
      expect(await run(["args", "a b"])).toEqual(printed("/tool.wasm|args|a b\n"));
    });

    it("has its environment, that of the image first", async () => {
      const { stdout } = await run(["env"], ["-e", "MORE=given", "-h", "named"]);
      const variables = stdout.trimEnd().split("\n");
      expect(variables).toEqual(
        expect.arrayContaining(["FROM=image", "HOSTNAME=named", "MORE=given"]),
      );
      expect(stdout).not.toContain("NACRE");
    });

    it("has its standard streams", async () => {
      expect(await run(["cat"], ["-i"], "from standard input\n")).toEqual(
        printed("from standard input\n"),
      );
      expect(await run(["error"])).toEqual({ code: 3, stdout: "", stderr: "to standard error\n" });
    });

    it("sees the files of its layers, and its root", async () => {
      expect(await run(["cat", "/etc/motd"])).toEqual(printed("from a layer\n"));
      expect(await run(["cat", "/etc/link"])).toEqual(printed("from a layer\n"));
      expect((await run(["ls", "/"])).stdout.split("\n").sort()).toEqual(
        ["", "etc", "tool.wasm", "work"].sort(),
      );
    });

    it("ends with its exit code, and with 134 and the reason where it traps", async () => {
      expect(await run(["exit", "42"])).toEqual({ code: 42, stdout: "", stderr: "" });
      const trap = await run(["trap"]);
      expect(trap.code).toBe(134);
      expect(trap.stderr).toMatch(/^wasi: \/tool\.wasm trapped: unreachable\n/);
      const unknown = await run(["unknown"]);
      expect(unknown.code).toBe(134);
      expect(unknown.stderr).toContain("elsewhere.unknown is not there: it is not WASI's");
    });

    it("ends with 127 and 126 for what is missing and what is no module", async () => {
      const absent = await run([], ["--entrypoint", "absent"]);
      expect(absent.code).toBe(127);
      expect(absent.stderr).toBe('wasi: "absent": no such module in the image\n');
      const text = await run([], ["--entrypoint", "/etc/motd"]);
      expect(text.code).toBe(126);
      expect(text.stderr).toBe("wasi: /etc/motd: not a WebAssembly module\n");
    });

    it("sleeps, and says what it has to say meanwhile", async () => {
      expect(await run(["sleep", "20"])).toEqual(printed("going to sleep\nawake\n"));
    });

    it("is listed and inspected as others are", async () => {
      const { images, nacre } = machine;
      expect((await nacre(["run", "--name", "kept", images.tool, "exit", "5"])).code).toBe(5);
      const format = "{{.HostConfig.Runtime}} {{.Platform}} {{.State.ExitCode}}";
      expect((await nacre(["inspect", "-f", format, "kept"])).stdout).toBe("wasi wasi 5\n");
      expect((await nacre(["ps", "-a", "--format", "{{.Names}} {{.Status}}"])).stdout).toMatch(
        /^kept Exited \(5\)/,
      );
      expect((await nacre(["rm", "kept"])).code).toBe(0);
    });

    it("is chosen from an index by --platform or by --runtime", async () => {
      const { images, nacre } = machine;
      const pulled = await nacre(["pull", "-q", "--platform", "wasi/wasm", images.both]);
      expect(pulled).toMatchObject({ code: 0, stderr: "" });
      expect((await nacre(["run", "--rm", images.both, "args"])).stdout).toBe("/tool.wasm|args\n");
      expect((await nacre(["rmi", images.both])).code).toBe(0);
      const words = ["run", "--rm", "-q", "--runtime", "wasi", images.both, "args"];
      expect(await nacre(words)).toEqual(printed("/tool.wasm|args\n"));
    });

    it("is refused a runtime that is not there", async () => {
      const { code, stderr } = await run(["args"], ["--runtime", "lua"]);
      expect(code).toBe(125);
      expect(stderr).toBe("nacre: runtime lua not found\nThere are: wasi.\n");
    });

    it("is explained: what executes it, and nothing is run", async () => {
      const { images, nacre } = machine;
      const { stdout } = await nacre(["explain", "run", images.tool, "args"]);
      expect(stdout).toContain("/dev/.nacre/wasi/");
      expect(stdout).toContain("/tool.wasm args");
    });
  });
}
