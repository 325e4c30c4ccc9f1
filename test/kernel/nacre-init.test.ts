import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Operation } from "@nacre/core/program/operation.ts";
import { LinuxKernel } from "@nacre/linux/kernel.ts";
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
  run,
  scratch,
} from "./native.ts";

const tmp = scratch();
const on = kernel();
const root = join(tmp.path, "root");
const before = machine();

beforeAll(() => {
  makeRoot(root);
});
afterAll(async () => {
  await isAsBefore(before);
  tmp[Symbol.dispose]();
});

const sh = (script: string): Operation => run("sh", "-c", script);
const inside = (script: string, ...operations: Operation[]) =>
  outcome(on, container({ child: [...enter(root), ...operations, sh(script)] }));

describe("the first process of a container", () => {
  it("is pid 1 of its namespaces, in its root, with no descriptor but its streams", async () => {
    const { code, stdout } = await inside("echo $$; ls /; ls /proc/self/fd; hostname; exit 7", {
      op: "setHostname",
      name: "pearl",
    });
    expect(stdout).toBe("1\nbin\ndev\netc\nproc\nsys\ntmp\n0\n1\n2\n3\npearl\n");
    expect(code).toBe(7);
  });

  it("has an interface that was set up, limits, a umask and a directory that was missing", async () => {
    const { stdout } = await inside(
      "cat /sys/class/net/lo/flags /proc/sys/net/ipv4/ip_forward; ulimit -n; umask; pwd",
      {
        op: "mountInRoot",
        mount: { type: "sysfs", source: "sysfs", options: [], attributes: ["ro"] },
        target: "/sys",
      },
      { op: "linkUp", name: "lo" },
      { op: "setSysctl", name: "net.ipv4.ip_forward", value: "1" },
      { op: "setLimit", resource: 7, soft: 123n, hard: 456n },
      { op: "setUmask", mask: 0o27 },
      { op: "changeDirectory", path: "/not/there/yet" },
    );
    expect(stdout).toBe("0x9\n1\n123\n0027\n/not/there/yet\n");
  });

  it("has a mount of its own kind of call with the attributes that were asked for", async () => {
    const mount = { type: "tmpfs", source: "t", options: ["size=64k"], call: "page" } as const;
    const { stdout, stderr } = await inside("touch /tmp/x; cat /proc/self/mounts", {
      op: "mountInRoot",
      mount: { ...mount, attributes: ["ro", "nodev"] },
      target: "/tmp",
    });
    expect(stderr).toContain("Read-only");
    expect(stdout).toMatch(/^t \/tmp tmpfs ro,nodev,/m);
  });

  it("has the user and the capabilities that it was given, and gains none", async () => {
    const keep = 1n << 10n; // CAP_NET_BIND_SERVICE
    const { stdout } = await inside(
      "id; cat /proc/self/status",
      { op: "boundCapabilities", bounding: keep },
      { op: "setUser", uid: 1000, gid: 1001, groups: [1002, 1003] },
      { op: "setCapabilities", effective: keep, permitted: keep, inheritable: keep, ambient: keep },
      { op: "noNewPrivileges" },
    );
    expect(stdout).toContain("uid=1000 gid=1001 groups=1002,1003");
    for (const set of ["Inh", "Prm", "Eff", "Bnd", "Amb"]) {
      expect(stdout).toMatch(new RegExp(`Cap${set}:\\s0000000000000400`));
    }
    expect(stdout).toMatch(/NoNewPrivs:\s1/);
  });

  it("is not dumpable while it has descriptors of the host, and is afterwards", async () => {
    const { stdout } = await inside("stat -c %u /proc/1/status; readlink /proc/1/exe");
    expect(stdout).toBe("0\n/bin/busybox\n");
  });

  it("ends by a signal with 128 and its number", async () => {
    // Nothing kills pid 1 from inside: a signal for which it has no handler is not delivered.
    const running = await on.execute(container({ child: [...enter(root), run("sleep", "60")] }), {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    expect(on.signal(running.process, 9)).toBe(true);
    expect(await running.exited).toMatchObject({ code: 137, signal: 9, oomKilled: false });
    expect(on.alive(running.process)).toBe(false);
    expect(on.signal(running.process, 9)).toBe(false);
  });

  it("gets the signals that its supervisor gets", async () => {
    const script = 'trap "exit 42" USR1; echo ready; while :; do sleep 0.05; done';
    const running = await on.execute(container({ child: [...enter(root), sh(script)] }), {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    const bytes = running.stdout![Symbol.asyncIterator]();
    expect(Buffer.from((await bytes.next()).value).toString()).toBe("ready\n");
    running.signal(10);
    expect((await running.exited).code).toBe(42);
  });

  it("reads the caller's standard input, and nothing where it is to be silent", async () => {
    const child = [...enter(root), sh("read line; echo got $line")];
    const running = await on.execute(container({ child, supervision: { stdin: "inherit" } }), {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
    });
    const writer = running.stdin!.getWriter();
    await writer.write(Buffer.from("pearls\n"));
    await writer.close();
    const text = await new Response(running.stdout as ReadableStream<Uint8Array>).text();
    expect(text).toBe("got pearls\n");
    await running.exited;
    expect((await inside("read line || echo end")).stdout).toBe("end\n");
  });
});

describe("a command that cannot be executed", () => {
  const failing = (...command: string[]) =>
    on.execute(container({ child: [...enter(root), run(...command)] }), {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });

  it("is not found in PATH or at its path", async () => {
    await expect(failing("no-such")).rejects.toMatchObject({ kind: "command-not-found" });
    await expect(failing("/no/such")).rejects.toMatchObject({ kind: "command-not-found" });
  });

  it("is found but is no program", async () => {
    writeFileSync(join(root, "bin/data"), "data", { mode: 0o644 });
    writeFileSync(join(root, "bin/noise"), "noise", { mode: 0o755 });
    await expect(failing("data")).rejects.toMatchObject({ kind: "command-not-executable" });
    await expect(failing("/bin/data")).rejects.toMatchObject({ kind: "command-not-executable" });
    await expect(failing("/bin/noise")).rejects.toMatchObject({ kind: "command-not-executable" });
    await expect(failing("/bin")).rejects.toMatchObject({ kind: "command-not-executable" });
  });

  it("says which operation failed, and with what", async () => {
    const error = await failing("/no/such").catch((e: unknown) => e);
    expect(error).toMatchObject({
      message: "execute /no/such: ENOENT (no such file or directory, at /no/such)",
      errno: "ENOENT",
      cause: { section: "child", index: 6, errno: "ENOENT", detail: "/no/such" },
    });
  });
});

describe("a process that joins a container", () => {
  it("sees what it sees, and is refused where the pid is another's by now", async () => {
    const first = await on.execute(container({ child: [...enter(root), run("sleep", "60")] }), {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    const namespaces = ["mnt", "pid", "uts", "ipc", "net"] as const;
    const join = { ...first.process, namespaces };
    const child: Operation[] = [
      { op: "changeDirectory", path: "/tmp" },
      sh("pwd; cat /proc/1/comm; ls /proc/self/fd"),
    ];
    const joined = await outcome(on, container({ child, clone: { create: [], join } }));
    expect(joined).toEqual({ code: 0, stdout: "/tmp\nsleep\n0\n1\n2\n3\n", stderr: "" });

    const joinPaths = namespaces.map((kind) => ({
      kind,
      path: `/proc/${first.process.pid}/ns/${kind}`,
    }));
    const byPath = await outcome(
      on,
      container({ child, clone: { create: [], cgroups: [], joinPaths } }),
    );
    expect(byPath.stdout).toBe(joined.stdout);

    const other = { ...join, startTime: join.startTime + 1n };
    await expect(
      outcome(on, container({ child, clone: { create: [], join: other } })),
    ).rejects.toMatchObject({ errno: "ESRCH", cause: { section: "clone" } });
    on.signal(first.process, 9);
    await first.exited;
  });
});

describe("names inside the root", () => {
  const outside = join(tmp.path, "outside");
  const trap = join(tmp.path, "trap");

  it("never lead out of it, by links, by dots or by names that are missing", async () => {
    makeRoot(trap);
    mkdirSync(outside);
    symlinkSync(outside, join(trap, "absolute"));
    symlinkSync("../../../../../../../../../../tmp", join(trap, "climbing"));
    symlinkSync(`${outside}/not-there/yet`, join(trap, "dangling"));
    const tmpfs = { type: "tmpfs", source: "tmpfs", options: [], attributes: [] } as const;
    const owner = { mode: 0o644, uid: 0, gid: 0 };
    const { stdout, stderr } = await outcome(
      on,
      container({
        child: [
          ...enter(
            trap,
            { op: "mountInRoot", mount: tmpfs, target: "/absolute/a" },
            { op: "mountInRoot", mount: tmpfs, target: "climbing/b" },
            { op: "mountInRoot", mount: tmpfs, target: "/../../c" },
            {
              op: "bindInRoot",
              source: "/etc/hostname",
              target: "/dangling",
              recursive: false,
              attributes: ["ro"],
              propagation: "private",
            },
            { op: "placeText", path: "/absolute/text", data: "kept inside", ...owner },
            { op: "maskInRoot", path: "/absolute/text" },
          ),
          { op: "changeDirectory", path: "/absolute" },
          sh(`mount | grep -c tmpfs; ls ${outside} ${outside}/not-there; cat text`),
        ],
      }),
    );
    expect(stderr).toBe("");
    expect(stdout).toContain("not-there");
    expect(stdout).not.toContain("kept");
    expect(() => readFileSync(join(outside, "text"))).toThrow("ENOENT");
    expect(() => readFileSync(join(outside, "not-there"))).toThrow("ENOENT");
  });

  it("refuse /proc where it is a link: masks would miss it", async () => {
    const linked = makeRoot(join(tmp.path, "linked"));
    symlinkSync("proc", join(linked, "proc2"));
    const mount = { type: "proc", source: "proc", options: [], attributes: [] } as const;
    const child: Operation[] = [
      { op: "openRoot", path: linked },
      { op: "mountInRoot", mount, target: "/proc2" },
      run("true"),
    ];
    await expect(outcome(on, container({ child }))).rejects.toMatchObject({ errno: "ELOOP" });
  });

  it("refuse magic links of /proc as a directory to start in", async () => {
    await expect(
      inside("true", { op: "changeDirectory", path: "/proc/self/fd/4" }),
    ).rejects.toMatchObject({ cause: { section: "child" } });
  });

  it("hide files behind /dev/null and directories behind nothing, and make paths read-only", async () => {
    writeFileSync(join(root, "etc/secret"), "secret");
    const { stdout } = await outcome(
      on,
      container({
        child: [
          ...enter(
            root,
            { op: "maskInRoot", path: "/etc/secret" },
            { op: "maskInRoot", path: "/bin/../tmp" },
            { op: "maskInRoot", path: "/no/such" },
            { op: "readOnlyInRoot", path: "/proc/sys" },
            { op: "readOnlyInRoot", path: "/proc/no/such" },
          ),
          { op: "setMountAttributes", path: "/", attributes: ["ro"] },
          sh(
            "cat /etc/secret; stat -c %t:%T /etc/secret; ls -a /tmp; touch /tmp/a /new; echo 1 > /proc/sys/kernel/pid_max",
          ),
        ],
      }),
    ).then((o) => ({ stdout: o.stdout + o.stderr }));
    expect(stdout).toMatch(/^1:3\n\.\n\.\.\n/);
    expect(stdout.match(/Read-only file system/g)).toHaveLength(3);
  });
});

describe("nacre-init's own binary", () => {
  it("is refused as a program, and cannot be opened for writing by those who reach it", async () => {
    await expect(
      on.execute(container({ child: [...enter(root), run("/proc/self/exe")] }), {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      }),
    ).rejects.toMatchObject({ kind: "command-not-executable" });
    // A copy, so that no other nacre-init of the machine keeps the file busy.
    const copy = join(tmp.path, "nacre-init");
    copyFileSync(build(), copy);
    const silent = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
    const sleeping = run("sleep", "60");
    const first = await on.execute(container({ child: [...enter(root), sleeping] }), silent);
    const clone = {
      create: [],
      join: { ...first.process, namespaces: ["mnt", "pid"] },
    } as const;
    const joined = await new LinuxKernel(copy).execute(
      container({ child: [sleeping], clone }),
      silent,
    );
    const reached = openSync(`/proc/${joined.supervisor.pid}/exe`, "r");
    on.signal(first.process, 9);
    expect((await joined.exited).signal).toBe(9);
    await first.exited;
    while (on.alive(joined.supervisor)) await new Promise((wake) => setTimeout(wake, 5));
    expect(() => openSync(`/proc/self/fd/${reached}`, "r+")).toThrow("EROFS");
    closeSync(reached);
  });

  it("does not run as the interpreter of a script with what the container can reach", async () => {
    writeFileSync(join(root, "bin/evil"), "#!/proc/self/exe\n", { mode: 0o755 });
    expect((await inside("exec /bin/evil")).code).not.toBe(0);
    if (build().endsWith("-asan")) return; // dynamic: the root has no loader for it
    const direct = await outcome(on, container({ child: [...enter(root), run("/bin/evil")] }));
    expect(direct).toMatchObject({ code: 125, stdout: "" });
  });
});
