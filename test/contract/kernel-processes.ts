// What a Kernel does with processes: signals, identity, namespaces, credentials, cgroups.

import type { Operation } from "@nacre/core/program/operation.ts";
import { describe, expect, it } from "vitest";
import { execute, type KernelBench, refusal } from "./kernel-bench.ts";

export function processesContract(bench: () => KernelBench): void {
  describe("signals", () => {
    const outside = { create: ["mnt"] } as const;

    it("end a process that does not handle them", async () => {
      const running = await bench().start({
        clone: outside,
        child: [...bench().enter(), execute("sleep", "60")],
      });
      expect(bench().kernel.signal(running.process, 15)).toBe(true);
      expect(await running.exited).toMatchObject({ code: 143, signal: 15 });
      expect(bench().kernel.signal(running.process, 15)).toBe(false);
    });

    it("but not the first of a pid namespace, except KILL", async () => {
      const running = await bench().start({ child: [...bench().enter(), execute("sleep", "60")] });
      bench().kernel.signal(running.process, 15);
      await bench().subject.pass(50);
      expect(bench().kernel.alive(running.process)).toBe(true);
      bench().kernel.signal(running.process, 9);
      expect(await running.exited).toMatchObject({ code: 137, signal: 9 });
    });

    it("are handed on by the supervisor", async () => {
      const running = await bench().start({
        clone: outside,
        child: [...bench().enter(), execute("sleep", "60")],
      });
      running.signal(2);
      expect(await running.exited).toMatchObject({ code: 130, signal: 2 });
    });

    it("stop and continue a process, which lives meanwhile", async () => {
      const running = await bench().start({
        clone: outside,
        child: [...bench().enter(), execute("sleep", "3")],
      });
      bench().kernel.signal(running.process, 19);
      await bench().subject.pass(3200);
      expect(bench().kernel.alive(running.process)).toBe(true);
      bench().kernel.signal(running.process, 18);
      await bench().until(() => !bench().kernel.alive(running.process));
      expect(await running.exited).toMatchObject({ code: 0, signal: 0 });
    });
  });

  describe("processes", () => {
    it("are known by pid and start time while they live", async () => {
      const running = await bench().start({ child: [...bench().enter(), execute("sleep", "60")] });
      const { process, supervisor } = running;
      expect(bench().kernel.identify(process.pid)).toEqual(process);
      expect(bench().kernel.alive(process)).toBe(true);
      expect(bench().kernel.alive(supervisor)).toBe(true);
      const other = { ...process, startTime: process.startTime + 1n };
      expect(bench().kernel.alive(other)).toBe(false);
      expect(bench().kernel.signal(other, 9)).toBe(false);
      bench().kernel.signal(process, 9);
      await running.exited;
      expect(bench().kernel.alive(process)).toBe(false);
      expect(bench().kernel.identify(process.pid)).toBeUndefined();
      await bench().until(() => !bench().kernel.alive(supervisor));
    });

    it("are in the namespaces that the program made, and else in the supervisor's", async () => {
      const running = await bench().start({ child: [...bench().enter(), execute("sleep", "60")] });
      const own = bench().kernel.namespaces(running.process.pid);
      const outer = bench().kernel.namespaces(running.supervisor.pid);
      for (const kind of ["mnt", "pid", "uts", "ipc"] as const) {
        expect([kind, own[kind] === outer[kind]]).toEqual([kind, false]);
      }
      for (const kind of ["net", "user", "cgroup"] as const) {
        expect([kind, own[kind]]).toEqual([kind, outer[kind]]);
      }
      bench().kernel.signal(running.process, 9);
      await running.exited;
      expect(bench().kernel.namespaces(running.process.pid)).toEqual({});
    });

    it("join those of another, and end with its first process", async () => {
      const first = await bench().start({
        child: [...bench().enter(), { op: "setHostname", name: "first" }, execute("sleep", "60")],
      });
      const namespaces = ["mnt", "pid", "uts", "ipc"] as const;
      const join = { ...first.process, namespaces };
      const name = await bench().outcome({
        clone: { create: [], join },
        child: [execute("cat", "/proc/sys/kernel/hostname")],
      });
      expect(name.stdout).toBe("first\n");
      const second = await bench().start({
        clone: { create: [], join },
        child: [execute("sleep", "60")],
      });
      const { mnt, pid } = bench().kernel.namespaces(first.process.pid);
      expect(bench().kernel.namespaces(second.process.pid)).toMatchObject({ mnt, pid });
      bench().kernel.signal(first.process, 9);
      expect(await second.exited).toMatchObject({ code: 137, signal: 9 });
      await first.exited;
      const gone = await refusal(
        bench().start({ clone: { create: [], join }, child: [execute("true")] }),
      );
      expect(gone.cause).toMatchObject({ section: "clone", index: 0, errno: "ESRCH" });
      await bench().unchanged();
    });

    it("join a namespace by its path, which must be of its kind", async () => {
      const first = await bench().start({
        child: [...bench().enter(), { op: "setHostname", name: "second" }, execute("sleep", "60")],
      });
      const path = `/proc/${first.process.pid}/ns/uts`;
      const joined = await bench().outcome({
        clone: { create: ["mnt", "pid"], joinPaths: [{ kind: "uts", path }] },
        child: [...bench().enter(), execute("cat", "/proc/sys/kernel/hostname")],
      });
      expect(joined.stdout).toBe("second\n");
      const wrong = await refusal(
        bench().start({
          clone: { create: ["mnt"], joinPaths: [{ kind: "ipc", path }] },
          child: [...bench().enter(), execute("true")],
        }),
      );
      expect(wrong.cause).toMatchObject({ section: "clone", errno: "EINVAL" });
      bench().kernel.signal(first.process, 9);
      await first.exited;
    });

    it("are who the program says, with the powers that it leaves them", async () => {
      const chown = 1n;
      const status = async (...operations: Operation[]) =>
        (
          await bench().outcome({
            child: [...bench().enter(), ...operations, execute("cat", "/proc/self/status")],
          })
        ).stdout;
      const sets = { effective: chown, permitted: chown, inheritable: 0n, ambient: 0n };
      const root = await status(
        { op: "boundCapabilities", bounding: chown },
        { op: "setCapabilities", ...sets },
        { op: "noNewPrivileges" },
      );
      expect(root).toMatch(/^CapEff:\t0{15}1$/m);
      expect(root).toMatch(/^CapBnd:\t0{15}1$/m);
      expect(root).toMatch(/^NoNewPrivs:\t1$/m);
      const user = await status(
        { op: "setUser", uid: 1000, gid: 100, groups: [5, 7] },
        { op: "setCapabilities", ...sets, effective: 0n, permitted: 0n },
        { op: "setUmask", mask: 0o077 },
      );
      expect(user).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
      expect(user).toMatch(/^Gid:\t100\t100\t100\t100$/m);
      expect(user).toMatch(/^Groups:\t5 7 $/m);
      expect(user).toMatch(/^CapEff:\t0{16}$/m);
      expect(user).toMatch(/^Umask:\t0077$/m);
      expect(user).toMatch(/^Pid:\t1$/m);
    });

    it("begin in the cgroups that the program names", async () => {
      const node = `${bench().subject.cgroup}/own`;
      const running = await bench().start({
        host: [{ op: "makeCgroup", path: node, shared: false }],
        clone: { cgroups: [node] },
        child: [...bench().enter(), execute("sleep", "60")],
      });
      expect(bench().subject.readText(`${node}/cgroup.procs`)).toBe(`${running.process.pid}\n`);
      bench().kernel.signal(running.process, 9);
      await running.exited;
      await bench().unchanged();
    });
  });
}
