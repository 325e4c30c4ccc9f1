// What every implementation of Runtime does. A subject brings an image's files and command lines of
// it that do simple things, in whatever its runtime executes.

import type { Runtime } from "@nacre/core/ports/runtime.ts";
import { beforeAll, describe, expect, it } from "vitest";
import { MapFiles, MemoryProcess } from "./interpreted-process.ts";

export interface RuntimeSubject {
  readonly runtime: Runtime;
  /** An image's files by absolute path. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly commands: {
    /** Prints the words, each on a line. */
    readonly print: (words: readonly string[]) => readonly string[];
    /** Prints the environment, each variable on a line. */
    readonly environment: readonly string[];
    /** Copies standard input to standard output. */
    readonly copy: readonly string[];
    /** Prints a file. */
    readonly read: (path: string) => readonly string[];
    readonly write: (path: string, text: string) => readonly string[];
    readonly exit: (code: number) => readonly string[];
    /** Prints something, then never ends by itself. */
    readonly forever: readonly string[];
    /** A file of the image that the runtime cannot execute. */
    readonly unfit: readonly string[];
  };
}

const DIRECTORY = "/dev/.nacre/subject";

export function runtimeContract(
  name: string,
  makeSubject: () => RuntimeSubject | Promise<RuntimeSubject>,
): void {
  describe(`${name} as Runtime`, () => {
    let subject: RuntimeSubject;
    beforeAll(async () => {
      subject = await makeSubject();
    });

    const processOf = (command: readonly string[], given = {}): MemoryProcess =>
      new MemoryProcess(command, {
        files: new MapFiles({ ...subject.files, "/etc/motd": "from a layer" }),
        ...given,
      });
    const run = async (command: readonly string[], given = {}) => {
      const process = processOf(command, given);
      const code = await subject.runtime.interpret(process);
      return { code, process, output: process.output };
    };

    it("hands over the command line, with spaces and nothing in it", async () => {
      const words = ["a b", "", "ü"];
      const { code, output } = await run(subject.commands.print(words));
      expect({ code, output }).toEqual({ code: 0, output: "a b\n\nü\n" });
    });

    it("hands over the environment and no other", async () => {
      const environment = { GREETING: "hello there", EMPTY: "" };
      const { output } = await run(subject.commands.environment, { environment });
      expect(output.trimEnd().split("\n").sort()).toEqual(["EMPTY=", "GREETING=hello there"]);
    });

    it("copies standard input as it comes, to its end", async () => {
      const input = ["one ", "two", "x".repeat(100_000)];
      expect((await run(subject.commands.copy, { input })).output).toBe(input.join(""));
      expect((await run(subject.commands.copy)).output).toBe("");
    });

    it("shows the image's files, and keeps what is written", async () => {
      expect((await run(subject.commands.read("/etc/motd"))).output).toBe("from a layer");
      const { process } = await run(subject.commands.write("/etc/new", "kept"));
      expect(new TextDecoder().decode(process.files.readBytes("/etc/new"))).toBe("kept");
      expect(new TextDecoder().decode(process.files.readBytes("/etc/motd"))).toBe("from a layer");
    });

    it("ends with the exit code", async () => {
      for (const exit of [0, 1, 42, 255]) {
        expect((await run(subject.commands.exit(exit))).code).toBe(exit);
      }
    });

    it("ends with 127 for what is not there and 126 for what it cannot execute, and says so", async () => {
      const absent = await run(["/absent"]);
      expect(absent.code).toBe(127);
      expect(absent.process.errors).toContain("/absent");
      const unfit = await run(subject.commands.unfit);
      expect(unfit.code).toBe(126);
      expect(unfit.process.errors).not.toBe("");
    });

    it("stops when its process is killed, and not before", async () => {
      const process = processOf(subject.commands.forever);
      const ended = subject.runtime.interpret(process).then(
        () => "ended",
        () => "ended",
      );
      await expect.poll(() => process.output, { timeout: 20_000 }).not.toBe("");
      process.kill();
      expect(await ended).toBe("ended");
    });

    it("plans the same for the same, in its own directory only", () => {
      const wanted = { arguments: ["/app", "x y"], environment: ["A=b"], workingDirectory: "/" };
      const plan = subject.runtime.plan(wanted, DIRECTORY);
      expect(subject.runtime.plan(wanted, DIRECTORY)).toEqual(plan);
      expect(plan.arguments.slice(-2)).toEqual(wanted.arguments);
      for (const operation of plan.child) {
        const place =
          "target" in operation ? operation.target : "path" in operation && operation.path;
        expect(place, operation.op).toMatch(new RegExp(`^${DIRECTORY}(/|$)`));
      }
    });
  });
}
