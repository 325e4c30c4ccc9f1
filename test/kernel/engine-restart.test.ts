// Containers that are started again by their policy, with no daemon that watches them.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { benchForTests, NACRE } from "./engine-bench.ts";

const bench = benchForTests();

const json = async (name: string) => JSON.parse(await bench.does(["inspect", name]))[0];
const run = (name: string, policy: string, script: string) =>
  bench.does(["run", "-d", "--name", name, "--restart", policy, bench.name(), "sh", "-c", script]);
const starts = async (name: string): Promise<number> =>
  (await bench.does(["logs", name])).split("\n").filter(Boolean).length;
/** So long that other work on the machine cannot make it too short. */
const LONG_MS = 60_000;

describe("on-failure", () => {
  it("starts it again as often as allowed, and leaves it at its last exit code", async () => {
    await bench.unchanged(async () => {
      await run("failing", "on-failure:2", "echo started; exit 7");
      await bench.until(async () => (await json("failing")).RestartCount === 2, LONG_MS);
      await bench.until(async () => (await json("failing")).State.Status === "exited", LONG_MS);
      expect((await json("failing")).State.ExitCode).toBe(7);
      expect(await starts("failing")).toBe(3);
      await bench.does(["rm", "failing"]);
    });
  });

  it("leaves one alone that ended well", async () => {
    await run("well", "on-failure", "echo started");
    await bench.until(async () => (await json("well")).State.Status === "exited", LONG_MS);
    expect(await json("well")).toMatchObject({ RestartCount: 0, State: { ExitCode: 0 } });
    await bench.does(["rm", "well"]);
  });
});

describe("always", () => {
  it("brings back one that was killed, and lets rest one that somebody stops", async () => {
    await bench.unchanged(async () => {
      await run("server", "always", "echo started; exec sleep 1000");
      await bench.until(async () => (await starts("server")) === 1, LONG_MS);
      const { Pid } = (await json("server")).State;
      process.kill(Pid, "SIGKILL");
      await bench.until(async () => (await starts("server")) === 2, LONG_MS);
      await bench.until(async () => (await json("server")).State.Status === "running", LONG_MS);
      expect(await json("server")).toMatchObject({
        RestartCount: 1,
        HostConfig: { RestartPolicy: { Name: "always", MaximumRetryCount: 0 } },
      });
      await bench.does(["stop", "-t", "0", "server"]);
      expect((await json("server")).State.Status).toBe("exited");
      expect(await bench.does(["system", "boot"])).toBe("server");
      await bench.until(async () => (await starts("server")) === 3, LONG_MS);
      await bench.does(["rm", "-f", "server"]);
      expect(await bench.does(["ps", "-aq"])).toBe("");
    });
  });

  it("brings back one whose supervisor was killed, when somebody looks", async () => {
    await bench.unchanged(async () => {
      await run("orphan", "always", "echo started; exec sleep 1000");
      await bench.until(async () => (await starts("orphan")) === 1, LONG_MS);
      const { Pid } = (await json("orphan")).State;
      const [, parent] = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${Pid}/status`, "utf8")) ?? [];
      process.kill(Number(parent), "SIGKILL");
      // The look itself is what starts it again.
      await bench.until(async () => {
        const { Status, Pid: now } = (await json("orphan")).State;
        return Status === "running" && now !== Pid;
      }, LONG_MS);
      expect((await json("orphan")).RestartCount).toBe(1);
      await bench.does(["rm", "-f", "orphan"]);
    });
  });

  it("waits longer and longer in a process that costs nothing, which a stop ends", async () => {
    await bench.unchanged(async () => {
      await run("crashing", "always", "echo started; exit 1");
      const sleeping = async () => {
        const { State } = await json("crashing");
        // One that is long enough for what follows, wherever in it this look falls.
        return State.Status === "restarting" && waiters().some((one) => !one.endsWith(" 3.2"));
      };
      await bench.until(sleeping, LONG_MS);
      expect(await bench.does(["ps", "--format", "{{.Status}}"])).toMatch(/^Restarting \(1\) /);
      expect((await bench.nacre(["exec", "crashing", "true"])).stderr).toContain(
        "it is restarting",
      );
      await bench.does(["stop", "crashing"]);
      expect((await json("crashing")).State).toMatchObject({ Status: "exited", ExitCode: 1 });
      await bench.until(() => waiters().length === 0);
      await bench.does(["rm", "crashing"]);
    });
  });
});

/** Processes that sleep for this bench, by the mark in their supervisors' environment. */
function waiters(): string[] {
  const all = execFileSync("ps", ["-eo", "pid,args", "--no-headers"], { encoding: "utf8" });
  return all
    .split("\n")
    .filter((line) => /^\s*\d+ sleep (3\.2|6\.4|12\.8|25\.6|51\.2)$/.test(line));
}

describe("in the foreground", () => {
  const words = (name: string, policy: string, script: string) => [
    ...["run", "--name", name, "--restart", policy, bench.name(), "sh", "-c", script],
  ];

  it("the first end is what the caller sees, and the container goes on", async () => {
    await bench.unchanged(async () => {
      const script = "echo x >> /runs; wc -l < /runs; exit 7";
      const { code, stdout } = await bench.nacre(words("front", "on-failure:2", script));
      expect({ code, stdout: stdout.trim() }).toEqual({ code: 7, stdout: "1" });
      await bench.until(async () => (await json("front")).RestartCount === 2, LONG_MS);
      await bench.until(async () => (await json("front")).State.Status === "exited", LONG_MS);
      expect(await starts("front")).toBe(3);
      await bench.does(["rm", "front"]);
    });
  });

  it("a policy holds where the caller is killed, and not where it hands on a signal", async () => {
    await bench.unchanged(async () => {
      const begin = async (name: string) => {
        const script = "trap 'exit 3' INT; echo started; while :; do sleep 0.1; done";
        const all = words(name, "always", script);
        const caller = spawn(NACRE, ["--root", bench.root, ...all], { stdio: "ignore" });
        const ended = once(caller, "exit");
        await bench.until(async () => {
          const { code, stdout } = await bench.nacre(["logs", name]);
          return code === 0 && stdout !== "";
        }, LONG_MS);
        return { caller, ended };
      };
      const killed = await begin("killed");
      killed.caller.kill("SIGKILL");
      await killed.ended;
      process.kill((await json("killed")).State.Pid, "SIGKILL");
      await bench.until(async () => (await starts("killed")) === 2, LONG_MS);
      await bench.does(["rm", "-f", "killed"]);
      const wanted = await begin("wanted");
      wanted.caller.kill("SIGINT");
      expect(await wanted.ended).toEqual([3, null]);
      expect(await json("wanted")).toMatchObject({
        ...{ RestartCount: 0, State: { Status: "exited", ExitCode: 3 } },
      });
      await bench.does(["rm", "wanted"]);
    });
  });
});

describe("a policy", () => {
  it("is refused where nobody would follow it", async () => {
    const refusal = async (...options: string[]) => {
      const { code, stderr } = await bench.nacre(["run", ...options, bench.name(), "true"]);
      expect(code).toBe(125);
      return stderr;
    };
    expect(await refusal("-d", "--rm", "--restart", "always")).toContain("both --restart and --rm");
    expect(await refusal("-d", "--restart", "sometimes")).toContain("unknown policy 'sometimes'");
  });
});
