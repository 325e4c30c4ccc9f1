// What the simulated kernel has beyond the contract: faults that replay, programs in TypeScript,
// layouts of cgroups, and the kernel's concepts seen from inside.

import type { NacreError } from "@nacre/core/error.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram, Supervision } from "@nacre/core/program/program.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedKernel, type SimulatedKernelOptions } from "@nacre/simulated/kernel.ts";
import type { SimulatedProgram } from "@nacre/simulated/program.ts";
import { describe, expect, it } from "vitest";
import { wasmCore } from "../core/wasm-core.ts";

const PIPES = { stdin: "ignore", stdout: "pipe", stderr: "pipe" } as const;
const PLAIN: Supervision = {
  stdin: "null",
  output: "inherit",
  terminal: "none",
  collect: [],
  detached: false,
};
const TMPFS = { type: "tmpfs", source: "t", options: [], attributes: [] } as const;

const directory = (path: string): Operation => ({
  op: "makeDirectory",
  path,
  mode: 0o755,
  existing: "fail",
});

interface Parts {
  readonly host?: readonly Operation[];
  readonly child?: readonly Operation[];
  readonly command: readonly string[];
  readonly cgroups?: readonly string[];
}

function programOf({ host = [], child = [], command, cgroups = [] }: Parts): KernelProgram {
  const execute: Operation = { op: "execute", arguments: command, environment: ["PATH=/bin"] };
  return {
    title: "a test",
    host,
    process: {
      clone: { create: ["mnt"], cgroups, joinPaths: [] },
      parent: [],
      child: [...child, execute],
      supervision: PLAIN,
    },
  };
}

function simulate(options: Omit<SimulatedKernelOptions, "core"> = {}) {
  const clock = new SimulatedClock();
  return { clock, kernel: new SimulatedKernel(clock, { ...options, core: wasmCore() }) };
}

async function outputOf(kernel: SimulatedKernel, parts: Parts): Promise<string> {
  const running = await kernel.execute(programOf(parts), PIPES);
  const text = (stream: unknown) =>
    new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
  const [stdout, stderr] = await Promise.all([text(running.stdout), text(running.stderr)]);
  const { code } = await running.exited;
  return `${stdout}${stderr}${code}`;
}

const programs = (entries: Record<string, SimulatedProgram>) => ({
  programs: new Map(Object.entries(entries)),
});

describe("faults", () => {
  const host = ["/tmp/a", "/tmp/a/b", "/tmp/a/b/c"].map(directory);

  it("take the place of the operation that they are for", async () => {
    const where = { section: "host", index: 1 } as const;
    const rule = { on: where, fault: { do: "fail", errno: "ENOSPC" } } as const;
    const { kernel } = simulate({ faults: { rules: [rule] } });
    const before = kernel.state();
    await expect(kernel.perform({ title: "t", host })).rejects.toMatchObject({
      kind: "no-space",
      cause: { ...where, errno: "ENOSPC" },
    });
    expect(kernel.state()).toEqual(before);
  });

  it("fail the clone, too, and leave nothing of the host section", async () => {
    const rule = { on: { call: "clone" }, fault: { do: "fail", errno: "EAGAIN" } } as const;
    const { kernel } = simulate({ faults: { rules: [rule] } });
    const before = kernel.state();
    const program = programOf({ host, command: ["true"] });
    await expect(kernel.execute(program, PIPES)).rejects.toMatchObject({
      cause: { section: "clone", index: 0, errno: "EAGAIN" },
    });
    expect(kernel.state()).toEqual(before);
  });

  it("are the same again for the same seed, and others for another", async () => {
    const run = async (seed: number): Promise<string[]> => {
      const random = { seed, probability: 0.2, errnos: ["EIO", "ENOMEM"] } as const;
      const { kernel } = simulate({ faults: { random } });
      const results: string[] = [];
      for (let i = 0; i < 20; i++) {
        const before = JSON.stringify(kernel.state());
        const done = await kernel.perform({ title: "t", host }).then(
          () => "done",
          (error: NacreError) => JSON.stringify(error.cause),
        );
        results.push(done);
        const { faults } = kernel.machine;
        kernel.machine.faults = undefined;
        if (done === "done") await kernel.hostFiles().removeTree("/tmp/a");
        else expect(JSON.stringify(kernel.state())).toBe(before);
        kernel.machine.faults = faults;
      }
      return results;
    };
    const first = await run(7);
    expect(first).toContain("done");
    expect(new Set(first).size).toBeGreaterThan(2);
    expect(await run(7)).toEqual(first);
    expect(await run(8)).not.toEqual(first);
  });
});

describe("scripted programs", () => {
  it("read and write the one tree that the engine's files are in", async () => {
    const { kernel } = simulate(
      programs({
        shout: async ({ arguments: [, path = ""], files, stdout }) => {
          await stdout.write(files.readText(path).toUpperCase());
          files.write("/tmp/answer", "heard");
          return 3;
        },
      }),
    );
    kernel.hostFiles().replace("/tmp/word", "pearl ");
    expect(await outputOf(kernel, { command: ["shout", "/tmp/word"] })).toBe("PEARL 3");
    expect(kernel.hostFiles().readText("/tmp/answer")).toBe("heard");
  });

  it("handle a signal, and end by the next that they do not", async () => {
    const { kernel, clock } = simulate(
      programs({
        stubborn: async ({ handle, stdout, sleep }) => {
          handle(15, () => void stdout.write("not yet\n"));
          await sleep(60_000);
          return 0;
        },
      }),
    );
    const running = await kernel.execute(programOf({ command: ["stubborn"] }), PIPES);
    await clock.advance(1);
    kernel.signal(running.process, 15);
    await clock.advance(1);
    expect(kernel.alive(running.process)).toBe(true);
    kernel.signal(running.process, 2);
    expect(await running.exited).toMatchObject({ code: 130 });
    const stdout = running.stdout as ReadableStream<Uint8Array<ArrayBuffer>>;
    expect(await new Response(stdout).text()).toBe("not yet\n");
  });

  it("cannot fork past a pids limit", async () => {
    const { kernel } = simulate(
      programs({
        forks: async ({ spawn, stdout }) => {
          await spawn(["sleep", "1"]);
          await spawn(["sleep", "1"]).catch((error: Error) => stdout.write(`${error.message} `));
          return 0;
        },
      }),
    );
    const node = "/sys/fs/cgroup/pids/two";
    const host: Operation[] = [
      { op: "makeCgroup", path: node, shared: false },
      { op: "writeFile", path: `${node}/pids.max`, data: "2" },
    ];
    const parts = { host, command: ["forks"], cgroups: [node] };
    const running = await kernel.execute(programOf(parts), PIPES);
    const stdout = running.stdout as ReadableStream<Uint8Array>;
    const { value } = await stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toBe("EAGAIN ");
  });

  it("do not get on while their cgroup is frozen, and not even die in one of version 1", async () => {
    const { kernel, clock } = simulate();
    const node = "/sys/fs/cgroup/freezer/cold";
    const host: Operation[] = [{ op: "makeCgroup", path: node, shared: false }];
    const parts = { host, command: ["sleep", "1"], cgroups: [node] };
    const running = await kernel.execute(programOf(parts), PIPES);
    const files = kernel.hostFiles();
    files.control(`${node}/freezer.state`, "FROZEN");
    await clock.advance(5000);
    kernel.signal(running.process, 9);
    expect(kernel.alive(running.process)).toBe(true);
    files.control(`${node}/freezer.state`, "THAWED");
    expect(await running.exited).toMatchObject({ code: 137, signal: 9 });
    expect(files.status(node)).toBeUndefined();
  });

  it("are interpreters, where a file says so in its first line", async () => {
    const { kernel } = simulate();
    kernel.installProgram("/bin/script");
    const script: Operation = {
      op: "placeText",
      path: "/bin/script",
      data: "#!/bin/echo read by\nnothing\n",
      mode: 0o755,
      uid: 0,
      gid: 0,
    };
    await kernel.perform({ title: "t", host: [{ op: "openRoot", path: "/" }, script] });
    expect(await outputOf(kernel, { command: ["/bin/script", "x"] })).toBe(
      "read by /bin/script x\n0",
    );
  });
});

describe("file systems", () => {
  it("carry mounts of a shared tree to those who share it, and of a slave to nobody", async () => {
    const { kernel } = simulate();
    const files = kernel.hostFiles();
    files.makeDirectory("/tmp/a");
    const first = await kernel.execute(
      programOf({
        child: [
          { op: "setPropagation", path: "/", mode: "shared", recursive: true },
          { op: "openRoot", path: "/" },
        ],
        command: ["sleep", "60"],
      }),
      PIPES,
    );
    const seenByFirst = async (mode: "shared" | "slave"): Promise<boolean> => {
      const program = programOf({
        child: [
          { op: "unshare", namespaces: ["mnt"] },
          { op: "setPropagation", path: "/", mode, recursive: true },
          { op: "mount", mount: TMPFS, target: "/tmp/a" },
        ],
        command: ["true"],
      });
      const process = program.process as NonNullable<KernelProgram["process"]>;
      const clone = {
        ...process.clone,
        create: [],
        join: { ...first.process, namespaces: ["mnt"] },
      };
      const joined = { ...program, process: { ...process, clone } } as KernelProgram;
      await (await kernel.execute(joined, PIPES)).exited;
      return files.readText(`/proc/${first.process.pid}/mountinfo`).includes(" /tmp/a ");
    };
    expect(await seenByFirst("slave")).toBe(false);
    expect(await seenByFirst("shared")).toBe(true);
    expect(kernel.mounts().filter((m) => m.target === "/tmp/a")).toEqual([]);
  });
});

describe("cgroups of version 2", () => {
  it("hand controllers down, and keep processes out of inner nodes", async () => {
    const { kernel } = simulate({ cgroups: "v2" });
    const files = kernel.hostFiles();
    const top = "/sys/fs/cgroup";
    expect(files.readText(`${top}/cgroup.controllers`)).toBe("cpuset cpu io memory hugetlb pids\n");
    files.makeDirectory(`${top}/a/b`);
    expect(files.status(`${top}/a/pids.max`)).toBeUndefined();
    files.control(`${top}/cgroup.subtree_control`, "+pids +memory");
    files.control(`${top}/a/pids.max`, "5");
    expect(() => files.control(`${top}/a/cgroup.subtree_control`, "+cpu")).toThrow(
      expect.objectContaining({ errno: "ENOENT" }),
    );
    files.control(`${top}/a/cgroup.subtree_control`, "+pids +memory");
    expect(() => files.control(`${top}/a/cgroup.procs`, "2")).toThrow(
      expect.objectContaining({ errno: "EBUSY" }),
    );
    files.control(`${top}/a/b/cgroup.procs`, "2");
    expect(() => files.remove(`${top}/a/b`)).toThrow(expect.objectContaining({ kind: "in-use" }));
    expect(files.readText("/proc/2/cgroup")).toBe("0::/a/b\n");
  });
});

describe("what a mount covers", () => {
  it("is copied into it with its time", async () => {
    const look: SimulatedProgram = async ({ files, stdout }) =>
      stdout.write(`${files.status("/d/f").mtime.seconds} `);
    const { kernel } = simulate(programs({ look }));
    const host: Operation[] = [
      directory("/d"),
      { op: "createFile", path: "/d/f", mode: 0o644, data: "" },
      { op: "openRoot", path: "/" },
      { op: "placeTimes", path: "/d/f", mtime: { seconds: 5, nanoseconds: 0 } },
    ];
    const child: Operation[] = [
      { op: "openRoot", path: "/" },
      { op: "mountInRoot", mount: TMPFS, target: "/d", copyUp: true },
    ];
    expect(await outputOf(kernel, { host, child, command: ["look"] })).toBe("5 0");
  });
});
