// Containers on cgroup v2 alone: what is written, what holds, and what is left. Machines with the
// controllers on version 1 skip this; `npm run test:vm` boots one that has not.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { benchForTests } from "./engine-bench.ts";

const ROOT = "/sys/fs/cgroup";
const read = (path: string): string => readFileSync(path, "utf8").trim();
const controllers = existsSync(`${ROOT}/cgroup.controllers`)
  ? read(`${ROOT}/cgroup.controllers`).split(" ")
  : [];
const NEEDED = ["cpu", "memory", "pids"];
const unified = NEEDED.every((name) => controllers.includes(name));

// Where version 1 has the controllers there is nothing to limit here.
describe.skipIf(!unified)("on cgroup v2 alone", () => {
  const bench = benchForTests();

  const node = (id: string, file: string) => read(`${ROOT}/nacre/${id}/${file}`);

  it("info says so", async () => {
    expect(await bench.does(["info", "-f", "{{.CgroupVersion}}"])).toBe("2");
  });

  it("limits are written, seen inside, and those of who joins; nothing is left", async () => {
    await bench.unchanged(async () => {
      const limits = ["--memory", "64m", "--cpus", "0.5", "--pids-limit", "17"];
      const id = await bench.does(["run", "-d", ...limits, bench.name(), "sleep", "600"]);
      const files = ["memory.max", "cpu.max", "pids.max"];
      const values = ["67108864", "50000 100000", "17"];
      expect(files.map((file) => node(id, file))).toEqual(values);
      const handedDown = read(`${ROOT}/nacre/cgroup.subtree_control`).split(" ");
      expect(NEEDED.filter((name) => !handedDown.includes(name))).toEqual([]);

      const look = `cd ${ROOT} && cat ${files.join(" ")} && cat /proc/self/cgroup`;
      const inside = await bench.does(["exec", id, "sh", "-c", look]);
      expect(inside.split("\n")).toEqual([...values, "0::/"]);
      expect(await bench.does(["exec", id, "sh", "-c", `mkdir ${ROOT}/x 2>&1 || echo no`])).toMatch(
        /no$/,
      );

      const [first] = node(id, "cgroup.procs").split("\n");
      expect(read(`/proc/${first}/cgroup`)).toBe(`0::/nacre/${id}`);
      const joined = bench.start(["exec", id, "sleep", "600"]);
      const left = new Promise((resolve) => joined.once("exit", resolve));
      await bench.until(() => node(id, "cgroup.procs").split("\n").length === 2, 60_000);
      await bench.does(["stop", "-t", "0", id]);
      await left;
      expect(existsSync(`${ROOT}/nacre/${id}`)).toBe(false);
      await bench.does(["rm", id]);
    });
  });

  it("a process too many is refused, and the machine's own table is untouched", async () => {
    const forks = "i=0; while [ $i -lt 9 ]; do sleep 9 & i=$((i+1)); done; echo all";
    const words = ["run", "--rm", "--pids-limit", "5", bench.name(), "sh", "-c", forks];
    const { stdout, stderr } = await bench.nacre(words);
    expect(stderr).toContain("can't fork");
    expect(stdout).toBe("");
  });

  it("who takes more memory than there is for it is killed, and inspect says by whom", async () => {
    const hog = ["sh", "-c", "tail /dev/zero; exit $?"];
    const run = await bench.nacre([
      "run",
      "--name",
      "hog",
      "--memory",
      "32m",
      bench.name(),
      ...hog,
    ]);
    expect(run.code).toBe(137);
    const [state] = JSON.parse(await bench.does(["inspect", "hog"]));
    expect(state.State).toMatchObject({ OOMKilled: true, ExitCode: 137 });
    await bench.does(["rm", "hog"]);
  });

  it("devices are those that were given, at the start and by update", async () => {
    const odd = join(bench.base, "odd");
    execFileSync("mknod", ["-m", "666", odd, "c", "120", "9"]);
    const bound = ["-v", `${odd}:/odd`];
    // No driver serves it: who may open it learns that, who may not does not.
    const tries = ["sh", "-c", "{ cat /odd; echo x >/odd; } 2>&1 | sed 's/.*: //'"];
    const [no, yes] = ["Operation not permitted", "No such device or address"];
    const tried = async (...options: string[]) =>
      (await bench.prints([...bound, ...options], tries)).split("\n");
    expect(await tried()).toEqual([no, no]);
    expect(await tried("--device-cgroup-rule", "c 120:* r")).toEqual([yes, no]);
    expect(await tried("--device", `${odd}:/dev/mine:w`)).toEqual([no, yes]);
    expect(await tried("--privileged")).toEqual([yes, yes]);
    const id = await bench.does(["run", "-d", ...bound, bench.name(), "sleep", "600"]);
    const inside = async () => (await bench.does(["exec", id, ...tries])).split("\n");
    expect(await inside()).toEqual([no, no]);
    await bench.does(["update", "--device-cgroup-rule", "c 120:9 rw", id]);
    expect(await inside()).toEqual([yes, yes]);
    await bench.does(["rm", "-f", id]);
  });

  it("a pause freezes the node, and an end of it thaws it", async () => {
    const id = await bench.does(["run", "-d", bench.name(), "sleep", "600"]);
    await bench.does(["pause", id]);
    expect(node(id, "cgroup.events")).toContain("frozen 1");
    await bench.does(["unpause", id]);
    expect(node(id, "cgroup.events")).toContain("frozen 0");
    await bench.does(["rm", "-f", id]);
  });

  it("neighbours that come and go take nothing from each other", async () => {
    await bench.unchanged(async () => {
      const one = async (n: number) => {
        const limit = 20 + n;
        const words = ["--pids-limit", `${limit}`, "--memory", "32m"];
        expect(await bench.prints(words, ["cat", `${ROOT}/pids.max`])).toBe(`${limit}`);
      };
      for (let round = 0; round < 3; round++) await Promise.all([0, 1, 2, 3].map(one));
    });
    await bench.until(
      () => !existsSync(`${ROOT}/nacre`) || readdirSync(`${ROOT}/nacre`).length > 0,
    );
  });
});
