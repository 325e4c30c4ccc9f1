// Whatever step of a program fails, and whatever an end it comes to: the machine is as it was.

import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { encodeProgram } from "@nacre/core/program/wire.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  build,
  container,
  enter,
  isAsBefore,
  kernel,
  machine,
  makeRoot,
  outcome,
  reports,
  run,
  scratch,
} from "./native.ts";

const tmp = scratch();
const on = kernel();
const init = build();
const at = (name: string): string => join(tmp.path, name);
const before = machine();
const cgroup = `/sys/fs/cgroup/memory/nacre-test-${process.pid}`;
const pids = `/sys/fs/cgroup/pids/nacre-test-${process.pid}`;

beforeAll(() => {
  makeRoot(at("root"));
  for (const name of ["upper", "work", "merged", "state"]) mkdirSync(at(name));
});
afterAll(async () => {
  await isAsBefore(before);
  tmp[Symbol.dispose]();
});

const tmpfs = {
  type: "tmpfs",
  source: "tmpfs",
  options: ["size=1m"],
  attributes: ["nodev"],
} as const;
const overlay = {
  type: "overlay",
  source: "overlay",
  options: [`lowerdir=${at("root")}`, `upperdir=${at("upper")}`, `workdir=${at("work")}`],
  attributes: [],
} as const;

const HOST: readonly Operation[] = [
  { op: "makeDirectory", path: at("state"), mode: 0o755, existing: "keep" },
  { op: "makeDirectory", path: at("state/c"), mode: 0o700, existing: "fail" },
  { op: "createFile", path: at("state/c/pid"), mode: 0o600, data: "1\n" },
  { op: "makeCgroup", path: cgroup, shared: true },
  { op: "makeCgroup", path: `${cgroup}/one`, shared: false },
  { op: "makeCgroup", path: `${pids}/two`, shared: false },
  { op: "writeFile", path: `${cgroup}/one/memory.limit_in_bytes`, data: "67108864" },
  { op: "shareMount", lock: at("state/lock"), mount: tmpfs, target: at("state/shared") },
  { op: "makeDirectory", path: at("state/c/mnt"), mode: 0o755, existing: "fail" },
  { op: "mount", mount: tmpfs, target: at("state/c/mnt") },
];
const PARENT: readonly Operation[] = [
  { op: "joinCgroup", path: `${cgroup}/one` },
  { op: "joinCgroup", path: `${pids}/two` },
  { op: "killAfter", timeoutMs: 60_000 },
  { op: "writeProcessFile", name: "oom_score_adj", data: "500" },
];
/** The child enters these by itself: see Clone. */
const clone = { cgroups: [`${cgroup}/one`, `${pids}/two`] };
const CHILD: readonly Operation[] = [
  { op: "unshare", namespaces: ["cgroup"] },
  { op: "newSession" },
  { op: "setPropagation", path: "/", mode: "slave", recursive: true },
  { op: "mount", mount: overlay, target: at("merged") },
  ...enter(at("merged")).slice(1),
  { op: "setHostname", name: "pearl" },
  run("cat", "/proc/self/oom_score_adj", "/proc/self/cgroup"),
];

/** Everything below the test's directory: names, kinds and contents. */
function files(path: string): string[] {
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .map((e) => join(e.parentPath, e.name))
    .filter((name) => !name.startsWith(at("root")) && !/\/(upper|work)\//.test(name))
    .sort();
}
const state = () => ({ machine: machine(), files: files(tmp.path), pids: existsSync(pids) });
const FAIL: Operation = { op: "fail", errno: 28 };
const after = (section: readonly Operation[], k: number): Operation[] => [
  ...section.slice(0, k),
  FAIL,
  ...section.slice(k),
];

async function expectFailure(program: KernelProgram, section: string, index: number) {
  const clean = state();
  await expect(
    on.execute(program, { stdin: "ignore", stdout: "ignore", stderr: "ignore" }),
  ).rejects.toMatchObject({ kind: "no-space", cause: { section, index, errno: "ENOSPC" } });
  // The second cgroup's parent was made because it was missing: nobody's inverse removes it.
  if (existsSync(pids)) rmdirSync(pids);
  expect(state()).toEqual(clean);
}

describe("a program that fails at any step leaves nothing", () => {
  it.each(HOST.map((o, k) => ({ k: k + 1, after: o.op })))("host $k, after $after", ({ k }) =>
    expectFailure(container({ host: after(HOST, k), child: CHILD }), "host", k),
  );
  it.each(PARENT.map((o, k) => ({ k: k + 1, after: o.op })))("parent $k, after $after", ({ k }) =>
    expectFailure(container({ host: HOST, parent: after(PARENT, k), child: CHILD }), "parent", k),
  );
  it.each(CHILD.slice(0, -1).map((o, k) => ({ k: k + 1, after: o.op })))(
    "child $k, after $after",
    ({ k }) =>
      expectFailure(
        container({ host: HOST, parent: PARENT, child: after(CHILD, k), clone }),
        "child",
        k,
      ),
  );

  it("and none that ends well either", async () => {
    const clean = state();
    const { code, stdout } = await outcome(
      on,
      container({ host: HOST, parent: PARENT, child: CHILD, clone }),
    );
    expect(code).toBe(0);
    expect(stdout).toContain("500\n");
    expect(stdout).toMatch(/^\d+:memory:\/$/m);
    if (existsSync(pids)) rmdirSync(pids);
    expect(state()).toEqual(clean);
  });
});

describe("undoing", () => {
  it("goes on after an inverse that fails, and says so", async () => {
    const host: Operation[] = [
      { op: "makeDirectory", path: at("state/a"), mode: 0o755, existing: "fail" },
      { op: "createFile", path: at("state/b"), mode: 0o600, data: "" },
      { op: "removeFile", path: at("state/b") },
      // Now the file's inverse will find a directory, which no inverse removes.
      { op: "openRoot", path: at("state") },
      { op: "placeDirectory", path: "/b", mode: 0o755, uid: 0, gid: 0 },
      FAIL,
    ];
    const found = await reports(init, { title: "x", host });
    expect(found).toMatchObject([
      { kind: "failed", section: "host", index: 5, errno: 28, detail: "on purpose" },
      { kind: "undo-failed", index: 1, errno: 21, detail: "unlink" },
    ]);
    expect(existsSync(at("state/a"))).toBe(false);
    rmdirSync(at("state/b"));
  });

  it("keeps what a program of the host section alone has made, and what was there before", async () => {
    writeFileSync(at("state/mine"), "mine");
    await on.perform({
      title: "make",
      host: [{ op: "makeDirectory", path: at("state/kept"), mode: 0o750, existing: "fail" }],
    });
    expect(existsSync(at("state/kept"))).toBe(true);
    const again: Operation[] = [
      { op: "makeDirectory", path: at("state/kept"), mode: 0o750, existing: "keep" },
      { op: "createFile", path: at("state/mine"), mode: 0o600, data: "other" },
    ];
    await expect(on.perform({ title: "again", host: again })).rejects.toMatchObject({
      errno: "EEXIST",
    });
    expect(existsSync(at("state/kept"))).toBe(true);
    expect(readFileSync(at("state/mine"), "utf8")).toBe("mine");
    await on.perform({
      title: "clear",
      host: [
        { op: "removeDirectory", path: at("state/kept"), retryMs: 0, ifUnused: false },
        { op: "removeFile", path: at("state/mine") },
      ],
    });
  });
});

describe("a shared mount", () => {
  const lock = at("state/lock");
  const target = at("state/shared");
  const share: Operation = { op: "shareMount", lock, mount: tmpfs, target };
  const mounted = () => on.mounts().filter((m) => m.target === target).length;

  it("is never taken away from a user by another, and goes with the last", async () => {
    // Each user writes into the mount that it shares, and finds it there at its end.
    const use = async (i: number): Promise<void> => {
      const script = `echo ${i} > ${target}/${i} && read line && cat ${target}/${i}`;
      const program = container({
        host: [share],
        child: [
          { op: "openRoot", path: "/" },
          { op: "execute", arguments: ["/bin/sh", "-c", script], environment: [] },
        ],
        clone: { create: [] },
        supervision: { stdin: "inherit" },
      });
      const running = await on.execute(program, { stdin: "pipe", stdout: "pipe", stderr: 2 });
      const text = new Response(running.stdout as ReadableStream<Uint8Array>).text();
      expect(mounted()).toBe(1);
      const writer = running.stdin!.getWriter();
      await writer.write(Buffer.from("\n"));
      await writer.close();
      expect(await text).toBe(`${i}\n`);
      expect((await running.exited).code).toBe(0);
    };
    for (let round = 0; round < 60; round++) {
      await Promise.all(Array.from({ length: 1 + (round % 4) }, (_, i) => use(i)));
    }
    expect(mounted()).toBe(0);
    expect(existsSync(lock)).toBe(false);
    expect(existsSync(target)).toBe(false);
  });

  it("outlives a killed user until the next one ends", async () => {
    const child = spawn(init, [], {
      stdio: ["ignore", "ignore", 2, "pipe", "pipe"],
      detached: true,
    });
    (child.stdio[3] as NodeJS.WritableStream).end(
      encodeProgram(
        container({ host: [share], child: [...enter(at("root")), run("sleep", "60")] }),
      ),
    );
    const line = await new Promise<string>((resolve) => {
      child.stdio[4]!.once("data", (chunk: Buffer) => resolve(chunk.toString()));
    });
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
    process.kill(Number(line.split(" ")[1]), "SIGKILL");
    expect(mounted()).toBe(1);
    await outcome(on, container({ host: [share], child: [...enter(at("root")), run("true")] }));
    expect(mounted()).toBe(0);
  });

  it("leaves neither directory nor lock when it cannot be mounted", async () => {
    const wrong: Operation = { ...share, mount: { ...tmpfs, options: ["size=pearl"] } };
    await expect(on.perform({ title: "x", host: [wrong] })).rejects.toMatchObject({
      errno: "EINVAL",
      message: expect.stringContaining("fsconfig size"),
    });
    expect(existsSync(lock)).toBe(false);
    expect(existsSync(target)).toBe(false);
  });
});
