// Health checks, with no daemon that makes them.

import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { benchForTests, shellImage } from "./engine-bench.ts";

const bench = benchForTests();

/** So long that other work on the machine cannot make it too short. */
const LONG_MS = 60_000;
const json = async (name: string) => JSON.parse(await bench.does(["inspect", name]))[0];
const status = async (name: string) => (await json(name)).State.Health?.Status;
const psStatus = (name: string) =>
  bench.does(["ps", "-a", "--filter", `name=${name}`, "--format", "{{.Status}}"]);
const run = (name: string, check: string, ...options: string[]) =>
  bench.does([
    ...["run", "-d", "--name", name, "--health-cmd", check, "--health-interval", "200ms"],
    ...options,
    ...[bench.name(), "sleep", "1000"],
  ]);

/** Processes of this bench that sleep until a check. */
function sleepers(seconds: number): string[] {
  const all = execFileSync("ps", ["-eo", "pid,args", "--no-headers"], { encoding: "utf8" });
  return all.split("\n").filter((line) => line.trim().endsWith(` sleep ${seconds}`));
}

describe("a health check", () => {
  it("turns a container healthy and unhealthy, as all can see", async () => {
    await bench.unchanged(async () => {
      await run("patient", "echo asked; test ! -e /ill", "--health-retries", "2");
      expect(await bench.does(["wait", "--condition", "healthy", "patient"])).toBe("0");
      expect(await psStatus("patient")).toMatch(/^Up .* \(healthy\)$/);
      await bench.does(["exec", "patient", "touch", "/ill"]);
      await bench.does(["wait", "--condition", "unhealthy", "patient"]);
      const { Health } = (await json("patient")).State;
      expect(Health.FailingStreak).toBeGreaterThanOrEqual(2);
      expect(Health.Log.at(-1)).toMatchObject({ ExitCode: 1, Output: "asked\n" });
      expect(Health.Log.length).toBeLessThanOrEqual(5);
      expect(await psStatus("patient")).toMatch(/\(unhealthy\)$/);
      expect(await bench.does(["ps", "-q", "--filter", "health=healthy"])).toBe("");
      const events = await bench.does(["events", "--since", "10m", "--until", "0s"]);
      expect(events).toContain("health_status: healthy");
      expect(events).toContain("health_status: unhealthy");
      await bench.does(["rm", "-f", "patient"]);
    });
  });

  it("ends one that takes too long, and keeps the beginning of what it wrote", async () => {
    const check = "head -c 10000 /dev/zero | tr '\\0' x; sleep 1001";
    await run("slow", check, "--health-timeout", "3s", "--health-retries", "1");
    await bench.does(["wait", "--condition", "unhealthy", "slow"]);
    const [{ ExitCode, Output }] = (await json("slow")).State.Health.Log;
    expect(ExitCode).toBe(-1);
    expect(Output).toMatch(/^Health check exceeded timeout \(3s\): x+$/);
    expect(Output.length).toBeLessThan(4200);
    await bench.does(["rm", "-f", "slow"]);
  });

  it("says what cannot be executed", async () => {
    const health = { Test: ["CMD", "/no/such"], Interval: 200e6, Retries: 1 };
    const built = bench.add("wrong", shellImage({ process: { Healthcheck: health } }));
    const words = ["--name", "wrong", built.name, "sleep", "1000"];
    await bench.does(["run", "-q", "-d", ...words]);
    await bench.does(["wait", "--condition", "unhealthy", "wrong"]);
    expect((await json("wrong")).State.Health.Log[0].Output).toContain("/no/such");
    expect((await json("wrong")).Config.Healthcheck).toMatchObject({ ...health, Timeout: 30e9 });
    await bench.does(["rm", "-f", "wrong"]);
    await bench.does(["run", "-q", "-d", "--no-healthcheck", ...words]);
    expect(await status("wrong")).toBeUndefined();
    await bench.does(["rm", "-f", "wrong"]);
  });

  it("waits in a process that goes with a pause, a stop, an end and a removal", async () => {
    await bench.unchanged(async () => {
      await run("waited", "true", "--health-interval", "1234s");
      expect(sleepers(1234)).toHaveLength(1);
      await bench.does(["pause", "waited"]);
      await bench.until(() => sleepers(1234).length === 0);
      await bench.does(["unpause", "waited"]);
      expect(sleepers(1234)).toHaveLength(1);
      await bench.does(["stop", "-t", "0", "waited"]);
      await bench.until(() => sleepers(1234).length === 0);
      await bench.does(["start", "waited"]);
      expect(await psStatus("waited")).toMatch(/\(health: starting\)$/);
      process.kill((await json("waited")).State.Pid, "SIGKILL");
      await bench.until(() => sleepers(1234).length === 0);
      await bench.does(["start", "waited"]);
      await bench.does(["rm", "-f", "waited"]);
      await bench.until(() => sleepers(1234).length === 0);
    });
  });

  it("restarts, stops or kills what turns unhealthy, where that was asked for", async () => {
    await bench.unchanged(async () => {
      const options = (action: string) => ["--health-on-failure", action, "--health-retries", "1"];
      await run("stopped", "false", "--stop-timeout", "0", ...options("stop"));
      await bench.until(async () => (await json("stopped")).State.Status === "exited", LONG_MS);
      await run("killed", "false", ...options("kill"));
      await bench.until(async () => (await json("killed")).State.ExitCode === 137, LONG_MS);
      await run("restarted", "false", "--stop-timeout", "0", ...options("restart"));
      const { Pid } = (await json("restarted")).State;
      const isAnother = async () => {
        const { State } = await json("restarted");
        return State.Status === "running" && State.Pid !== Pid;
      };
      await bench.until(isAnother, LONG_MS);
      await bench.does(["rm", "-f", "stopped", "killed", "restarted"]);
    });
  });

  it("that has a container restarted again and again leaves nobody to wait, and it can be removed", async () => {
    await bench.unchanged(async () => {
      const often = ["--health-retries", "1", "--health-on-failure", "restart"];
      await run("flaps", "false", "--stop-timeout", "0", ...often);
      const seen = new Set<number>();
      await bench.until(async () => seen.add((await json("flaps")).State.Pid).size > 8, LONG_MS);
      const settling = bench.state().filter((one) => / settle [0-9a-f]{64}$/.test(one));
      expect(settling.length).toBeLessThan(4);
      await bench.does(["rm", "-f", "flaps"]);
    });
  });

  it("is refused where it says nothing, and missed by who waits for it", async () => {
    const refused = await bench.nacre(["run", "--health-retries", "-1", bench.name(), "true"]);
    expect(refused).toMatchObject({ code: 125 });
    expect(refused.stderr).toContain("--health-retries cannot be negative");
    await bench.does(["run", "-d", "--name", "plain", bench.name(), "sleep", "1000"]);
    const waited = await bench.nacre(["wait", "--condition", "healthy", "plain"]);
    expect(waited.stderr).toContain("plain has no health check");
    await bench.does(["rm", "-f", "plain"]);
  });
});
