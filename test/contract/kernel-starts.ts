// Hooks, and processes whose start is somebody else's to give.

import type { NacreError } from "@nacre/core/error.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { describe, expect, it } from "vitest";
import { errnoFail, execute, hostProgram, type KernelBench, refusal } from "./kernel-bench.ts";

export function startsContract(bench: () => KernelBench): void {
  const hook = (
    words: readonly string[],
    more: Partial<{ timeoutMs: number }> = {},
  ): Operation => ({
    op: "runHook",
    path: `${bench().subject.rootfs}/bin/${words[0]}`,
    arguments: words,
    environment: [],
    before: '{"pid":',
    after: "}",
    timeoutMs: 0,
    by: "self",
    ...more,
  });
  const outside = (words: readonly string[]): Operation => {
    const made = hook(words);
    return made.op === "runHook" ? { ...made, by: "parent" } : made;
  };
  const inside = (words: readonly string[]): Operation => {
    const made = hook(words);
    return made.op === "runHook" ? { ...made, path: `/bin/${words[0]}` } : made;
  };
  const startPath = () => `${bench().subject.scratch}/start`;
  const begin = () => bench().kernel.begin(startPath());

  describe("hooks", () => {
    it("run to their end", async () => {
      await bench().kernel.perform(hostProgram([hook(["true"])]));
      await bench().unchanged();
    });

    it("undo what was done when they fail, and say which and how", async () => {
      const operations = [...bench().effects(), hook(["false"])];
      const error = await refusal(bench().kernel.perform(hostProgram(operations)));
      expect(error).toMatchObject({ kind: "kernel", errno: "ECANCELED" });
      expect(error.message).toContain(`${bench().subject.rootfs}/bin/false exited with 1`);
      await bench().unchanged();
    });

    it("fail that are not there or may not be executed", async () => {
      const absent = await refusal(bench().kernel.perform(hostProgram([hook(["absent"])])));
      expect(absent.message).toContain("exited with 127");
      const plain = await refusal(bench().kernel.perform(hostProgram([hook(["plain"])])));
      expect(plain.message).toContain("exited with 126");
    });

    it("have so much time and no more", async () => {
      const slow = [hook(["sleep", "3600"], { timeoutMs: 50 })];
      let error: NacreError | undefined;
      refusal(bench().kernel.perform(hostProgram(slow))).then((refused) => {
        error = refused;
      });
      await bench().until(() => error !== undefined);
      expect(error).toMatchObject({ errno: "ETIMEDOUT" });
      await bench().unchanged();
    });

    it("run in the host's namespaces for a child that waits, and in the child's", async () => {
      const { enter } = bench();
      const outsiders = [outside(["true"]), ...enter.call(bench(), outside(["true"]))];
      const child = [...outsiders, inside(["true"]), execute("true")];
      expect(await bench().outcome({ child })).toMatchObject({ code: 0 });
      const failing = [...bench().enter(outside(["false"])), execute("true")];
      const error = await refusal(bench().start({ host: bench().effects(), child: failing }));
      expect(error.cause).toMatchObject({ section: "child", index: 3, errno: "ECANCELED" });
      expect(error.message).toContain("/bin/false exited with 1");
      await bench().unchanged();
    });
  });

  describe("a start that is awaited", () => {
    const waiting = (...rest: Operation[]): Operation[] => [
      ...bench().enter(),
      { op: "findProgram", arguments: ["true"], environment: ["PATH=/none:/bin"] },
      { op: "awaitStart" },
      ...rest,
    ];

    it("is given once, and the program runs", async () => {
      const supervision = { startPath: startPath() };
      const running = await bench().start({
        child: waiting(execute("echo", "begun")),
        supervision,
      });
      expect(bench().kernel.alive(running.process)).toBe(true);
      await begin();
      expect(
        await new Response(running.stdout as ReadableStream<Uint8Array<ArrayBuffer>>).text(),
      ).toBe("begun\n");
      expect(await running.exited).toMatchObject({ code: 0 });
      expect(await refusal(begin())).toMatchObject({ kind: "not-found" });
      await bench().kernel.perform(hostProgram([{ op: "removeFile", path: startPath() }]));
      await bench().unchanged();
    });

    it("hears what fails after it", async () => {
      const supervision = { startPath: startPath() };
      const child = waiting(execute("/bin/absent"));
      const running = await bench().start({ host: bench().effects(), child, supervision });
      expect(await refusal(begin())).toMatchObject({ kind: "command-not-found", errno: "ENOENT" });
      await running.exited;
      const other = await bench().start({ child: waiting(errnoFail(5)), supervision });
      expect(await refusal(begin())).toMatchObject({ kind: "kernel", errno: "EIO" });
      await other.exited;
      await bench().kernel.perform(hostProgram([{ op: "removeFile", path: startPath() }]));
      await bench().unchanged();
    });

    it("is not waited for where the program is not to be found", async () => {
      const child: Operation[] = [
        ...bench().enter(),
        { op: "findProgram", arguments: ["/bin/plain"], environment: [] },
        { op: "awaitStart" },
        execute("true"),
      ];
      const supervision = { startPath: startPath() };
      const error = await refusal(bench().start({ host: bench().effects(), child, supervision }));
      expect(error).toMatchObject({ kind: "command-not-executable", errno: "EACCES" });
      await bench().kernel.perform(hostProgram([{ op: "removeFile", path: startPath() }]));
      await bench().unchanged();
    });

    it("outlives its supervisor that leaves, and nothing is undone", async () => {
      const path = `${bench().subject.scratch}/left`;
      const made: Operation = { op: "makeDirectory", path, mode: 0o700, existing: "fail" };
      const supervision = { startPath: startPath(), leaves: true, detached: true } as const;
      const child = waiting(execute("sleep", "3600"));
      const running = await bench().start({ host: [made], child, supervision });
      await bench().until(() => !bench().kernel.alive(running.supervisor));
      expect(bench().kernel.alive(running.process)).toBe(true);
      await begin();
      bench().kernel.signal(running.process, 9);
      await bench().until(() => !bench().kernel.alive(running.process));
      await bench().kernel.perform(
        hostProgram([
          { op: "removeDirectory", path, retryMs: 0, ifUnused: false },
          { op: "removeFile", path: startPath() },
        ]),
      );
      await bench().unchanged();
    });
  });
}
