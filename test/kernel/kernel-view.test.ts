// What the command line says of this machine's cgroups and namespaces, beside what others say of
// the same: /proc read and grouped here, and lsns of util-linux.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseDot } from "../graphviz.ts";
import { Bench } from "./engine-bench.ts";

let bench: Bench;
let sleeper: ChildProcess;

beforeAll(async () => {
  bench = await Bench.make();
  const ready = await bench.nacre(["pull", "-q", bench.name()]);
  expect(ready.code).toBe(0);
  await bench.does([
    "run",
    "-q",
    "-d",
    "--name",
    "web",
    "--memory",
    "64m",
    "--pids-limit",
    "20",
    bench.name(),
    "sleep",
    "1000",
  ]);
  // Namespaces that have a process and a descriptor each, and nothing of ours.
  sleeper = spawn("unshare", ["-n", "-u", "sh", "-c", "exec 9</proc/self/ns/net; sleep 1000"], {
    stdio: "ignore",
    detached: true,
  });
  await bench.until(() => descriptorOf(sleeper.pid!) !== undefined);
});
afterAll(async () => {
  if (sleeper?.pid) process.kill(-sleeper.pid, "SIGKILL");
  await bench[Symbol.asyncDispose]();
});

function descriptorOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/9`);
  } catch {
    return undefined;
  }
}

const json = async (words: readonly string[]) => JSON.parse(await bench.does(words));

/** /proc/PID/cgroup of every process, by number. */
function memberships(): Map<number, string> {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return new Map(
    pids.flatMap((pid) => {
      try {
        return [[Number(pid), readFileSync(`/proc/${pid}/cgroup`, "utf8")] as const];
      } catch {
        return []; // gone since it was listed
      }
    }),
  );
}

interface Membership {
  readonly hierarchy: number;
  readonly controllers: readonly string[];
  readonly path: string;
}
const textOf = (cgroups: readonly Membership[]): string =>
  cgroups.map((c) => `${c.hierarchy}:${c.controllers.join()}:${c.path}\n`).join("");

describe("css_sets", () => {
  it("hold exactly the processes whose /proc/PID/cgroup is equal", async () => {
    const before = memberships();
    const sets = await json(["cgroup", "css-sets", "--json"]);
    const after = memberships();
    const stable = [...before].filter(([pid, text]) => after.get(pid) === text);
    expect(stable.length).toBeGreaterThan(10);
    const shown = new Map<number, string>();
    for (const { cgroups, processes } of sets) {
      for (const { pid } of processes) {
        expect(shown.has(pid)).toBe(false);
        shown.set(pid, textOf(cgroups));
      }
    }
    for (const [pid, text] of stable) expect([pid, shown.get(pid)]).toEqual([pid, text]);
    expect(new Set(sets.map((set: { cgroups: Membership[] }) => textOf(set.cgroups))).size).toBe(
      sets.length,
    );
  });

  it("name the container that one belongs to", async () => {
    const sets = await json(["cgroup", "css-sets", "--json"]);
    const own = sets.filter((set: { container: { name: string } | null }) => set.container);
    expect(own).toMatchObject([{ container: { name: "web" }, processes: [{ command: "sleep" }] }]);
  });

  it("are a graph with one edge a link", async () => {
    const dot = await bench.does(["cgroup", "css-sets", "--dot"]);
    const { edges, nodes } = parseDot(dot);
    const sets = [...nodes.keys()].filter((name) => /^set\d+$/.test(name));
    const hierarchies = readFileSync("/proc/self/cgroup", "utf8").trim().split("\n").length;
    expect(edges).toHaveLength(sets.length * hierarchies);
  });

  // Graphviz is no part of what the tests install; where it is, it has the last word.
  it.skipIf(!hasDot())("are drawn by dot", async () => {
    const dot = await bench.does(["cgroup", "css-sets", "--dot"]);
    const svg = execFileSync("dot", ["-Tsvg"], { input: dot, encoding: "utf8" });
    expect(svg).toContain("css_set 1");
  });
});

function hasDot(): boolean {
  try {
    execFileSync("dot", ["-V"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe("the tree", () => {
  it("has the container's node in each hierarchy, with its limits", async () => {
    const trees = await json(["cgroup", "tree", "--json", "web"]);
    const limits = Object.assign(
      {},
      ...trees.map(({ root }: { root: { limits: object } }) => root.limits),
    );
    expect(limits.memoryMax).toMatchObject({ own: 64 << 20, effective: 64 << 20 });
    expect(limits.pidsMax).toMatchObject({ own: 20, effective: 20 });
    for (const { root } of trees) {
      expect(root).toMatchObject({ processes: 1, population: 1, container: { name: "web" } });
    }
    expect(await bench.does(["cgroup", "tree", "web"])).toContain("memory 64MiB");
  });

  it("counts in a container's nodes what their cgroup.procs list", async () => {
    const trees = await json(["cgroup", "tree", "--json", "/nacre"]);
    let seen = 0;
    for (const { mountpoint, root } of trees) {
      for (const { path, processes, container } of root.children) {
        if (container?.name !== "web") continue; // others of this machine come and go
        const text = readFileSync(`${mountpoint}${path}/cgroup.procs`, "utf8");
        expect(processes).toBe(text.split("\n").filter(Boolean).length);
        seen++;
      }
    }
    expect(seen).toBeGreaterThan(3);
  });

  it("says what holds below a limit that another node sets", async () => {
    const top = "/sys/fs/cgroup/pids/nacre-view-test";
    const pids = readdirSync("/sys/fs/cgroup").includes("pids");
    expect(pids, "this test knows cgroup v1").toBe(true);
    mkdirSync(`${top}/inner`, { recursive: true });
    try {
      execFileSync("sh", ["-c", `echo 7 > ${top}/pids.max; echo 9 > ${top}/inner/pids.max`]);
      const [tree] = await json(["cgroup", "tree", "--json", `${top}/inner`]);
      expect(tree.root.limits.pidsMax).toEqual({ own: 9, effective: 7, from: "/nacre-view-test" });
    } finally {
      rmdirSync(`${top}/inner`);
      rmdirSync(top);
    }
  });
});

describe("namespaces", () => {
  interface Lsns {
    readonly ns: number;
    readonly type: string;
    readonly nprocs: number;
  }
  const lsns = (): Lsns[] =>
    JSON.parse(execFileSync("lsns", ["--json", "-o", "NS,TYPE,NPROCS"], { encoding: "utf8" }))
      .namespaces;

  it("are those that lsns lists", async () => {
    const before = lsns();
    const reports = await json(["ns", "ls", "--json"]);
    const stable = lsns().filter(({ ns }) => before.some((one) => one.ns === ns));
    expect(stable.length).toBeGreaterThan(8);
    for (const { ns, type } of stable) {
      expect(reports).toContainEqual(expect.objectContaining({ kind: type, id: ns }));
    }
    const web = await json(["ns", "ls", "--json", "--container", "web"]);
    for (const report of web) {
      const theirs = stable.find(({ ns }) => ns === report.id);
      expect(theirs).toMatchObject({ type: report.kind, nprocs: report.processes.length });
    }
    const kinds = web.map(({ kind }: { kind: string }) => kind);
    expect(kinds).toEqual(["cgroup", "ipc", "mnt", "net", "pid", "uts"]);
  });

  it("are kept alive by a descriptor, which is named", async () => {
    const id = Number(/\d+/.exec(descriptorOf(sleeper.pid!) ?? "")?.[0]);
    const reports = await json(["ns", "ls", "--json", "--kind", "net"]);
    const found = reports.find((report: { id: number }) => report.id === id);
    expect(found.descriptors).toContainEqual({
      pid: sleeper.pid,
      command: expect.any(String),
      descriptor: 9,
    });
    expect(await bench.does(["ns", "ls", "-k", "net"])).toContain(`descriptor 9 of ${sleeper.pid}`);
  });

  it("leave the machine as it was when they are looked at", async () => {
    await bench.unchanged(async () => {
      for (const words of [
        ["ns", "ls"],
        ["cgroup", "tree"],
        ["cgroup", "css-sets"],
      ]) {
        await bench.does(words);
      }
    });
  });
});

describe("mounting a hierarchy", () => {
  const target = () => `${bench.base}/cgroup/teams`;
  const name = () => `nacre-test-${process.pid}`;
  beforeAll(() => mkdirSync(target(), { recursive: true }));

  it("makes one with a name, shows it, and leaves nothing when it is unmounted", async () => {
    await bench.unchanged(async () => {
      await bench.does(["cgroup", "mount", "-o", `none,name=${name()}`, "teams", target()]);
      const mine = readFileSync("/proc/self/mountinfo", "utf8");
      expect(mine).toContain(`- cgroup teams rw,name=${name()}`);
      expect(readFileSync("/proc/self/cgroup", "utf8")).toContain(`:name=${name()}:/`);
      const trees = await json(["cgroup", "tree", "--json", target()]);
      expect(trees).toMatchObject([{ controllers: [`name=${name()}`], mountpoint: target() }]);
      const again = await bench.nacre([
        "cgroup",
        "mount",
        "-o",
        `pids,name=${name()}`,
        "x",
        target(),
      ]);
      expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining(target()) });
      await bench.does(["cgroup", "umount", target()]);
    });
    // The kernel lets go of a hierarchy a moment after its last mount.
    await bench.until(() => !readFileSync("/proc/self/cgroup", "utf8").includes(name()));
  });

  it("says where a controller is, as the kernel refuses it", async () => {
    const refused = await bench.nacre(["cgroup", "mount", "-o", "cpu,memory", "x", target()]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /the controller cpu is attached to another hierarchy: .*mounted at/,
    );
    const kernel = spawnSync("mount", ["-t", "cgroup", "-o", "cpu,memory", "x", bench.base]);
    expect(String(kernel.stderr)).toMatch(/busy|already mounted/);
  });

  it("says that one is busy while somebody is in it", async () => {
    await bench.does(["cgroup", "mount", "-o", `none,name=${name()}`, "teams", target()]);
    const guest = spawn("sleep", ["1000"], { cwd: target(), stdio: "ignore" });
    try {
      const refused = await bench.nacre(["cgroup", "umount", target()]);
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("busy") });
    } finally {
      const gone = new Promise((resolve) => guest.once("exit", resolve));
      guest.kill("SIGKILL");
      await gone;
      await bench.does(["cgroup", "umount", target()]);
    }
  });
});
