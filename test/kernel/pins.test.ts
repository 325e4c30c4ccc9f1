// Pinned namespaces on this machine: mountinfo and /proc/PID/ns say whether they are held.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bench } from "./engine-bench.ts";

const NACRE = fileURLToPath(new URL("../../cli/bin/nacre", import.meta.url));
/** The directory of all pins stays when it was made. */
const STAYS = /^file: pins$/;

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.make();
  await bench.does(["pull", "-q", bench.name()]);
});
afterAll(() => bench[Symbol.asyncDispose]());

const start = (name: string) =>
  bench.does([
    "run",
    "-q",
    "-d",
    "--network",
    "none",
    "--name",
    name,
    bench.name(),
    "sleep",
    "1000",
  ]);
const json = async (words: readonly string[]) => JSON.parse(await bench.does(words));

/** `net:[4026532181]` by its file's name, of the nsfs mounts below the state root. */
function bound(name: string): Record<string, string> {
  const directory = join(bench.root, "pins", name);
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return Object.fromEntries(
    lines
      .map((line) => line.split(" "))
      .filter((fields) => fields[4]?.startsWith(`${directory}/`) && fields.includes("nsfs"))
      .map((fields) => [fields[4]!.slice(directory.length + 1), fields[3]!]),
  );
}

async function namespacesOf(container: string): Promise<Record<string, string>> {
  const [{ State }] = await json(["inspect", container]);
  const kinds = ["cgroup", "ipc", "mnt", "net", "pid", "uts"];
  return Object.fromEntries(
    kinds.map((kind) => [kind, readlinkSync(`/proc/${State.Pid}/ns/${kind}`)]),
  );
}

describe("a pin", () => {
  it("holds a container's namespaces beyond its removal, by name, and leaves nothing", async () => {
    await bench.unchanged(async () => {
      await start("web");
      const own = await namespacesOf("web");
      expect(await bench.does(["ns", "pin", "lab", "web"])).toBe("lab");
      expect(bound("lab")).toEqual(own);
      const removed = await bench.nacre(["rm", "-f", "web"]);
      expect(removed.stderr).toContain("still pinned: lab");
      expect(bound("lab")).toEqual(own);
      const reports = await json(["ns", "ls", "--json", "--container", "web"]);
      expect(
        Object.fromEntries(
          reports.map((r: { kind: string; id: number }) => [r.kind, `${r.kind}:[${r.id}]`]),
        ),
      ).toEqual(own);
      for (const report of reports) expect(report).toMatchObject({ pins: ["lab"], processes: [] });
      const pruned = await bench.does(["system", "prune", "-f"]);
      expect(pruned).toContain("Still Pinned");
      expect(bound("lab")).toEqual(own);
      await bench.does(["ns", "unpin", "lab"]);
      expect(bound("lab")).toEqual({});
      expect(readdirSync(join(bench.root, "pins"))).toEqual([]);
    }, STAYS);
  });

  it("is joined by name, and its command's exit code is ours", async () => {
    await start("web");
    const own = await namespacesOf("web");
    await bench.does(["ns", "pin", "lab", "web", "--kind", "net,uts,mnt"]);
    await bench.nacre(["rm", "-f", "web"]);
    const script = "readlink /proc/self/ns/net /proc/self/ns/uts /proc/self/ns/pid; exit 7";
    const { code, stdout } = await bench.nacre([
      ...["ns", "exec", "--kind", "net,uts", "lab"],
      ...["sh", "-c", script],
    ]);
    const here = readlinkSync("/proc/self/ns/pid");
    expect({ code, stdout }).toEqual({ code: 7, stdout: `${own.net}\n${own.uts}\n${here}\n` });
    const mine = await bench.does(["ns", "exec", "-k", "net", "lab", "pwd"]);
    expect(mine).toBe(process.cwd());
    const absent = await bench.nacre(["ns", "exec", "-k", "net", "lab", "no-such-command"]);
    expect(absent.code).toBe(127);
    await bench.does(["ns", "unpin", "lab"]);
  });

  it("of a pid namespace says that it is dead when its first process has ended", async () => {
    await start("web");
    await bench.does(["ns", "pin", "lab", "web", "-k", "pid,mnt"]);
    const alive = await bench.does(["ns", "exec", "lab", "sh", "-c", "echo $$"]);
    expect(Number(alive)).toBeLessThan(100);
    await bench.nacre(["rm", "-f", "web"]);
    const dead = await bench.nacre(["ns", "exec", "lab", "true"]);
    expect(dead).toMatchObject({ code: 1, stderr: expect.stringContaining("is dead") });
    await bench.does(["ns", "unpin", "lab"]);
  });

  it("spreads to no other mount namespace where mounts are shared", async () => {
    // Two mount namespaces whose mounts are peers: a pin made in one must not appear in the other.
    const script = [
      "set -e",
      "unshare -m --propagation unchanged sleep 1000 </dev/null >/dev/null 2>&1 & other=$!",
      "trap 'kill $other' EXIT",
      // It has left for its own namespace once the links differ.
      'until [ "$(readlink /proc/$other/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ]; do :; done',
      `"$1" --root "$2" ns pin lab $other --kind mnt,uts`,
      `grep -c "$2/pins/.* nsfs " /proc/self/mountinfo`,
      `grep -c "$2/pins/.* nsfs " /proc/$other/mountinfo || true`,
      `"$1" --root "$2" ns unpin lab`,
      `grep -c "$2" /proc/self/mountinfo /proc/$other/mountinfo || true`,
    ].join("\n");
    // On one CPU, as Linux 6.18 draws the ids that tell a namespace's age in batches by CPU: of two
    // made on different ones the younger may count as the older, and is refused.
    const cpu = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    const output = execFileSync(
      "taskset",
      [
        ...["-c", cpu ?? "0", "unshare", "-m", "--propagation", "shared"],
        ...["sh", "-c", script, "sh", NACRE, bench.root],
      ],
      { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 },
    );
    const [pinned, here, there, unpinned, ...left] = output.trim().split("\n");
    expect([pinned, here, there, unpinned]).toEqual(["lab", "2", "0", "lab"]);
    for (const line of left) expect(line).toMatch(/mountinfo:0$/);
  });

  it("is refused whole where a part cannot be had", async () => {
    await bench.unchanged(async () => {
      const own = await bench.nacre(["ns", "pin", "own", String(process.pid), "-k", "uts,mnt"]);
      expect(own).toMatchObject({ code: 1, stderr: expect.stringContaining("cannot be pinned") });
      const none = await bench.nacre(["ns", "pin", "none", String(process.pid)]);
      expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining("of its own") });
      const gone = await bench.nacre(["ns", "pin", "gone", "4194303"]);
      expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining("no process") });
      const absent = await bench.nacre(["ns", "unpin", "none"]);
      expect(absent).toMatchObject({ code: 1, stderr: expect.stringContaining("no such pin") });
    }, STAYS);
  });
});

describe("a process's namespaces", () => {
  let sleeper: ChildProcess;
  beforeAll(async () => {
    sleeper = spawn("unshare", ["--user", "--net", "sleep", "1000"], { stdio: "ignore" });
    const here = readlinkSync("/proc/self/ns/net");
    await bench.until(() => {
      const comm = readFileSync(`/proc/${sleeper.pid}/comm`, "utf8");
      return comm === "sleep\n" && readlinkSync(`/proc/${sleeper.pid}/ns/net`) !== here;
    });
    // Its root is user 1000 of ours.
    for (const file of ["uid_map", "gid_map"]) {
      writeFileSync(`/proc/${sleeper.pid}/${file}`, "0 1000 1\n");
    }
  });
  afterAll(() => sleeper.kill("SIGKILL"));

  it("are joined with their user namespace last, as its root", async () => {
    const script = "id -u; readlink /proc/self/ns/user /proc/self/ns/net";
    const shown = await bench.does(["ns", "exec", String(sleeper.pid), "sh", "-c", script]);
    expect(shown.split("\n")).toEqual([
      "0",
      readlinkSync(`/proc/${sleeper.pid}/ns/user`),
      readlinkSync(`/proc/${sleeper.pid}/ns/net`),
    ]);
  });

  it("are joined where groups may not be changed, if root inside is root outside", async () => {
    const root = spawn("unshare", ["--user", "--map-root-user", "sleep", "1000"], {
      stdio: "ignore",
    });
    try {
      await bench.until(() => readFileSync(`/proc/${root.pid}/comm`, "utf8") === "sleep\n");
      const shown = await bench.does(["ns", "exec", String(root.pid), "id", "-u"]);
      expect(shown).toBe("0");
    } finally {
      root.kill("SIGKILL");
    }
  });
});
