// What is done to containers that are there: start, restart, hold, let go, rename, wait.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { benchForTests, type Outcome, outcomeOf } from "./engine-bench.ts";

const bench = benchForTests();

const state = async (name: string) => JSON.parse(await bench.does(["inspect", name]))[0].State;
const COUNT = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done";

/** Starts a container that writes a line every 10 ms; waits for the first. */
async function counting(name: string, ...options: string[]): Promise<void> {
  await bench.does(["run", "-d", "--name", name, ...options, bench.name(), "sh", "-c", COUNT]);
  await bench.until(async () => (await lines(name)) > 0);
}
const lines = async (name: string): Promise<number> =>
  (await bench.does(["logs", name])).split("\n").filter(Boolean).length;

describe("a container that is created", () => {
  it("runs when it is started, in the foreground or not, as often as one likes", async () => {
    await bench.unchanged(async () => {
      const script = "echo x >> /count; wc -l < /count; exit 3";
      const id = await bench.does(["create", "--name", "made", bench.name(), "sh", "-c", script]);
      expect(await state("made")).toMatchObject({ Status: "created", Running: false, Pid: 0 });
      expect(await bench.nacre(["start", "-a", "made"])).toEqual({
        code: 3,
        stdout: "1\n",
        stderr: "",
      });
      expect(await bench.does(["start", "made"])).toBe("made");
      expect(await bench.does(["wait", "made"])).toBe("3");
      expect(await bench.does(["start", id])).toBe(id);
      expect(await bench.does(["wait", "made"])).toBe("3");
      expect(await bench.does(["logs", "made"])).toBe("1\n2\n3");
      await bench.does(["rm", "made"]);
    });
  });

  it("gets our standard input with -i", async () => {
    await bench.does(["create", "-i", "--name", "reader", bench.name(), "cat"]);
    const { code, stdout } = await bench.nacre(["start", "-i", "reader"], { input: "words" });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "words" });
    await bench.does(["rm", "reader"]);
  });

  it("is refused together with others where one is to stay with it", async () => {
    const { code, stderr } = await bench.nacre(["start", "-a", "one", "two"]);
    expect(code).toBe(1);
    expect(stderr).toContain("cannot start and attach multiple containers");
  });
});

describe("restart", () => {
  it("stops what runs and keeps what was written", async () => {
    await bench.unchanged(async () => {
      const script = "echo x >> /count; wc -l < /count; exec sleep 100";
      await bench.does(["run", "-d", "--name", "again", bench.name(), "sh", "-c", script]);
      await bench.until(async () => (await bench.does(["logs", "again"])) === "1");
      const { Pid } = await state("again");
      await bench.does(["restart", "-t", "0", "again"]);
      await bench.until(async () => (await bench.does(["logs", "again"])) === "1\n2");
      const after = await state("again");
      expect(after).toMatchObject({ Status: "running" });
      expect(after.Pid).not.toBe(Pid);
      await bench.does(["stop", "-t", "0", "again"]);
      await bench.does(["restart", "again"]);
      await bench.until(async () => (await bench.does(["logs", "again"])) === "1\n2\n3");
      await bench.does(["rm", "-f", "again"]);
    });
  });

  it("keeps one with --rm, which is gone with its next end", async () => {
    await bench.unchanged(async () => {
      const script = "echo x >> /count; wc -l < /count; exec sleep 100";
      const run = ["run", "-d", "--rm", "--name", "fleeting", bench.name(), "sh", "-c", script];
      const id = await bench.does(run);
      await bench.until(async () => (await bench.does(["logs", "fleeting"])) === "1");
      for (const count of ["1\n2", "1\n2\n3"]) {
        expect(await bench.does(["restart", "-t", "0", "fleeting"])).toBe("fleeting");
        await bench.until(async () => (await bench.does(["logs", "fleeting"])) === count);
      }
      expect(JSON.parse(await bench.does(["inspect", "fleeting"]))[0]).toMatchObject({
        Id: id,
        HostConfig: { AutoRemove: true },
      });
      await bench.does(["stop", "-t", "0", "fleeting"]);
      expect((await bench.nacre(["inspect", "fleeting"])).code).toBe(1);
    });
  });

  it("takes one with --rm out of somebody's foreground", async () => {
    await bench.unchanged(async () => {
      const command = ["sh", "-c", "echo x >> /count; wc -l < /count; exec sleep 100"];
      const words = ["run", "--rm", "--name", "front", bench.name(), ...command];
      const child = bench.start(words);
      const front = outcomeOf(child);
      await once(child.stdout!, "data");
      await bench.does(["restart", "-t", "0", "front"]);
      expect(await front).toMatchObject({ code: 137, stdout: "1\n" });
      // What went straight to its foreground was not written down.
      await bench.until(async () => (await bench.does(["logs", "front"])) === "2");
      expect(await bench.does(["ps", "--format", "{{.Names}} {{.State}}"])).toBe("front running");
      await bench.does(["stop", "-t", "0", "front"]);
      expect(await bench.does(["ps", "-aq"])).toBe("");
    });
  });

  it("that is killed in the middle leaves nothing of one with --rm", async () => {
    await bench.unchanged(async () => {
      const deaf = "trap '' TERM; echo; while :; do sleep 0.05; done";
      await bench.does(["run", "-d", "--rm", "--name", "doomed", bench.name(), "sh", "-c", deaf]);
      await bench.until(async () => (await bench.nacre(["logs", "doomed"])).stdout === "\n");
      const restart = bench.start(["restart", "-t", "600", "doomed"]);
      const gone = outcomeOf(restart);
      const events = ["events", "--since", "10m", "--until", "0s", "--format", "{{.Action}}"];
      await bench.until(async () => {
        const said = await bench.does([...events, "--filter", "container=doomed"]);
        return said.includes("kill");
      });
      restart.kill("SIGKILL");
      await gone;
      await bench.does(["kill", "doomed"]);
      await bench.until(async () => (await bench.does(["ps", "-aq"])) === "");
    });
  });
});

describe("a paused container", () => {
  it("stands still until it is let go, and cannot be joined meanwhile", async () => {
    await bench.unchanged(async () => {
      await counting("still");
      expect(await bench.does(["pause", "still"])).toBe("still");
      expect(await state("still")).toMatchObject({ Status: "paused", Running: true, Paused: true });
      expect(await bench.does(["ps", "--format", "{{.Status}}"])).toMatch(/\(Paused\)$/);
      // Its supervisor is not held, and may still have something to write down.
      let before = 0;
      await bench.until(async () => {
        before = await lines("still");
        await sleep(150);
        return (await lines("still")) === before;
      });
      const joined = await bench.nacre(["exec", "still", "true"]);
      expect(joined.code).toBe(1);
      expect(joined.stderr).toContain("it is paused");
      expect((await bench.nacre(["pause", "still"])).stderr).toContain("it is paused");
      expect(await bench.does(["unpause", "still"])).toBe("still");
      expect(await state("still")).toMatchObject({ Status: "running", Paused: false });
      await bench.until(async () => (await lines("still")) > before);
      expect((await bench.nacre(["unpause", "still"])).stderr).toContain("it is running");
      await bench.does(["rm", "-f", "still"]);
    });
  });

  it("hears the signal of stop, and of kill", async () => {
    await bench.unchanged(async () => {
      const script = `trap 'echo bye; exit 3' TERM; ${COUNT}`;
      const run = (name: string) =>
        bench.does(["run", "-d", "--name", name, bench.name(), "sh", "-c", script]);
      await run("polite");
      await bench.until(async () => (await lines("polite")) > 0);
      await bench.does(["pause", "polite"]);
      await bench.does(["stop", "polite"]);
      expect(await state("polite")).toMatchObject({ Status: "exited", ExitCode: 3 });
      await run("killed");
      await bench.does(["pause", "killed"]);
      await bench.does(["kill", "killed"]);
      expect(await bench.does(["wait", "killed"])).toBe("137");
      await bench.does(["rm", "polite", "killed"]);
    });
  });

  it("is removed by force, and leaves nothing when its supervisor is killed", async () => {
    await bench.unchanged(async () => {
      await counting("held");
      await bench.does(["pause", "held"]);
      await bench.does(["rm", "-f", "held"]);
      await counting("orphan");
      await bench.does(["pause", "orphan"]);
      const { Pid } = await state("orphan");
      process.kill(parentOf(readFileSync(`/proc/${Pid}/stat`, "latin1")), "SIGKILL");
      await bench.until(async () => (await state("orphan")).Status === "exited");
      expect(await state("orphan")).toMatchObject({ ExitCode: 137 });
      await bench.does(["rm", "orphan"]);
    });
  });
});

/** Field 4 of /proc/PID/stat. */
const parentOf = (stat: string): number =>
  Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);

describe("rename", () => {
  it("frees the old name, and refuses one that is taken", async () => {
    await bench.does(["create", "--name", "first", bench.name(), "true"]);
    await bench.does(["create", "--name", "other", bench.name(), "true"]);
    await bench.does(["rename", "first", "second"]);
    expect((await bench.nacre(["inspect", "first"])).code).toBe(1);
    expect(JSON.parse(await bench.does(["inspect", "second"]))[0].Name).toBe("/second");
    const taken = await bench.nacre(["rename", "second", "other"]);
    expect(taken.code).toBe(1);
    expect(taken.stderr).toContain('the container name "other" is already in use');
    await bench.does(["create", "--name", "first", bench.name(), "true"]);
    await bench.does(["rm", "first", "second", "other"]);
  });
});

describe("wait", () => {
  it("waits for the next end, a state, or the removal", async () => {
    // Each end has another code than the one before: 4, 5, 6 …
    const script = "n=$(cat /n || echo 4); echo $((n+1)) > /n; exit $n";
    const id = await bench.does(["create", "--name", "job", bench.name(), "sh", "-c", script]);
    expect((await bench.nacre(["start", "-a", "job"])).code).toBe(4);
    const [next, removed] = ["next-exit", "removed"].map((condition) =>
      outcomeOf(bench.start(["wait", "--condition", condition, id])),
    );
    let told: Outcome | undefined;
    next!.then((outcome) => {
      told = outcome;
    });
    // Nobody sees when it has begun to wait: the first end after that is the one.
    let last = 4;
    await bench.until(async () => {
      if (!told) last = (await bench.nacre(["start", "-a", "job"])).code;
      return told;
    });
    expect(told?.code).toBe(0);
    const code = Number(told?.stdout);
    expect(code > 4 && code <= last, `${code} of 5 to ${last}`).toBe(true);
    await bench.does(["rm", "job"]);
    expect(await removed).toMatchObject({ code: 0, stdout: `${last}\n` });
  });
});

describe("the processes of a container", () => {
  it("are listed as this machine sees them", async () => {
    await bench.does(["run", "-d", "--name", "busy", bench.name(), "sh", "-c", "sleep 77 & wait"]);
    const listed = () => bench.does(["top", "busy", "-o", "pid,ppid,user,args"]);
    await bench.until(async () => (await listed()).includes("sleep 77"));
    const [, ...rows] = (await listed()).split("\n").map((line) => line.split(/\s+/));
    const { Pid } = await state("busy");
    expect(rows).toContainEqual([
      String(Pid),
      expect.any(String),
      "root",
      "sh",
      "-c",
      "sleep",
      "77",
      "&",
      "wait",
    ]);
    expect(rows).toContainEqual([expect.any(String), String(Pid), "root", "sleep", "77"]);
    expect(rows).toHaveLength(2);
    await bench.does(["rm", "-f", "busy"]);
    await bench.does(["create", "--name", "idle", bench.name(), "true"]);
    expect((await bench.nacre(["top", "idle"])).stderr).toContain("it is created");
    await bench.does(["rm", "idle"]);
  });
});

describe("the use of a container", () => {
  it("is measured against its limit, and against the processor's time", async () => {
    const spin = ["sh", "-c", "while :; do :; done"];
    await bench.does(["run", "-d", "--name", "hot", "--memory", "64m", bench.name(), ...spin]);
    await bench.does(["run", "-d", "--name", "cold", bench.name(), "sleep", "99"]);
    const look = async (name: string) =>
      JSON.parse(await bench.does(["stats", "--no-stream", "--format", "json", name]));
    const [hot, cold] = [await look("hot"), await look("cold")];
    // Others may want the processors as well.
    expect(Number.parseFloat(hot.CPUPerc)).toBeGreaterThan(2);
    expect(Number.parseFloat(cold.CPUPerc)).toBeLessThan(2);
    expect(hot.MemUsage).toMatch(/ \/ 64MiB$/);
    expect(cold.MemUsage).toMatch(/ \/ \d+(\.\d+)?GiB$/);
    expect(hot.PIDs).toBe("1");
    await bench.does(["rm", "-f", "hot", "cold"]);
  });
});
