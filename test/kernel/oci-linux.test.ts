// What a config.json says of Linux: config.md, "Mounts", "Root"; config-linux.md. The table of
// sections: docs/OCI-RUNTIME.md.

import { execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Config, OciBench, RUNTIME, withUsers } from "./oci-bench.ts";

let bench: OciBench;
beforeAll(() => {
  bench = new OciBench();
});
afterAll(() => bench?.[Symbol.dispose]());

const add =
  (...mounts: Config["mounts"]) =>
  (config: Config): void => {
    config.mounts.push(...mounts);
  };

describe("root", () => {
  it("is read-only where asked, and writable else", () => {
    const touch = "touch /x 2>/dev/null && echo written || echo refused";
    expect(bench.lines(touch)).toEqual(["written"]);
    expect(bench.lines(touch, (config) => Object.assign(config.root, { readonly: true }))).toEqual([
      "refused",
    ]);
  });

  it.each([
    ["private", /^\d+ \d+ \S+ \S+ \/ \S+ - /m],
    ["shared", /^\d+ \d+ \S+ \S+ \/ \S+ shared:\d+ - /m],
    ["rslave", /^\d+ \d+ \S+ \S+ \/ \S+ (master:\d+ )?- /m],
    ["unbindable", /^\d+ \d+ \S+ \S+ \/ \S+ unbindable - /m],
  ])("has the propagation %s, and nothing of it is seen outside", async (mode, line) => {
    await bench.unchanged(() => {
      const { stdout, stderr } = bench.run("cat /proc/self/mountinfo", (config) => {
        config.linux.rootfsPropagation = mode;
      });
      expect(stdout, stderr).toMatch(line);
    });
  });

  it("takes no mount of the machine with the old root, where what is mounted is shared with it", () => {
    const place = bench.path("shared");
    mkdirSync(place);
    const bundle = bench.bundle("true", (config) => {
      config.linux.rootfsPropagation = "shared";
    });
    const script = [
      'mount -t tmpfs a "$1" && mount --make-shared "$1"',
      'mkdir "$1/below" && mount -t tmpfs b "$1/below"',
      '"$2" --root "$3" run -b "$4" "$5"',
      'grep -c " $1" /proc/self/mountinfo',
    ].join(" && ");
    // A mount namespace stands for the machine, which is not to lose anything if this fails.
    const words = ["-m", "--propagation", "private", "sh", "-c", script, "sh", place, RUNTIME];
    const given = [...words, bench.root, bundle, bench.id()];
    expect(execFileSync("unshare", given, { encoding: "utf8" })).toBe("2\n");
  });
});

describe("mounts", () => {
  it("stand in order, with their types, sources and options", () => {
    const lines = bench.lines(
      "echo inner > /t/file; cat /t/file /b/config.json | head -1; mount | while read l; do case $l in *' /t '*|*' /b '*) echo $l;; esac; done",
      (config) => {
        add(
          {
            destination: "/t",
            type: "tmpfs",
            source: "mine",
            options: ["size=1m", "mode=700", "nodev", "noexec"],
          },
          {
            destination: "/b",
            type: "bind",
            source: bench.path(),
            options: ["bind", "ro", "nosuid"],
          },
        )(config);
        delete config.annotations;
      },
    );
    expect(lines[0]).toBe("inner");
    expect(lines.at(-2)).toMatch(
      /^mine on \/t type tmpfs \(rw,nodev,noexec,relatime,size=1024k,mode=700/,
    );
    expect(lines.at(-1)).toMatch(/ on \/b type \S+ \(ro,nosuid,/);
  });

  it("tell what is about a mount from what is about all below it", () => {
    const show = (options: string[]) => {
      return bench.lines(
        "for d in /r /r/below; do touch $d/x 2>/dev/null && echo w || echo r; done",
        add(
          { destination: "/outer", type: "tmpfs", source: "outer", options: ["mode=755"] },
          { destination: "/outer/below", type: "tmpfs", source: "inner" },
          { destination: "/r", type: "tmpfs", source: "r" },
          { destination: "/r/below", type: "tmpfs", source: "below" },
          { destination: "/r", options: ["remount", "bind", ...options], source: "none" },
        ),
      );
    };
    expect(show(["ro"])).toEqual(["r", "w"]);
    expect(show(["rro"])).toEqual(["r", "r"]);
    expect(show(["rro", "rw"])).toEqual(["r", "r"]);
  });

  it("begin with what they cover where tmpcopyup asks for it", () => {
    const bundle = bench.bundle(
      "cat /data/a/file; stat -c '%a %u' /data /data/a/file; readlink /data/link; touch /data/new",
      (config) => {
        add({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] })(
          config,
        );
      },
    );
    const data = join(bundle, "rootfs/data");
    mkdirSync(join(data, "a"), { recursive: true });
    writeFileSync(join(data, "a/file"), "kept\n", { mode: 0o644 });
    chmodSync(data, 0o751);
    chownSync(join(data, "a/file"), 5, 5);
    spawnLink(join(data, "link"));
    const { stdout, stderr } = bench.call(["run", "-b", bundle, bench.id()]);
    expect(stdout, stderr).toBe("kept\n751 0\n644 5\na/file\n");
    expect(() => statSync(join(data, "new"))).toThrow();
  });

  it("show other owners where they have mappings", () => {
    const source = bench.path("owned");
    mkdirSync(source);
    writeFileSync(join(source, "file"), "");
    const mapping = [{ containerID: 0, hostID: 7000, size: 1000 }];
    const lines = bench.lines("stat -c %u /o/file", (config) => {
      config.mounts.push({
        ...{ destination: "/o", type: "bind", source, options: ["bind"] },
        ...{ uidMappings: mapping, gidMappings: mapping },
      } as Config["mounts"][0]);
    });
    expect(lines).toEqual(["7000"]);
  });

  it("cannot be led out of the root by a link", () => {
    const bundle = bench.bundle(
      "ls /inside",
      add({ destination: "/inside/new", type: "tmpfs", source: "x" }),
    );
    spawnLink(join(bundle, "rootfs/inside"), bench.path("outside"));
    const { code } = bench.call(["run", "-b", bundle, bench.id()]);
    expect(code).toBe(0);
    expect(() => statSync(bench.path("outside"))).toThrow();
  });
});

function spawnLink(path: string, text = "a/file"): void {
  const { symlinkSync } = process.getBuiltinModule("node:fs");
  symlinkSync(text, path);
}

describe("linux.namespaces", () => {
  const OWN = ["pid", "net", "ipc", "uts", "mnt", "cgroup"];
  const SHOW = `for n in ${OWN.join(" ")} user; do readlink /proc/self/ns/$n; done`;

  it("are its own, the runtime's where they are not named, or those of a path", () => {
    const mine = (name: string) => readlinkSync(`/proc/self/ns/${name}`);
    const own = bench.lines(SHOW);
    expect(own.slice(0, 6).filter((link) => OWN.map(mine).includes(link))).toEqual([]);
    expect(own[6]).toBe(mine("user"));
    const few = bench.lines(SHOW, (config) => {
      config.linux.namespaces = [{ type: "mount" }];
      delete config.hostname;
      config.mounts = config.mounts.filter(({ type }) => type !== "mqueue" && type !== "sysfs");
    });
    expect(few.filter((link, i) => link !== [...OWN, "user"].map(mine)[i])).toHaveLength(1);
  });

  it("of another process are joined, pid and user among them", async () => {
    const id = bench.id();
    bench.does(["run", "-d", "-b", bench.bundle("sleep 100", withUsers), id]);
    const { pid } = JSON.parse(bench.does(["state", id]));
    const at = (name: string) => `/proc/${pid}/ns/${name}`;
    const { stdout, stderr } = bench.run(`${SHOW}; id -u; kill -0 1 && echo sees`, (config) => {
      config.linux.namespaces = [
        { type: "mount" },
        { type: "cgroup" },
        ...(["pid", "ipc", "uts", "user"] as const).map((type) => ({ type, path: at(type) })),
        { type: "network", path: at("net") },
      ];
      delete config.hostname;
    });
    const links = stdout.split("\n");
    const theirs = ["pid", "net", "ipc", "uts"].map((name) => readlinkSync(at(name)));
    expect(links.slice(0, 4), stderr).toEqual(theirs);
    expect(links.slice(6, 9)).toEqual([readlinkSync(at("user")), "0", "sees"]);
    bench.does(["delete", "-f", id]);
  });

  it("must be of the type that is said", () => {
    for (const [type, other] of [
      ["network", "pid"],
      ["pid", "user"],
      ["ipc", "mnt"],
      ["uts", "cgroup"],
      ["cgroup", "ipc"],
      ["user", "uts"],
    ] as const) {
      const { code, stderr } = bench.run("true", (config) => {
        config.linux.namespaces = config.linux.namespaces.filter((one) => one.type !== type);
        config.linux.namespaces.push({ type, path: `/proc/self/ns/${other}` });
        delete config.hostname;
      });
      expect(code, type).not.toBe(0);
      expect(stderr).toContain("config.json: linux.namespaces");
    }
  });
});

describe("linux.timeOffsets", () => {
  it("change the clocks of a new time namespace", () => {
    const [uptime] = bench.lines("cat /proc/uptime", (config) => {
      config.linux.namespaces.push({ type: "time" });
      config.linux.timeOffsets = { boottime: { secs: 1_000_000, nanosecs: 5 } };
    });
    expect(Number(uptime?.split(" ")[0])).toBeGreaterThan(1_000_000);
  });
});

describe("linux.devices", () => {
  it("are made with their numbers, modes and owners, beside those that every container has", () => {
    const lines = bench.lines(
      "for d in test pipe null zero full random urandom tty; do stat -c '%n %F %t:%T %a %u' /dev/$d; done; for l in fd stdin ptmx; do readlink /dev/$l; done",
      (config) => {
        config.linux.devices = [
          { path: "/dev/test", type: "c", major: 10, minor: 229, fileMode: 0o600, uid: 3 },
          { path: "/dev/pipe", type: "p" },
        ];
      },
    );
    expect(lines.slice(0, 3)).toEqual([
      "/dev/test character special file a:e5 600 3",
      "/dev/pipe fifo 0:0 666 0",
      "/dev/null character special file 1:3 666 0",
    ]);
    expect(lines.slice(-3)).toEqual(["/proc/self/fd", "/proc/self/fd/0", "pts/ptmx"]);
  });

  it("of the machine are never replaced where its /dev is lent", () => {
    const before = statSync("/dev/null").ino;
    bench.lines("true", (config) => {
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
      add({ destination: "/dev", type: "bind", source: "/dev", options: ["rbind"] })(config);
    });
    expect(statSync("/dev/null").ino).toBe(before);
  });
});

describe("linux.maskedPaths, readonlyPaths, sysctl", () => {
  it("hide, close and set", () => {
    const bundle = bench.bundle(
      "cat /secret/file; ls /hidden; touch /closed/x 2>/dev/null || echo closed; cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni",
      (config) => {
        Object.assign(config.linux, {
          maskedPaths: ["/secret/file", "/hidden", "/absent"],
          readonlyPaths: ["/closed", "/absent"],
          sysctl: { "net.ipv4.ip_forward": "1", "kernel.shmmni": "4000" },
        });
      },
    );
    for (const name of ["secret", "hidden", "closed"]) mkdirSync(join(bundle, "rootfs", name));
    writeFileSync(join(bundle, "rootfs/secret/file"), "secret");
    writeFileSync(join(bundle, "rootfs/hidden/file"), "secret");
    const { stdout } = bench.call(["run", "-b", bundle, bench.id()]);
    expect(stdout).toBe("closed\n1\n4000\n");
  });
});

describe("linux.seccomp", () => {
  it("refuses calls with the error that is said, and names what is no rule", () => {
    const filter = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 }],
    };
    const { stderr, code } = bench.run("busybox mkdir /x", (config) => {
      config.linux.seccomp = filter;
    });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "mkdir: can't create directory '/x': No space left on device\n",
    });
    const wrong = bench.run("true", (config) => {
      config.linux.seccomp = { ...filter, defaultAction: "ALLOW" };
    });
    expect(wrong.stderr).toContain("linux.seccomp.defaultAction");
  });

  it("hands calls to who listens at listenerPath", async () => {
    const socket = bench.path("listener");
    const script = `
import socket, sys, json
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1); print("ready", flush=True)
c, _ = s.accept()
data, fds, _, _ = c.recvmsg(8000, socket.CMSG_LEN(4))
state = json.loads(data)
print(state["fds"], state["metadata"], state["state"]["id"], len(fds))`;
    const listener = spawn("python3", ["-c", script, socket], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    listener.stdout.on("data", (chunk) => {
      said += chunk;
    });
    await bench.until(() => said.startsWith("ready"));
    const id = bench.id();
    const bundle = bench.bundle("sleep 0", (config) => {
      config.linux.seccomp = {
        ...{ defaultAction: "SCMP_ACT_ALLOW", listenerPath: socket, listenerMetadata: "meta" },
        syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
      };
    });
    bench.does(["create", "-b", bundle, id]);
    bench.does(["start", id]);
    await bench.until(() => said.includes("meta"));
    expect(said).toContain(`['seccompFd'] meta ${id} 1`);
    bench.does(["delete", "-f", id]);
  });
});
