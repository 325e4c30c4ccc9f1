// Containers with an init, on whatever kernel: part of engineContract.

import { expect, it } from "vitest";
import type { Bench } from "./engine.ts";
import { refusal } from "./engine.ts";

const LOOP = "while :; do sleep 0.05; done";
const init = { init: true } as const;

export function initCases(bench: () => Bench): void {
  it("has an init for process 1, and the command in a process group of its own", async () => {
    const script = [
      "echo $$ $PPID",
      "tr '\\0' ' ' </proc/1/cmdline",
      "echo",
      "set -- $(cat /proc/self/stat); echo $5 $6",
    ].join("; ");
    const { code, stdout } = await bench().sh(script, init);
    const [self, line, groups] = stdout.split("\n");
    expect(code).toBe(0);
    expect(self).toBe("2 1");
    expect(line).toBe("nacre-init --init 2 ");
    expect(groups).toBe("2 1");
    expect((await bench().sh("echo $$", { init: false })).stdout).toBe("1\n");
  });

  it("ends as the command ends, exactly", async () => {
    expect((await bench().sh("exit 42", init)).code).toBe(42);
    expect((await bench().sh("kill -9 $$", init)).code).toBe(137);
    expect((await bench().sh("kill -TERM $$", init)).code).toBe(143);
    expect((await bench().run(["true"], init)).code).toBe(0);
    expect((await bench().run(["cat"], { ...init, interactive: true }, "in\n")).stdout).toBe(
      "in\n",
    );
    expect((await refusal(bench().run(["nosuch"], init))).kind).toBe("command-not-found");
    expect((await refusal(bench().run(["/bin/broken"], init))).kind).toBe("command-not-executable");
    expect(bench().containers.list({ all: true })).toEqual([]);
  });

  it("hands signals on, from outside and from within, to a command that does not listen as process 1", async () => {
    // As process 1 it would not be ended by a signal that it does not handle.
    await bench().start("plain", `echo ready; ${LOOP}`, init);
    await bench().says("plain", "ready");
    await bench().containers.stop("plain", { timeoutMs: 60_000 });
    expect(bench().containers.get("plain")).toMatchObject({ exitCode: 143 });
    await bench().start("asked", `trap 'exit 7' USR1; echo ready; ${LOOP}`, init);
    await bench().says("asked", "ready");
    await bench().exec("asked", { command: ["kill", "-USR1", "1"] });
    expect(await bench().containers.wait("asked")).toBe(7);
    await bench().start("killed", `echo ready; ${LOOP}`, init);
    await bench().says("killed", "ready");
    await bench().containers.kill("killed", 9);
    expect(await bench().containers.wait("killed")).toBe(137);
    expect(bench().containers.inspect("killed")).toMatchObject({ HostConfig: { Init: true } });
  });

  it("reaps whoever is left to it", async () => {
    const orphans = "for i in 1 2 3; do (sleep 0.05 &) ; done";
    await bench().start("parent", `${orphans}; sleep 0.5; echo ready; ${LOOP}`, init);
    await bench().says("parent", "ready");
    // The init, the shell, and a sleep of the shell's, which is a zombie until that has looked: one
    // that nobody reaps stays.
    const left = () => bench().containers.top("parent").slice(2);
    await expect.poll(left, { timeout: 20_000 }).toEqual([]);
  });

  it("takes everything with it when the command has ended", async () => {
    expect((await bench().sh("sleep 1000 & exit 3", init)).code).toBe(3);
    expect(bench().containers.list({ all: true })).toEqual([]);
  });
}
