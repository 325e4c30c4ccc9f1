// What a Kernel does with programs: carry out, report, put back.

import { inverseOf } from "@nacre/core/program/inverse.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { describe, expect, it } from "vitest";
import {
  errnoFail,
  execute,
  hostProgram,
  type KernelBench,
  processProgram,
  refusal,
  TMPFS,
} from "./kernel-bench.ts";

export function programsContract(bench: () => KernelBench): void {
  describe("programs of the host section", () => {
    it("leave their effects", async () => {
      await bench().kernel.perform(hostProgram(bench().effects()));
      expect(bench().subject.readText(`${bench().subject.scratch}/a/file`)).toBe("text\n");
      expect(bench().subject.readText(`${bench().subject.cgroup}/shared/own/pids.max`)).toBe(
        "20\n",
      );
      const mounted = bench()
        .kernel.mounts()
        .find((m) => m.target === `${bench().subject.scratch}/a`);
      expect(mounted).toMatchObject({ type: "tmpfs", source: "contract" });
      const pinned = bench()
        .kernel.mounts()
        .find((m) => m.target === `${bench().subject.scratch}/a/uts`);
      expect(pinned).toMatchObject({
        type: "nsfs",
        root: expect.stringMatching(/^uts:\[\d+\]$/),
      });
      await bench().kernel.perform(hostProgram(inversesOf(bench().effects())));
      await bench().unchanged();
    });

    it("put everything back, whichever operation fails", async () => {
      const operations = bench().effects();
      for (let index = 0; index <= operations.length; index++) {
        const failing = [...operations.slice(0, index), errnoFail(28), ...operations];
        const error = await refusal(bench().kernel.perform(hostProgram(failing)));
        expect(error).toMatchObject({ kind: "no-space", errno: "ENOSPC" });
        expect(error.cause).toMatchObject({ section: "host", index, errno: "ENOSPC" });
        await bench().unchanged();
      }
    });

    it("mount an overlay whose layers and options are handed over in one page", async () => {
      const base = `${bench().subject.scratch}/a`;
      const lowers = Array.from({ length: 60 }, (_, n) => `${base}/lower:${n}, of many`);
      const [upper, work, merged] = [`${base}/upper,\\one`, `${base}/work,\\one`, `${base}/merged`];
      const escaped = (path: string) => path.replace(/[\\,]/g, "\\$&");
      const directory = (path: string): Operation => {
        return { op: "makeDirectory", path, mode: 0o755, existing: "fail" };
      };
      const file = (path: string, data: string): Operation => {
        return { op: "createFile", path, mode: 0o644, data };
      };
      const options = [
        ...lowers.map((lower) => `lowerdir+=${lower}`),
        `upperdir=${escaped(upper)}`,
        `workdir=${escaped(work)}`,
      ];
      const overlay = { type: "overlay", source: "overlay", options, call: "page" } as const;
      const program: Operation[] = [
        directory(base),
        { op: "mount", mount: TMPFS, target: base },
        ...[...lowers, upper, work, merged].map(directory),
        ...lowers.flatMap((lower, n) => [file(`${lower}/top`, `${n}`), file(`${lower}/${n}`, "1")]),
        { op: "mount", mount: { ...overlay, attributes: ["nodev"] }, target: merged },
        file(`${merged}/new`, "2"),
      ];
      await bench().kernel.perform(hostProgram(program));
      const names = ["merged/top", "merged/59", "upper,\\one/new"];
      const texts = names.map((name) => bench().subject.readText(`${base}/${name}`));
      expect(texts).toEqual(["0", "1", "2"]);
      const mounts = bench().kernel.mounts();
      const shown = mounts.find(({ target }) => target === merged);
      expect(shown?.options.split(",")).toContain("nodev");
      await bench().kernel.perform(hostProgram(inversesOf(program)));
      await bench().unchanged();
    });

    it("mount an overlay once that nobody flushes, as long as its mark is there", async () => {
      const base = `${bench().subject.scratch}/a`;
      const [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map(
        (name) => `${base}/${name}`,
      ) as [string, string, string, string];
      const directory = (path: string): Operation => {
        return { op: "makeDirectory", path, mode: 0o755, existing: "fail" };
      };
      const options = [`lowerdir=${lower}`, `upperdir=${upper}`, `workdir=${work}`, "volatile"];
      const overlay = { type: "overlay", source: "overlay", options, attributes: [] } as const;
      const mount: Operation = { op: "mount", mount: overlay, target: merged };
      const made: Operation[] = [
        directory(base),
        { op: "mount", mount: TMPFS, target: base },
        ...[lower, upper, work, merged].map(directory),
      ];
      const { kernel } = bench();
      await kernel.perform(hostProgram([...made, mount]));
      await kernel.perform(hostProgram(inversesOf([mount])));
      expect((await refusal(kernel.perform(hostProgram([mount])))).errno).toBe("EINVAL");
      const marks = [`${work}/work/incompat/volatile`, `${work}/work/incompat`];
      const unmark: Operation[] = [
        { op: "removeFile", path: `${marks[0]}/dirty` },
        ...marks.map((path): Operation => {
          return { op: "removeDirectory", path, retryMs: 0, ifUnused: false };
        }),
      ];
      await kernel.perform(hostProgram([...unmark, mount]));
      await kernel.perform(hostProgram(inversesOf([mount])));
      await kernel.perform(hostProgram(inversesOf(made.slice(0, 2))));
      await bench().unchanged();
    });

    it("say what the kernel said, and of which operation", async () => {
      const missing: Operation = {
        op: "makeDirectory",
        path: `${bench().subject.scratch}/none/b`,
        mode: 0o755,
        existing: "fail",
      };
      const error = await refusal(bench().kernel.perform(hostProgram([missing])));
      expect(error).toMatchObject({ name: "NacreError", kind: "kernel", errno: "ENOENT" });
      expect(error.cause).toMatchObject({ section: "host", index: 0, errno: "ENOENT" });
      expect(error.message).toContain(`${bench().subject.scratch}/none/b`);
    });

    it("refuse a value that the control file does not take", async () => {
      const failing: Operation[] = [
        { op: "makeCgroup", path: `${bench().subject.cgroup}/own`, shared: false },
        { op: "writeFile", path: `${bench().subject.cgroup}/own/pids.max`, data: "many" },
      ];
      const error = await refusal(bench().kernel.perform(hostProgram(failing)));
      expect(error.cause).toMatchObject({ index: 1, errno: "EINVAL" });
      await bench().unchanged();
    });

    it("leave a directory alone that was there", async () => {
      const path = bench().subject.scratch;
      const kept: Operation = { op: "makeDirectory", path, mode: 0o700, existing: "keep" };
      await refusal(bench().kernel.perform(hostProgram([kept, errnoFail(5)])));
      await bench().unchanged();
    });

    it("do not carry out what may not stand in the host section", async () => {
      const error = await refusal(
        bench().kernel.perform(hostProgram([...bench().effects(), { op: "enterRoot" }])),
      );
      expect(error.kind).toBe("internal");
      await bench().unchanged();
    });
  });

  describe("programs with a process", () => {
    it("run it, give its output and its exit code, and undo the host section", async () => {
      const { code, signal, oomKilled, stdout } = await bench().outcome({
        host: bench().effects(),
        child: [...bench().enter(), execute("echo", "pearl")],
      });
      expect({ code, signal, oomKilled, stdout }).toEqual({
        code: 0,
        signal: 0,
        oomKilled: false,
        stdout: "pearl\n",
      });
      await bench().unchanged();
    });

    it("report another exit code", async () => {
      const { code, signal } = await bench().outcome({
        child: [...bench().enter(), execute("/bin/false")],
      });
      expect({ code, signal }).toEqual({ code: 1, signal: 0 });
    });

    it("put everything back, whichever operation of parent or child fails", async () => {
      const whole = { host: bench().effects(), child: [...bench().enter(), execute("true")] };
      for (let index = 0; index < whole.child.length; index++) {
        const child = [...whole.child.slice(0, index), errnoFail(5), ...whole.child.slice(index)];
        const error = await refusal(bench().start({ ...whole, child }));
        expect(error).toMatchObject({ kind: "kernel", errno: "EIO" });
        expect(error.cause).toMatchObject({ section: "child", index, errno: "EIO" });
        await bench().unchanged();
      }
      const error = await refusal(bench().start({ ...whole, parent: [errnoFail(1)] }));
      expect(error.kind).toBe("denied");
      expect(error.cause).toMatchObject({ section: "parent", index: 0, errno: "EPERM" });
      await bench().unchanged();
    });

    it("tell a command that is not there from one that cannot be executed", async () => {
      const kinds: [string[], string, string][] = [
        [["none"], "command-not-found", "ENOENT"],
        [["/bin/none"], "command-not-found", "ENOENT"],
        [["/bin/true/none"], "command-not-found", "ENOTDIR"],
        [["plain"], "command-not-executable", "EACCES"],
        [["/bin/plain"], "command-not-executable", "EACCES"],
        [["/bin"], "command-not-executable", "EACCES"],
        [["nonsense"], "command-not-executable", "ENOEXEC"],
      ];
      for (const [command, kind, errno] of kinds) {
        const error = await refusal(
          bench().start({ child: [...bench().enter(), execute(...command)] }),
        );
        expect([command, error.kind, error.errno]).toEqual([command, kind, errno]);
      }
      await bench().unchanged();
    });

    it("read what the caller writes, where input is inherited", async () => {
      const program = processProgram({
        child: [...bench().enter(), execute("cat")],
        supervision: { stdin: "inherit" },
      });
      const running = await bench().kernel.execute(program, {
        stdin: "pipe",
        stdout: "pipe",
        stderr: "ignore",
      });
      const writer = (running.stdin as WritableStream<Uint8Array>).getWriter();
      await writer.write(new TextEncoder().encode("from here\n"));
      await writer.close();
      const stdout = running.stdout as ReadableStream<Uint8Array<ArrayBuffer>>;
      expect(await new Response(stdout).text()).toBe("from here\n");
      expect((await running.exited).code).toBe(0);
      expect(running.stderr).toBeUndefined();
    });
  });
}

/** The operations that take away what others made, the latest first. */
function inversesOf(operations: readonly Operation[]): Operation[] {
  return operations.flatMap((o) => inverseOf(o) ?? []).reverse();
}
