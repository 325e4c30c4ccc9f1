// The OCI runtime's operations: runtime.md, "Lifecycle", "State", "Operations". The table of
// sections stands in docs/OCI-RUNTIME.md.

import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Config, OciBench, RUNTIME, UNIFIED } from "./oci-bench.ts";

const PIDS_MAX = UNIFIED ? "pids.max" : "pids/pids.max";

let bench: OciBench;
beforeAll(() => {
  bench = new OciBench();
});
afterAll(() => bench?.[Symbol.dispose]());

describe("create", () => {
  it("makes everything, and runs nothing of the container before its start", async () => {
    await bench.unchanged(async () => {
      const [id, bundle] = [bench.id(), bench.bundle("touch /ran; sleep 60")];
      const pidFile = bench.path("pid");
      bench.does(["create", "-b", bundle, "--pid-file", pidFile, id]);
      const state = JSON.parse(bench.does(["state", id]));
      expect(state).toEqual({
        ociVersion: "1.2.0",
        id,
        status: "created",
        pid: Number(readFileSync(pidFile, "utf8")),
        bundle,
        annotations: {},
        // What runc and crun say with it.
        rootfs: join(bundle, "rootfs"),
        created: expect.stringMatching(/^20\d\d-.*Z$/),
        owner: expect.any(String),
      });
      expect(existsSync(join(bundle, "rootfs/ran"))).toBe(false);
      bench.does(["start", id]);
      await bench.until(() => existsSync(join(bundle, "rootfs/ran")));
      expect(bench.status(id)).toBe("running");
      bench.does(["kill", id, "KILL"]);
      await bench.until(() => bench.status(id) === "stopped");
      bench.does(["delete", id]);
    });
  });

  it("is refused for a name that is taken, and leaves its owner alone", () => {
    const [id, bundle] = [bench.id(), bench.bundle("sleep 60")];
    bench.does(["create", "-b", bundle, id]);
    const again = bench.call(["create", "-b", bundle, id]);
    expect(again.code).not.toBe(0);
    expect(again.stderr).toContain(`already exists: ${id}`);
    expect(bench.status(id)).toBe("created");
    bench.does(["delete", "-f", id]);
  });

  it.each(["", "..", "a/b", "a b"])("is refused for the name %j", (id) => {
    const { code, stderr } = bench.call(["create", "-b", bench.bundle("true"), id]);
    expect(code).not.toBe(0);
    expect(stderr).toContain("invalid container ID");
  });

  it("does not look at the configuration again", async () => {
    const [id, bundle] = [bench.id(), bench.bundle("sleep 60")];
    bench.does(["create", "-b", bundle, id]);
    writeFileSync(join(bundle, "config.json"), "{");
    bench.does(["start", id]);
    expect(bench.status(id)).toBe("running");
    bench.does(["delete", "-f", id]);
  });

  it("says that there is no bundle, and no root", () => {
    const absent = bench.call(["create", "-b", bench.path("none"), bench.id()]);
    expect(absent.stderr).toContain("none");
    const rootless = bench.bundle("true", (config) => {
      config.root.path = "absent";
    });
    const { stderr } = bench.call(["create", "-b", rootless, bench.id()]);
    expect(stderr).toContain("config.json: root.path");
  });

  it("takes a program that is not there for an error, and one that may not be executed", async () => {
    await bench.unchanged(() => {
      const refused = (args: string[]) => {
        const bundle = bench.bundle("", (config) => {
          config.process.args = args;
        });
        return bench.call(["create", "-b", bundle, bench.id()]).stderr;
      };
      expect(refused(["absent"])).toMatch(/process\.args.*executable file not found in \$PATH/);
      expect(refused(["/etc"])).toMatch(/process\.args.*permission denied/);
    });
  });

  it("leaves nothing, whatever fails on the way", async () => {
    const breaks: ((config: Config) => void)[] = [
      (c) => c.mounts.push({ destination: "/x", type: "nonsense", source: "x" }),
      (c) =>
        c.mounts.push({ destination: "/x", type: "bind", source: "/absent", options: ["bind"] }),
      (c) => {
        c.linux.namespaces[0] = { type: "pid", path: "/proc/self/ns/net" };
      },
      (c) => {
        c.process.apparmorProfile = undefined;
        c.linux.sysctl = { "net.ipv4.absent": "1" };
      },
      (c) => {
        c.hooks = { createRuntime: [{ path: "/bin/false" }] };
      },
      (c) => {
        c.linux.resources.pids = { limit: 10 };
        c.linux.resources.cpu = { cpus: "4095" };
      },
    ];
    const fields: string[] = [];
    await bench.unchanged(() => {
      for (const change of breaks) {
        const { code, stderr } = bench.call([
          "create",
          "-b",
          bench.bundle("true", change),
          bench.id(),
        ]);
        expect(code).not.toBe(0);
        fields.push(/config\.json: ([\w.[\]"-]+):/.exec(stderr)?.[1] ?? stderr);
      }
    });
    expect(fields).toEqual([
      "mounts[7]",
      "mounts[7]",
      "linux.namespaces",
      'linux.sysctl["net.ipv4.absent"]',
      "hooks.createRuntime[0]",
      "linux.resources.cpu.cpus",
    ]);
  });
});

describe("start", () => {
  it("is for a created container alone", async () => {
    const [id, bundle] = [bench.id(), bench.bundle("sleep 60")];
    expect(bench.call(["start", id]).stderr).toContain("does not exist");
    bench.does(["create", "-b", bundle, id]);
    bench.does(["start", id]);
    expect(bench.call(["start", id])).toMatchObject({ code: 1 });
    bench.does(["kill", id, "9"]);
    await bench.until(() => bench.status(id) === "stopped");
    expect(bench.call(["start", id]).stderr).toContain("stopped");
    bench.does(["delete", id]);
  });

  it("starts it once, however many ask at a time", async () => {
    const [id, bundle] = [bench.id(), bench.bundle("echo once >> /ran; sleep 60")];
    bench.does(["create", "-b", bundle, id]);
    const starts = Array.from({ length: 5 }, () => {
      const child = spawn(RUNTIME, ["--root", bench.root, "start", id], { stdio: "ignore" });
      return new Promise<number | null>((resolve) => child.once("exit", resolve));
    });
    const codes = await Promise.all(starts);
    expect(codes.filter((code) => code === 0)).toHaveLength(1);
    const ran = () => readFileSync(join(bundle, "rootfs/ran"), "utf8");
    await bench.until(() => existsSync(join(bundle, "rootfs/ran")) && ran() !== "");
    expect(ran()).toBe("once\n");
    bench.does(["delete", "-f", id]);
  });
});

describe("kill", () => {
  it("sends a signal by name or number to what is created or runs, and to nothing else", async () => {
    const script = "trap 'echo got > /got' USR1; touch /ready; while :; do sleep 0.05; done";
    const [id, bundle] = [bench.id(), bench.bundle(script)];
    expect(bench.call(["kill", id]).code).not.toBe(0);
    expect(bench.call(["kill"]).code).not.toBe(0);
    bench.does(["create", "-b", bundle, id]);
    bench.does(["start", id]);
    await bench.until(() => existsSync(join(bundle, "rootfs/ready")));
    bench.does(["kill", id, "SIGUSR1"]);
    await bench.until(() => existsSync(join(bundle, "rootfs/got")));
    expect(bench.call(["kill", id, "NONSENSE"]).stderr).toContain("NONSENSE");
    bench.does(["kill", "--all", id, "KILL"]);
    await bench.until(() => bench.status(id) === "stopped");
    const before = bench.does(["state", id]);
    expect(bench.call(["kill", id, "KILL"])).toMatchObject({ code: 1 });
    expect(bench.does(["state", id])).toBe(before);
    bench.does(["delete", id]);
  });

  it("asks whether there is somebody, by the signal 0", async () => {
    const id = bench.id();
    bench.does(["create", "-b", bench.bundle("sleep 30"), id]);
    bench.does(["kill", id, "0"]);
    bench.does(["kill", id, "KILL"]);
    await bench.until(() => bench.status(id) === "stopped");
    expect(bench.call(["kill", id, "0"]).code).toBe(1);
    bench.does(["delete", id]);
  });

  it("ends a created container, too", async () => {
    const id = bench.id();
    bench.does(["create", "-b", bench.bundle("true"), id]);
    bench.does(["kill", id, "KILL"]);
    await bench.until(() => bench.status(id) === "stopped");
    bench.does(["delete", id]);
  });
});

describe("delete", () => {
  it("is for what is stopped, and changes nothing of what is not", async () => {
    const id = bench.id();
    expect(bench.call(["delete", id]).stderr).toContain("does not exist");
    expect(bench.call(["delete"]).code).not.toBe(0);
    expect(bench.call(["delete", "--force", id]).code).toBe(0);
    bench.does(["create", "-b", bench.bundle("sleep 60"), id]);
    expect(bench.call(["delete", id]).code).not.toBe(0);
    expect(bench.status(id)).toBe("created");
    bench.does(["start", id]);
    expect(bench.call(["delete", id]).code).not.toBe(0);
    expect(bench.status(id)).toBe("running");
    bench.does(["delete", "-f", id]);
    expect(bench.call(["state", id]).code).not.toBe(0);
  });

  it("removes what create made and nothing that was there", async () => {
    await bench.unchanged(async () => {
      const id = bench.id();
      const bundle = bench.bundle("mkdir -p /sys/fs/cgroup/pids/inner; sleep 60", (config) => {
        config.linux.cgroupsPath = `/nacre-oci-test/deep/${id}`;
        for (const mount of config.mounts) {
          if (mount.type === "cgroup")
            mount.options = (mount.options ?? []).filter((o) => o !== "ro");
        }
      });
      bench.does(["create", "-b", bundle, id]);
      bench.does(["start", id]);
      await bench.until(() => bench.status(id) === "running");
      bench.does(["delete", "-f", id]);
      expect(readdirSync(join(bundle, "rootfs"))).toContain("bin");
    });
  });
});

describe("exec, ps, pause, resume, update, events, list", () => {
  it("work on a container that runs", async () => {
    const [id, bundle] = [bench.id(), bench.bundle("sleep 1000")];
    bench.does(["run", "-d", "-b", bundle, id]);
    const inside = bench.call([
      "exec",
      "-e",
      "A=1",
      "--cwd",
      "/tmp",
      "-u",
      "5:6",
      id,
      "sh",
      "-c",
      "echo $A $(pwd) $(id -u) $(id -g); exit 3",
    ]);
    expect(inside).toMatchObject({ code: 3, stdout: "1 /tmp 5 6\n" });
    expect(bench.call(["exec", id, "absent"])).toMatchObject({ code: 255 });
    const described = bench.path("process.json");
    writeFileSync(
      described,
      JSON.stringify({ cwd: "/", args: ["sleep", "500"], env: ["PATH=/bin"] }),
    );
    bench.does(["exec", "-d", "-p", described, "--pid-file", bench.path("exec-pid"), id]);
    const pids: number[] = JSON.parse(bench.does(["ps", "-f", "json", id]));
    expect(pids).toHaveLength(2);
    expect(pids).toContain(Number(readFileSync(bench.path("exec-pid"), "utf8")));
    // In the order of their numbers, which begin anew at some time.
    for (const words of ["sleep 1000", "sleep 500"])
      expect(bench.does(["ps", id])).toMatch(new RegExp(`PID.*${words}`, "s"));
    bench.does(["pause", id]);
    expect(bench.status(id)).toBe("paused");
    expect(bench.call(["exec", id, "true"]).stderr).toContain("paused");
    expect(bench.call(["pause", id]).code).not.toBe(0);
    bench.does(["resume", id]);
    expect(bench.status(id)).toBe("running");
    expect(bench.call(["resume", id]).code).not.toBe(0);
    bench.does(["update", "--pids-limit", "77", "--memory", "64m", id]);
    bench.does(["update", "-r", "-", id], { input: '{"cpu":{"shares":512}}' });
    const read = (file: string) => bench.does(["exec", id, "cat", `/sys/fs/cgroup/${file}`]).trim();
    expect(read(PIDS_MAX)).toBe("77");
    expect(read(UNIFIED ? "memory.max" : "memory/memory.limit_in_bytes")).toBe(String(64 << 20));
    expect(read(UNIFIED ? "cpu.weight" : "cpu/cpu.shares")).toBe(UNIFIED ? "59" : "512");
    const refused = bench.call(["update", "--pids-limit", "5", "--cpuset-cpus", "4000", id]);
    expect(refused.stderr).toContain("linux.resources.cpu.cpus");
    expect(read(PIDS_MAX)).toBe("77");
    const { type, data } = JSON.parse(bench.does(["events", "--stats", id]));
    expect({ type, pids: data.pids, limit: data.memory.usage.limit }).toEqual({
      type: "stats",
      pids: { current: 2, limit: 77 },
      limit: 64 << 20,
    });
    expect(bench.does(["list"])).toMatch(new RegExp(`${id} .*running`));
    expect(JSON.parse(bench.does(["list", "-f", "json"]))[0]).toMatchObject({ id, bundle });
    bench.does(["delete", "-f", id]);
  });

  it("have no user whose number says to the kernel that it stays who it is", () => {
    const id = bench.id();
    bench.does(["create", "-b", bench.bundle("sleep 60"), id]);
    for (const user of ["4294967295", "4294967296", "0:4294967295"]) {
      const { code, stdout, stderr } = bench.call(["exec", "-u", user, id, "id", "-u"]);
      expect({ code, stdout }).toEqual({ code: 255, stdout: "" });
      expect(stderr).toContain("--user must be");
    }
    const affinity = { args: ["true"], cwd: "/", execCPUAffinity: { final: "0" } };
    const file = bench.path("process.json");
    writeFileSync(file, JSON.stringify(affinity));
    expect(bench.call(["exec", "-p", file, id]).stderr).toContain("execCPUAffinity.final");
    bench.does(["delete", "-f", id]);
  });

  it("join the container's own cgroups, or some below them, and no others", () => {
    const id = bench.id();
    const bundle = bench.bundle("sleep 60");
    bench.does(["create", "-b", bundle, id]);
    const below = `/sys/fs/cgroup/${UNIFIED ? "" : "pids/"}nacre-oci/${id}/below`;
    const shown = (node: string) => (UNIFIED ? `0::${node}\n` : `:pids:${node}\n`);
    const seen = (...words: string[]) =>
      bench.call(["exec", ...words, id, "cat", "/proc/self/cgroup"]);
    expect(seen().stdout).toContain(shown("/"));
    expect(seen("--cgroup", "..").stderr).toContain("bad sub cgroup path");
    expect(seen("--cgroup", "none:/").stderr).toContain("unknown controller none");
    expect(seen("--cgroup", "below")).toMatchObject({ code: 255 });
    mkdirSync(below);
    const named = UNIFIED ? "below" : "pids:below";
    expect(seen("--cgroup", named).stdout).toContain(shown("/below"));
    bench.does(["delete", "-f", id]);
    expect(existsSync(below)).toBe(false);
  });

  it("has a HOME, from the accounts of its root", () => {
    const bundle = bench.bundle("echo $HOME", (config) => {
      config.process.user = { uid: 2000, gid: 0 };
    });
    const home = () => bench.does(["run", "-b", bundle, bench.id()]);
    expect(home()).toBe("/\n");
    const passwd = join(bundle, "rootfs/etc/passwd");
    writeFileSync(passwd, "somebody:x:2000:2000::/home/somebody:/bin/sh\n");
    expect(home()).toBe("/home/somebody\n");
    // Another's accounts are not looked at, nor is what has no end.
    rmSync(passwd);
    symlinkSync("/dev/zero", passwd);
    expect(home()).toBe("/\n");
  });

  it("ends what it has begun where --pid-file cannot be written", async () => {
    const id = bench.id();
    bench.does(["create", "-b", bench.bundle("sleep 60"), id]);
    const file = bench.path("none/pid");
    const { code } = bench.call(["exec", "-d", "--pid-file", file, id, "sleep", "50"]);
    expect(code).toBe(255);
    await bench.until(() => JSON.parse(bench.does(["ps", "-f", "json", id])).length === 1);
    bench.does(["delete", "-f", id]);
  });

  it("say what there is, and write a configuration to begin with", () => {
    const features = JSON.parse(bench.does(["features"]));
    expect(features).toMatchObject({
      ociVersionMin: "1.0.0",
      linux: { intelRdt: { enabled: false } },
    });
    expect(features.hooks).toHaveLength(6);
    const bundle = bench.path("fresh");
    bench.bundle("true");
    const made = bench.call(["spec", "-b", bench.path("rootfs")]);
    expect(made.code).toBe(0);
    expect(bench.call(["spec", "-b", bench.path("rootfs")]).code).not.toBe(0);
    expect(existsSync(bundle)).toBe(false);
    expect(bench.call(["nonsense"]).stderr).toContain("unknown command");
  });

  it("write what fails to the log as JSON", () => {
    const log = bench.path("log.json");
    bench.call(["--log", log, "--log-format", "json", "state", "absent"]);
    expect(JSON.parse(readFileSync(log, "utf8"))).toMatchObject({
      level: "error",
      msg: 'container "absent" does not exist',
    });
  });
});
