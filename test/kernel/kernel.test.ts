// LinuxKernel beside the machine it runs on, and what it reads from it.

import { execFileSync, spawn } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { kernelAtLeast } from "@nacre/core/kernel-release.ts";
import { parseMountinfo, unescapeOctal } from "@nacre/core/mountinfo.ts";
import { mayMakeContainers } from "@nacre/linux/facts.ts";
import { LinuxKernel } from "@nacre/linux/kernel.ts";
import { parseStat } from "@nacre/linux/process.ts";
import { ReportReader } from "@nacre/linux/report.ts";
import { describe, expect, it } from "vitest";
import { container, enter, kernel, makeRoot, outcome, run, scratch } from "./native.ts";

const on = kernel();

describe("processes", () => {
  it("are known by pid and start time", async () => {
    const child = spawn("sleep", ["60"]);
    const identity = on.identify(child.pid!)!;
    expect(identity.pid).toBe(child.pid);
    const [ticks] = execFileSync("awk", ["{print $22}", `/proc/${child.pid}/stat`], {
      encoding: "utf8",
    }).split("\n");
    expect(identity.startTime).toBe(BigInt(ticks!));
    expect(on.alive(identity)).toBe(true);
    const earlier = { ...identity, startTime: identity.startTime - 1n };
    expect(on.alive(earlier)).toBe(false);
    expect(on.signal(earlier, 9)).toBe(false);
    const gone = new Promise((resolve) => child.once("exit", resolve));
    expect(on.signal(identity, 15)).toBe(true);
    await gone;
    expect(on.alive(identity)).toBe(false);
    expect(on.identify(identity.pid)).toBeUndefined();
  });

  it("have names that may look like fields", () => {
    const fields = Array.from({ length: 49 }, (_, i) => String(i + 4)).join(" ");
    expect(parseStat(`7 (a) b (c) R ${fields}\n`)).toEqual({ state: "R", startTime: 22n });
    expect(parseStat("")).toBeUndefined();
  });

  it("have namespaces by inode number", () => {
    const own = on.namespaces(process.pid);
    expect(Object.keys(own).sort()).toEqual(
      ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"].sort(),
    );
    expect(own.net).toBe(statSync("/proc/self/ns/net", { bigint: true }).ino);
    expect(on.namespaces(2 ** 22 + 1)).toEqual({});
  });
});

describe("mounts", () => {
  it("are read with optional fields and escapes", () => {
    const line = String.raw`36 35 98:0 /a\040b /mnt\134x rw,noatime shared:1 master:2 - ext3 /dev/ro\011ot rw,errors=continue`;
    expect(parseMountinfo(`${line}\n`)).toEqual([
      {
        id: 36,
        parent: 35,
        device: "98:0",
        root: "/a b",
        target: "/mnt\\x",
        options: "rw,noatime",
        type: "ext3",
        source: "/dev/ro\tot",
        superOptions: "rw,errors=continue",
      },
    ]);
    expect(parseMountinfo("nonsense\n\n1 2 3\n")).toEqual([]);
    expect(unescapeOctal("plain")).toBe("plain");
  });

  it("are those of this process", () => {
    expect(on.mounts().find((m) => m.target === "/proc")).toMatchObject({ type: "proc" });
  });
});

describe("facts", () => {
  it("are those of this machine", () => {
    const facts = on.facts();
    expect(facts.release).toBe(execFileSync("uname", ["-r"], { encoding: "utf8" }).trim());
    expect(facts.privileged).toBe(true);
    expect(facts.overlay).toBe(true);
    expect(["files", "loop", "none"]).toContain(facts.erofs);
  });

  it("know versions and capabilities", () => {
    const releases = ["6.13.0", "7.0-rc1", "6.9.1-x", "6.13-rc1", "5.15.0-91-generic"];
    expect(releases.map((each) => kernelAtLeast(each, "6.13"))).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
    expect(mayMakeContainers("CapEff:\t000001ffffffffff\n")).toBe(true);
    expect(mayMakeContainers("CapEff:\t0000000000000000\n")).toBe(false);
    expect(mayMakeContainers("")).toBe(false);
  });
});

describe("reports", () => {
  it("come in pieces of any size, records among lines", () => {
    const text =
      "ready 7 99\nundo-failed 3 16 rmdir /a b\nexited 12\ncode 0\nöö\nfailed child 2 13 x y\n";
    const bytes = Buffer.from(text);
    for (const size of [1, 3, 7, 1000]) {
      const reader = new ReportReader();
      const found = [];
      for (let at = 0; at < bytes.length; at += size) {
        found.push(...reader.push(bytes.subarray(at, at + size)));
      }
      expect(found).toEqual([
        { kind: "ready", pid: 7, startTime: 99n },
        { kind: "undo-failed", index: 3, errno: 16, detail: "rmdir /a b" },
        { kind: "exited", record: "code 0\nöö\n" },
        { kind: "failed", section: "child", index: 2, errno: 13, detail: "x y" },
      ]);
    }
  });
});

describe("nacre-init", () => {
  it("that is missing is a defect of the installation, said in one sentence", async () => {
    const missing = new LinuxKernel("/no/such/nacre-init");
    await expect(missing.perform({ title: "x", host: [] })).rejects.toMatchObject({
      kind: "internal",
      message: expect.stringContaining("/no/such/nacre-init"),
      advice: expect.stringContaining("npm run build"),
    });
  });

  it("that is killed is noticed", async () => {
    using tmp = scratch();
    const running = await on.execute(
      container({ child: [...enter(makeRoot(join(tmp.path, "root"))), run("sleep", "60")] }),
      { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
    );
    on.signal(running.supervisor, 9);
    await expect(running.exited).rejects.toMatchObject({ kind: "interrupted" });
    on.signal(running.process, 9);
  });
});

describe("targets that are swapped for links while they are mounted on", () => {
  it("never lead out of the root", async () => {
    using tmp = scratch();
    const root = makeRoot(join(tmp.path, "root"));
    const outside = join(tmp.path, "outside");
    mkdirSync(outside);
    mkdirSync(join(root, "swap"));
    symlinkSync(outside, join(root, "link"));
    const exchange = `
import ctypes, sys
libc = ctypes.CDLL(None)
a, b = (sys.argv[1] + "/swap").encode(), (sys.argv[1] + "/link").encode()
while True: libc.renameat2(-100, a, -100, b, 2)`;
    const swapper = spawn("python3", ["-c", exchange, root]);
    try {
      for (let i = 0; i < 60; i++) {
        const tmpfs = { type: "tmpfs", source: "t", options: [], attributes: [] } as const;
        await outcome(
          on,
          container({
            child: [
              ...enter(
                root,
                { op: "mountInRoot", mount: tmpfs, target: `/swap/mount-${i}` },
                {
                  op: "bindInRoot",
                  source: "/etc/hostname",
                  target: `/swap/deep/file-${i}`,
                  recursive: false,
                  attributes: [],
                  propagation: "private",
                },
                {
                  op: "placeText",
                  path: `/swap/text-${i}`,
                  data: "x",
                  mode: 0o644,
                  uid: 0,
                  gid: 0,
                },
              ),
              { op: "changeDirectory", path: `/swap/directory-${i}` },
              run("true"),
            ],
          }),
          // A name that changes its kind between two steps may be refused: it must not lead out.
        ).catch(() => undefined);
      }
    } finally {
      swapper.kill("SIGKILL");
    }
    expect(readdirSync(outside)).toEqual([]);
    const name = lstatSync(join(root, "swap")).isDirectory() ? "swap" : "link";
    expect(readdirSync(join(root, name)).length).toBeGreaterThan(0);
  });
});
