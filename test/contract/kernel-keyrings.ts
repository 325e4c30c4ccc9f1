// Session keyrings: part of kernelContract. They are seen in /proc/keys by their owner.

import type { Operation } from "@nacre/core/program/operation.ts";
import { describe, expect, it } from "vitest";
import { execute, type KernelBench, refusal } from "./kernel-bench.ts";

const [SEARCHABLE, CLOSED] = [0x3f1b0000, 0x3f130000];

export function keyringContract(bench: () => KernelBench): void {
  const join = (name: string, permissions = SEARCHABLE): Operation => {
    return { op: "joinSessionKeyring", name, permissions };
  };
  /** Lines of /proc/keys about a keyring, as a process sees it that joins one. */
  const seen = async (name: string, ...joins: Operation[]): Promise<string[]> => {
    const child = [...bench().enter(), ...joins, execute("cat", "/proc/keys")];
    const { stdout } = await bench().outcome({ child });
    return stdout.split("\n").filter((line) => line.endsWith(` ${name}: empty`));
  };
  const having = (...joins: Operation[]) =>
    bench().start({ child: [...bench().enter(), ...joins, execute("sleep", "60")] });

  describe("session keyrings", () => {
    it("are a process's own, by a name and with the rights that the program says", async () => {
      expect(await seen("_ses.own")).toEqual([]);
      const [line, ...more] = await seen("_ses.own", join("_ses.own"));
      expect(line).toMatch(
        /^[0-9a-f]{8} I--Q--- +\d+ perm 3f1b0000 +0 +0 keyring +_ses\.own: empty$/,
      );
      expect(more).toEqual([]);
      expect((await seen("_ses.own", join("_ses.own", CLOSED)))[0]).toContain("perm 3f130000");
    });

    it("are joined by their name where they may be searched, and else left alone", async () => {
      const open = await having(join("_ses.open"));
      expect(await seen("_ses.open", join("_ses.open"))).toHaveLength(1);
      const closed = await having(join("_ses.closed", CLOSED));
      expect(await seen("_ses.closed", join("_ses.closed"))).toHaveLength(2);
      for (const running of [open, closed]) {
        bench().kernel.signal(running.process, 9);
        await running.exited;
      }
    });

    it("have names, and none that the kernel keeps to itself", async () => {
      for (const [name, errno] of [
        ["", "EINVAL"],
        [".builtin", "EPERM"],
      ] as const) {
        const child = [...bench().enter(), join(name), execute("true")];
        expect((await refusal(bench().start({ child }))).cause).toMatchObject({
          ...{ section: "child", errno },
        });
      }
      await bench().unchanged();
    });
  });
}
