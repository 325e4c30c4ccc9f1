// Many processes at once, and processes that are killed at any moment: the next command settles
// everything, and nothing is left behind.

import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { tar } from "../images/tar.ts";
import { benchForTests, outcomeOf, parentOf, shellImage } from "./engine-bench.ts";

let waits: string;
const bench = benchForTests((bench) => {
  waits = join(bench.base, "waits");
  mkdirSync(waits);
});

const mounts = () =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(`${bench.root}/mounts/`));
const json = async (name: string) => JSON.parse(await bench.does(["inspect", name]))[0];

/** A zombie is not: who reaps an orphan may take its time. */
const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));

/** Every nacre-init of this bench. */
const supervisors = (): number[] =>
  bench.state().flatMap((one) => {
    const pid = /^process: (\d+) .*nacre-init/.exec(one)?.[1];
    return pid === undefined ? [] : [Number(pid)];
  });

/** What was listed may have ended since. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** What was started ends by itself, and then nothing of it outlives a prune. */
const isAllPruned = (): Promise<void> =>
  bench.until(async () => {
    await bench.does(["system", "prune", "-f"]);
    return (await bench.does(["ps", "-aq"])) === "";
  });

/** A script that ends when it is told to, however long that takes, and how to tell it. */
function awaited(): { options: string[]; script: string; end: () => void } {
  const folder = mkdtempSync(join(waits, "one-"));
  return {
    options: ["-v", `${folder}:/awaited`],
    script: "while [ ! -e /awaited/end ]; do sleep 0.05; done",
    end: () => writeFileSync(join(folder, "end"), ""),
  };
}

describe("many containers of one image at once", () => {
  it("share one mount, which goes with the last of them", async () => {
    await bench.unchanged(async () => {
      const names = Array.from({ length: 20 }, (_, i) => `many-${i}`);
      const run = (name: string) =>
        bench.does(["run", "-d", "--name", name, bench.name(), "sleep", "60"]);
      for (let i = 0; i < 20; i += 5) await Promise.all(names.slice(i, i + 5).map(run));
      expect((await bench.does(["ps", "-q"])).split("\n")).toHaveLength(20);
      expect(mounts()).toHaveLength(1);
      await bench.does(["rm", "-f", ...names.slice(1)]);
      expect(mounts()).toHaveLength(1);
      await bench.does(["rm", "-f", names[0]!]);
      expect(mounts()).toEqual([]);
    });
  });

  it("leave no cgroup of Nacre's when the last is gone", async () => {
    await bench.prints([], ["true"]);
    // Others of this machine may have containers in it.
    const inUse = (): boolean => {
      try {
        const below = readdirSync("/sys/fs/cgroup/pids/nacre", { withFileTypes: true });
        return below.some((entry) => entry.isDirectory());
      } catch {
        return false; // gone between two looks
      }
    };
    await bench.until(() => !existsSync("/sys/fs/cgroup/pids/nacre") || inUse());
  });

  it("start and end in the foreground side by side", async () => {
    await bench.unchanged(async () => {
      const all = Array.from({ length: 12 }, (_, i) => bench.prints([], ["echo", `${i}`]));
      expect(await Promise.all(all)).toEqual(Array.from({ length: 12 }, (_, i) => `${i}`));
    });
  });
});

describe("two that want the same", () => {
  it("start a container once", async () => {
    await using engine = await bench.engine();
    await using other = await bench.engine();
    const command = ["sleep", "60"];
    const { id } = await engine.containers.create({ image: bench.name(), command, detached: true });
    const both = await Promise.allSettled([
      engine.containers.start(id),
      other.containers.start(id),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const refused = both.find(({ status }) => status === "rejected") as PromiseRejectedResult;
    expect(refused.reason).toMatchObject({
      kind: "conflict",
      message: expect.stringMatching(/cannot start/),
    });
    await engine.containers.remove(id, { force: true });
  });

  it("remove it once, and stop it as often as they like", async () => {
    await bench.unchanged(async () => {
      await bench.does(["run", "-d", "--name", "prize", bench.name(), "sleep", "60"]);
      const stops = await Promise.all([1, 2].map(() => bench.nacre(["stop", "-t", "0", "prize"])));
      expect(stops.map(({ code }) => code)).toEqual([0, 0]);
      const removals = await Promise.all([1, 2, 3].map(() => bench.nacre(["rm", "prize"])));
      expect(removals.filter(({ code }) => code === 0)).toHaveLength(1);
      for (const { code, stderr } of removals) {
        if (code !== 0) expect(stderr).toMatch(/no such container: prize|already in progress/);
      }
    });
  });

  it("take a name once", async () => {
    const run = () => bench.nacre(["run", "-d", "--name", "wanted", bench.name(), "sleep", "60"]);
    const both = await Promise.all([run(), run(), run()]);
    expect(both.map(({ code }) => code).sort()).toEqual([0, 125, 125]);
    await bench.does(["rm", "-f", "wanted"]);
  });
});

describe("a killed supervisor", () => {
  it("takes its container with it, and the next command says so", async () => {
    await bench.unchanged(async () => {
      await bench.does(["run", "-d", "--name", "orphan", bench.name(), "sleep", "60"]);
      const { Pid } = (await json("orphan")).State;
      process.kill(parentOf(Pid), "SIGKILL");
      await bench.until(async () => (await json("orphan")).State.Status === "exited");
      expect((await json("orphan")).State).toMatchObject({
        ExitCode: 137,
        Error: "its supervisor was killed",
      });
      await bench.until(() => !isAlive(Pid));
      expect(mounts()).toEqual([]);
      await bench.does(["rm", "orphan"]);
    });
  });

  it("of a container that removes itself leaves nothing after the next command", async () => {
    await bench.unchanged(async () => {
      const id = await bench.does(["run", "-d", "--rm", bench.name(), "sleep", "60"]);
      process.kill(parentOf((await json(id)).State.Pid), "SIGKILL");
      await bench.until(async () => (await bench.does(["ps", "-aq"])) === "");
    });
  });

  it("is told to who waits in the foreground", async () => {
    await bench.unchanged(async () => {
      const run = bench.start(["run", "--rm", "--name", "front", bench.name(), "sleep", "60"]);
      const done = outcomeOf(run);
      await bench.until(async () => (await bench.does(["ps", "-q"])) !== "");
      process.kill(parentOf((await json("front")).State.Pid), "SIGKILL");
      expect(await done).toMatchObject({
        code: 125,
        stderr: expect.stringContaining("was killed"),
      });
      expect(await bench.does(["ps", "-aq"])).toBe("");
    });
  });
});

describe("supervisors that are killed at any moment", () => {
  it("leave nothing after the next command", async () => {
    await bench.unchanged(async () => {
      for (let i = 0; i < 10; i++) {
        const mode = i % 2 === 0 ? ["-d"] : ["-d", "--rm"];
        const run = bench.start(["run", ...mode, bench.name(), "sleep", "0.05"]);
        const done = outcomeOf(run);
        await sleep(40 + i * 8);
        for (const pid of supervisors()) killIfThere(pid);
        await done;
        await bench.does(["ps", "-a"]);
      }
      await isAllPruned();
      expect(mounts()).toEqual([]);
    }, /^file: (locks|mounts)/);
  });
});

describe("a killed command", () => {
  it("leaves its container in the foreground running, and the next one puts it to rest", async () => {
    await bench.unchanged(async () => {
      const { options, script, end } = awaited();
      const words = ["--rm", ...options, bench.name(), "sh", "-c", `${script}; exit 3`];
      const run = bench.start(["run", ...words]);
      await bench.until(async () => (await bench.does(["ps", "-q"])) !== "");
      run.kill("SIGKILL");
      expect(await bench.does(["ps", "--format", "{{.State}}"])).toBe("running");
      end();
      await bench.until(async () => (await bench.does(["ps", "-aq"])) === "");
    });
  });

  it("keeps the exit code of a container that stays", async () => {
    const { options, script, end } = awaited();
    const words = ["--name", "stays", ...options, bench.name(), "sh", "-c", `${script}; exit 3`];
    const run = bench.start(["run", ...words]);
    await bench.until(async () => (await bench.does(["ps", "-q"])) !== "");
    run.kill("SIGKILL");
    end();
    await bench.until(async () => (await json("stays")).State.Status === "exited");
    expect((await json("stays")).State.ExitCode).toBe(3);
    await bench.does(["rm", "stays"]);
  });

  it("leaves nothing after a prune, whenever it was killed", async () => {
    await bench.unchanged(async () => {
      for (let i = 0; i < 24; i++) {
        const mode = i % 2 === 0 ? ["--rm"] : ["-d", "--rm"];
        const run = bench.start(["run", ...mode, bench.name(), "sleep", "0.1"]);
        const done = outcomeOf(run);
        await sleep(20 + i * 6);
        run.kill("SIGKILL");
        await done;
        if (i % 3 === 0) await bench.does(["ps", "-a"]);
      }
      await isAllPruned();
    }, /^file: (trash|locks|mounts)/);
  });

  it("has its removal finished by the next", async () => {
    await bench.unchanged(async () => {
      const many = "mkdir /d; cd /d; i=0; while [ $i -lt 1000 ]; do : > $i; i=$((i+1)); done";
      for (const delayMs of [55, 70, 85]) {
        await bench.does(["run", "--name", "full", bench.name(), "sh", "-c", many]);
        const rm = bench.start(["rm", "full"]);
        const done = outcomeOf(rm);
        await sleep(delayMs);
        rm.kill("SIGKILL");
        await done;
        const { code, stderr } = await bench.nacre(["rm", "full"]);
        if (code !== 0) expect(stderr).toContain("no such container");
        expect(await bench.does(["ps", "-aq"])).toBe("");
      }
    });
  });

  it("has its pull resumed by the next", async () => {
    const noise = Buffer.alloc(8 << 20);
    for (let i = 0; i < noise.length; i += 4)
      noise.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
    const layer = { tar: tar([{ name: "noise", content: noise }]), compression: "none" } as const;
    const built = bench.add("large", shellImage({ layers: [layer] }));
    const large = built.layers[1]!.digest;
    const fault = { do: "stall", on: "blob", of: large, afterBytes: 5 << 20, times: 1 } as const;
    const slow = await bench.serve({ faults: [fault] });
    const name = `${slow.address}/large`;
    const pull = bench.start(["pull", "-q", name]);
    const done = outcomeOf(pull);
    // Killed when something of it has been kept, and the rest has not come.
    const blobs = join(bench.root, "blobs", "sha256");
    const kept = (name: string) =>
      (statSync(join(blobs, name), { throwIfNoEntry: false })?.size ?? 0) > 0;
    const parts = () => readdirSync(blobs).filter((name) => name.includes(large.slice(7)));
    await bench.until(() => existsSync(blobs) && parts().some(kept));
    pull.kill("SIGKILL");
    await done;
    await bench.does(["pull", "-q", name]);
    const asked = slow.requests.filter(({ path }) => path.endsWith(large));
    expect(asked.some(({ range }) => range !== undefined)).toBe(true);
    expect(
      await bench.does(["run", "--rm", name, "sh", "-c", "sha256sum < /noise | cut -c1-16"]),
    ).toBe(createHash("sha256").update(noise).digest("hex").slice(0, 16));
    await bench.does(["rmi", name]);
  });
});
