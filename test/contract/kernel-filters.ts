// What a Kernel does with filters of system calls.

import type { Operation } from "@nacre/core/program/operation.ts";
import { compileFilter } from "@nacre/core/seccomp/filter.ts";
import type { Seccomp, SeccompAction } from "@nacre/core/seccomp/profile.ts";
import { describe, expect, it } from "vitest";
import { execute, type KernelBench, refusal } from "./kernel-bench.ts";

export function filtersContract(bench: () => KernelBench): void {
  const filter = (profile: Seccomp): Operation => ({
    op: "filterSystemCalls",
    filter: compileFilter(profile, bench().kernel.facts().architecture),
    flags: [],
  });
  const refusing = (action: SeccompAction, ...names: string[]): Operation =>
    filter({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names, action, errnoRet: 13 }] });
  const run = (...operations: Operation[]) =>
    bench().outcome({ child: [...bench().enter(), ...operations] });
  const fault = async (...operations: Operation[]) =>
    (await refusal(bench().start({ child: [...bench().enter(), ...operations] }))).cause;

  describe("a filter of system calls", () => {
    const read = ["open", "openat"];

    it("refuses a call with the errno that it says, and lets others pass", async () => {
      const allowed = await run(
        refusing("SCMP_ACT_ERRNO", "mkdir"),
        execute("cat", "/proc/self/status"),
      );
      expect(allowed.stdout).toMatch(/^Seccomp:\t2$/m);
      expect(allowed.stdout).toMatch(/^NoNewPrivs:\t0$/m);
      const refused = await run(
        refusing("SCMP_ACT_ERRNO", ...read),
        execute("cat", "/proc/self/status"),
      );
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain("Permission denied");
      await bench().unchanged();
    });

    it("kills a process for a call", async () => {
      const killed = await run(
        refusing("SCMP_ACT_KILL_PROCESS", ...read),
        execute("cat", "/proc/self/status"),
      );
      expect(killed).toMatchObject({ code: 159, signal: 31 });
    });

    it("is there before execve, which it may refuse", async () => {
      expect(await fault(refusing("SCMP_ACT_ERRNO", "execve"), execute("true"))).toMatchObject({
        section: "child",
        errno: "EACCES",
      });
      await bench().unchanged();
    });

    it("needs CAP_SYS_ADMIN, or to have given up new privileges", async () => {
      const nobody: Operation[] = [
        { op: "setUser", uid: 1000, gid: 1000, groups: [] },
        { op: "setCapabilities", effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n },
      ];
      const harmless = refusing("SCMP_ACT_ERRNO", "mkdir");
      expect(await fault(...nobody, harmless, execute("true"))).toMatchObject({
        section: "child",
        errno: "EACCES",
        detail: "seccomp",
      });
      const able = await run(...nobody, { op: "noNewPrivileges" }, harmless, execute("true"));
      expect(able.code).toBe(0);
    });

    it("is one, and not empty", async () => {
      const one = refusing("SCMP_ACT_ERRNO", "mkdir");
      expect(await fault(one, one, execute("true"))).toMatchObject({ errno: "EINVAL" });
      const none: Operation = { op: "filterSystemCalls", filter: new Uint8Array(), flags: [] };
      expect(await fault(none, execute("true"))).toMatchObject({ errno: "EINVAL" });
      const half: Operation = { ...none, filter: new Uint8Array(12) };
      expect(await fault(half, execute("true"))).toMatchObject({ errno: "EINVAL" });
    });

    it("has somebody to decide, or does not begin", async () => {
      const path = `${bench().subject.scratch}/nobody`;
      const error = await refusal(
        bench().start({
          host: [{ op: "connectListener", path, state: ["{}"] }],
          child: [...bench().enter(), execute("true")],
        }),
      );
      expect(error.cause).toMatchObject({ section: "host", index: 0, errno: "ENOENT" });
      await bench().unchanged();
    });
  });
}
