// Roots that are entered, logs, exit records, and mounts that programs share.

import type { Operation } from "@nacre/core/program/operation.ts";
import { describe, expect, it } from "vitest";
import { errnoFail, execute, type KernelBench, refusal, TMPFS } from "./kernel-bench.ts";

export function supervisionContract(bench: () => KernelBench): void {
  describe("roots", () => {
    it("are entered for good, and hold no link that leads out", async () => {
      const { stdout } = await bench().outcome({
        child: [
          ...bench().enter(
            {
              op: "placeSymlink",
              path: "/tmp/out",
              text: "../../../..",
              mode: 0o777,
              uid: 0,
              gid: 0,
            },
            { op: "mountInRoot", mount: TMPFS, target: "/tmp/out/tmp/inside" },
            {
              op: "placeText",
              path: "/tmp/inside/file",
              data: "here\n",
              mode: 0o600,
              uid: 0,
              gid: 0,
            },
            { op: "readOnlyInRoot", path: "/tmp/inside" },
            { op: "maskInRoot", path: "/proc/keys" },
          ),
          { op: "changeDirectory", path: "/tmp/inside" },
          execute("cat", "file", "/proc/keys", "/proc/self/mountinfo"),
        ],
      });
      expect(stdout).toMatch(/^here\n/);
      expect(stdout).toMatch(/ \/ \/tmp\/inside ro,relatime - tmpfs contract /);
      expect(stdout.match(/ \/tmp\/inside /g)).toHaveLength(2);
      expect(stdout).toContain(" /proc/keys ");
      const targets = stdout.split("\n").map((line) => line.split(" ")[4] ?? "");
      expect(targets.filter((target) => target.includes(bench().subject.rootfs))).toEqual([]);
    });

    it("can be made read-only as a whole", async () => {
      const { stdout } = await bench().outcome({
        child: [
          ...bench().enter(),
          { op: "setMountAttributes", path: "/", attributes: ["ro"] },
          execute("cat", "/proc/self/mountinfo"),
        ],
      });
      expect(stdout).toMatch(/^\d+ \d+ \S+ \S+ \/ ro,/m);
    });

    it("show mounts to no one else", async () => {
      const running = await bench().start({
        child: [
          ...bench().enter({ op: "mountInRoot", mount: TMPFS, target: "/tmp" }),
          execute("sleep", "60"),
        ],
      });
      expect(
        bench()
          .kernel.mounts()
          .filter((m) => m.target.startsWith(bench().subject.rootfs)),
      ).toEqual([]);
      bench().kernel.signal(running.process, 9);
      await running.exited;
    });
  });

  describe("supervision", () => {
    it("of a detached process writes a log and an exit record, and undoes the host section", async () => {
      const logPath = `${bench().subject.scratch}/log.json`;
      const exitPath = `${bench().subject.scratch}/exit`;
      const node = `${bench().subject.cgroup}/own`;
      const running = await bench().start({
        host: [{ op: "makeCgroup", path: node, shared: false }],
        clone: { cgroups: [node] },
        child: [...bench().enter(), execute("echo", 'a "quoted" line')],
        supervision: {
          output: "log",
          logPath,
          exitPath,
          collect: [`${node}/pids.max`, `${node}/none`],
          detached: true,
        },
      });
      expect(running.process.pid).toBeGreaterThan(0);
      await bench().until(() => bench().subject.readText(exitPath) !== undefined);
      await bench().until(() => bench().subject.readText(`${node}/pids.max`) === undefined);
      const line = JSON.parse(bench().subject.readText(logPath) as string);
      expect(line).toMatchObject({ log: 'a "quoted" line\n', stream: "stdout" });
      expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
      expect(bench().subject.readText(exitPath)).toMatch(
        /^code 0\nsignal 0\nfinished \d+\.\d{9}\nfile \S+\/pids\.max 4\nmax\n/,
      );
      await bench().until(() => !bench().kernel.alive(running.supervisor));
    });

    it("kills a process when its time is over, and not before", async () => {
      const late: Operation[] = [
        { op: "killAfter", timeoutMs: 1 },
        { op: "killAfter", timeoutMs: 2000 },
      ];
      const sleeps = [...bench().enter(), execute("sleep", "60")];
      const running = await bench().start({ parent: late, child: sleeps });
      expect(bench().kernel.alive(running.process)).toBe(true);
      await bench().subject.pass(2100);
      expect(await running.exited).toMatchObject({ code: 255, signal: 9 });
      const killed = await bench().start({
        parent: [{ op: "killAfter", timeoutMs: 60_000 }],
        child: sleeps,
      });
      bench().kernel.signal(killed.process, 9);
      expect(await killed.exited).toMatchObject({ code: 137, signal: 9 });
      const parent: Operation[] = [
        { op: "killAfter", timeoutMs: 1 },
        { op: "killAfter", timeoutMs: 0 },
      ];
      const child = [...bench().enter(), execute("true")];
      expect((await bench().outcome({ parent, child })).code).toBe(0);
    });

    it("writes the log beside the caller's streams, and lines that have no end", async () => {
      const logPath = `${bench().subject.scratch}/log.json`;
      const { stdout } = await bench().outcome({
        child: [...bench().enter(), execute("echo", "-n", "no end")],
        supervision: { output: "both", logPath },
      });
      expect(stdout).toBe("no end");
      expect(JSON.parse(bench().subject.readText(logPath) as string)).toMatchObject({
        log: "no end",
      });
    });

    it("begins another log where one has grown to its limit, and keeps so many", async () => {
      const logPath = `${bench().subject.scratch}/log.json`;
      const text = Array.from({ length: 9 }, (_, i) => `line ${i}`).join("\n");
      await bench().outcome({
        child: [...bench().enter(), execute("echo", text)],
        // A line takes some 80 bytes: another file is begun before every third.
        supervision: { output: "log", logPath, logLimits: { bytes: 100, files: 3 } },
      });
      const lines = (path: string) =>
        bench()
          .subject.readText(path)
          ?.split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line).log.trimEnd());
      expect(lines(logPath)).toEqual(["line 8"]);
      expect(lines(`${logPath}.1`)).toEqual(["line 6", "line 7"]);
      expect(lines(`${logPath}.2`)).toEqual(["line 4", "line 5"]);
      expect(lines(`${logPath}.3`)).toBeUndefined();
    });

    it("keeps one log alone where no more are wanted", async () => {
      const logPath = `${bench().subject.scratch}/log.json`;
      await bench().outcome({
        child: [...bench().enter(), execute("echo", "one\ntwo\nthree")],
        supervision: { output: "log", logPath, logLimits: { bytes: 100, files: 1 } },
      });
      expect(JSON.parse(bench().subject.readText(logPath) as string).log).toBe("three\n");
      expect(bench().subject.readText(`${logPath}.1`)).toBeUndefined();
    });

    it("tells by a rejection that the supervisor was killed", async () => {
      const running = await bench().start({ child: [...bench().enter(), execute("sleep", "60")] });
      bench().kernel.signal(running.supervisor, 9);
      expect(await refusal(running.exited)).toMatchObject({ kind: "interrupted" });
      bench().kernel.signal(running.process, 9);
      await bench().until(() => !bench().kernel.alive(running.process));
    });
  });

  it("shares a mount between programs, and takes it down with the last", async () => {
    const share: Operation = {
      op: "shareMount",
      lock: `${bench().subject.scratch}/lock`,
      mount: TMPFS,
      target: `${bench().subject.scratch}/share`,
    };
    const mounted = () =>
      bench()
        .kernel.mounts()
        .filter((m) => m.target === `${bench().subject.scratch}/share`).length;
    const one = { host: [share], child: [...bench().enter(), execute("sleep", "60")] };
    const first = await bench().start(one);
    const second = await bench().start(one);
    expect(mounted()).toBe(1);
    await refusal(bench().start({ ...one, host: [share, errnoFail(5)] }));
    expect(mounted()).toBe(1);
    bench().kernel.signal(first.process, 9);
    await first.exited;
    expect(mounted()).toBe(1);
    bench().kernel.signal(second.process, 9);
    await second.exited;
    expect(mounted()).toBe(0);
    await bench().unchanged();
  });
}
