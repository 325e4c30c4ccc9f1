// What a config.json says of the process: config.md, "Process", "Hostname", "Hooks" (hooks in a
// file of their own); config-linux.md, "Personality". The table: docs/OCI-RUNTIME.md.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OciBench, RUNTIME } from "./oci-bench.ts";

let bench: OciBench;
beforeAll(() => {
  bench = new OciBench();
});
afterAll(() => bench?.[Symbol.dispose]());

describe("process", () => {
  it("has its arguments, its environment, its directory, its user and its groups", () => {
    const lines = bench.lines(
      "echo $0 $1 $A; pwd; id -u; id -g; cat /proc/self/status | while read k v; do [ $k = Groups: ] && echo $v; done; umask",
      (config) => {
        Object.assign(config.process, {
          cwd: "/new/dir",
          env: ["PATH=/bin", "A=b c"],
          user: { uid: 5, gid: 6, additionalGids: [7, 8], umask: 0o027 },
        });
        (config.process.args as string[]).push("zero", "one");
      },
    );
    expect(lines).toEqual(["zero one b c", "/new/dir", "5", "6", "7 8", "0027"]);
  });

  it("has the five sets of capabilities, for root and for others", () => {
    const sets = {
      bounding: ["CAP_KILL", "CAP_CHOWN", "CAP_NET_RAW"],
      permitted: ["CAP_KILL", "CAP_CHOWN"],
      effective: ["CAP_KILL"],
      inheritable: ["CAP_KILL"],
      ambient: ["CAP_KILL"],
    };
    const show =
      "cat /proc/self/status | while read k v; do case $k in Cap*) echo $k $v;; esac; done";
    const mask = (bits: number) => bits.toString(16).padStart(16, "0");
    const lines = bench.lines(show, (config) => {
      Object.assign(config.process, { capabilities: sets, user: { uid: 5, gid: 5 } });
    });
    // execve(2) leaves to who is not root what is ambient.
    expect(lines).toEqual([
      `CapInh: ${mask(0x20)}`,
      `CapPrm: ${mask(0x20)}`,
      `CapEff: ${mask(0x20)}`,
      `CapBnd: ${mask(0x2021)}`,
      `CapAmb: ${mask(0x20)}`,
    ]);
    expect(bench.lines(show, (config) => delete config.process.capabilities)).toEqual(
      ["Inh", "Prm", "Eff", "Bnd", "Amb"].map((name) => `Cap${name}: ${mask(0)}`),
    );
  });

  it("is left without what this machine cannot give, which is said", () => {
    const have = /^CapBnd:\s*(\w+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    const lacking = (BigInt(`0x${have}`) >> 24n) & 1n ? undefined : "CAP_SYS_RESOURCE";
    if (lacking === undefined) return; // a machine whose root has all
    const { code, stderr } = bench.run("true", (config) => {
      const all = [lacking, "CAP_KILL"];
      config.process.capabilities = { bounding: all, effective: all, permitted: all };
    });
    expect(code).toBe(0);
    expect(stderr).toContain(`config.json: process.capabilities: this process has no ${lacking}`);
  });

  it("has limits, a score for the OOM killer, no new privileges", () => {
    const show = "cat /proc/self/limits /proc/self/oom_score_adj; cat /proc/self/status";
    const text = bench.run(show, (config) => {
      config.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 8, hard: 9 }];
      config.process.oomScoreAdj = 300;
      config.process.noNewPrivileges = true;
    }).stdout;
    expect(text).toMatch(/Max open files +8 +9 /);
    expect(text).toMatch(/^300$/m);
    expect(text).toMatch(/^NoNewPrivs:\t1$/m);
  });

  it("has a scheduler, a priority for its disk, a personality", () => {
    const scheduled = bench.lines("cat /proc/self/stat", (config) => {
      config.process.scheduler = { policy: "SCHED_BATCH", nice: 5 };
      config.linux.personality = { domain: "LINUX32" };
    });
    const fields = (scheduled[0] ?? "").split(") ")[1]?.split(" ") ?? [];
    expect({ nice: fields[16], policy: fields[38] }).toEqual({ nice: "5", policy: "3" });
    expect(
      bench.lines("cat /bin/personality; uname -m", (config) => {
        config.linux.personality = { domain: "LINUX32" };
        config.process.args = ["busybox", "uname", "-m"];
      }),
    ).toEqual([process.arch === "x64" ? "i686" : "armv8l"]);
    const idle = bench.run("ionice", (config) => {
      config.process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 6 };
      config.process.args = ["busybox", "ionice"];
    });
    expect(idle.stdout).toBe("best-effort: prio 6\n");
  });

  // Without NUMA in the kernel there are no policies.
  it.skipIf(!existsSync("/proc/self/numa_maps"))("takes its memory by a policy", () => {
    const bound = bench.lines("cat /proc/self/numa_maps", (config) => {
      const flags = ["MPOL_F_STATIC_NODES"];
      config.linux.memoryPolicy = { mode: "MPOL_BIND", nodes: "0", flags };
    });
    expect(bound[0]).toMatch(/^[0-9a-f]+ bind=static:0 /);
    const wrong = bench.run("true", (config) => {
      config.linux.memoryPolicy = { mode: "MPOL_BIND" };
    });
    expect(wrong.stderr).toContain("config.json: linux.memoryPolicy: ");
  });

  it("has a name for its machine, and a domain", () => {
    const lines = bench.lines("hostname; cat /proc/sys/kernel/domainname", (config) => {
      Object.assign(config, { hostname: "shell", domainname: "sea" });
    });
    expect(lines).toEqual(["shell", "sea"]);
  });

  it("gets descriptors that are passed on, and those of socket activation", () => {
    const [one, two] = ["one", "two"].map((name) => {
      const path = bench.path(name);
      writeFileSync(path, `${name}\n`);
      return path;
    }) as [string, string];
    const bundle = bench.bundle(
      "cat <&3; cat <&4; ls /proc/self/fd | wc -l; echo $LISTEN_FDS $LISTEN_PID",
    );
    const { stdout, stderr } = bench.call(
      ["run", "--preserve-fds", "1", "-b", bundle, bench.id()],
      { more: [one, two], environment: { LISTEN_FDS: "1" } },
    );
    // 0 to 4, and the directory that ls reads.
    expect(stdout, stderr).toBe("one\ntwo\n6\n1 1\n");
    const missing = bench.call(["create", "--preserve-fds", "99", "-b", bundle, bench.id()]);
    expect(missing.stderr).toMatch(/descriptor \d+ is not open/);
  });

  it("has a session keyring of its own, or the caller's where that is asked for", () => {
    for (const options of [[], ["--no-new-keyring"]]) {
      const id = bench.id();
      const open = bench.bundle("cat /proc/keys", (config) => {
        config.linux.maskedPaths = [];
      });
      const keys = bench.does(["run", ...options, "-b", open, id]);
      expect(keys.includes(` _ses.${id}: empty`)).toBe(options.length === 0);
    }
  });

  it("tells that it is ready where NOTIFY_SOCKET says", async () => {
    const socket = bench.path("notify");
    const server = createServer().listen(socket);
    await once(server, "listening");
    const { stdout } = bench.run(
      "echo $NOTIFY_SOCKET; test -S $NOTIFY_SOCKET && echo there",
      undefined,
      {
        environment: { NOTIFY_SOCKET: socket },
      },
    );
    server.close();
    expect(stdout).toBe("/run/notify/notify.sock\nthere\n");
  });
});

describe("process.terminal", () => {
  it("gives its master to who listens at the console socket", async () => {
    const [id, socket] = [bench.id(), bench.path("console")];
    // What Node cannot: a descriptor that comes through a socket.
    const script = `
import socket, array, sys, os
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1); print("ready", flush=True)
c, _ = s.accept()
_, fds, _, _ = c.recvmsg(100, socket.CMSG_LEN(4))
fd = array.array("i", fds[0][2])[0]
out = b""
while True:
  try: part = os.read(fd, 1000)
  except OSError: break
  if not part: break
  out += part
print(out.decode())`;
    const listener = spawn("python3", ["-c", script, socket], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    listener.stdout.on("data", (chunk) => {
      said += chunk;
    });
    await bench.until(() => said.startsWith("ready"));
    const bundle = bench.bundle("tty; stty size; ls -l /dev/console; echo end", (config) => {
      config.process.terminal = true;
      config.process.consoleSize = { height: 30, width: 90 };
    });
    bench.does(["create", "-b", bundle, "--console-socket", socket, id]);
    bench.does(["start", id]);
    await once(listener, "exit");
    bench.does(["delete", "-f", id]);
    expect(said).toMatch(/\/dev\/pts\/0\r\n30 90\r\ncrw.* 136, .*\/dev\/console\r\nend\r\n/s);
  });

  it("is refused where nobody would have it, and a socket where there is none", () => {
    const terminal = bench.bundle("true", (config) => {
      config.process.terminal = true;
    });
    const nobody = bench.call(["create", "-b", terminal, bench.id()]);
    expect(nobody.stderr).toContain("console socket");
    const none = bench.call([
      "create",
      "-b",
      bench.bundle("true"),
      "--console-socket",
      "/x",
      bench.id(),
    ]);
    expect(none.stderr).toContain("console socket");
  });
});

describe("run", () => {
  it("hands signals on, and has the process's exit code", async () => {
    const bundle = bench.bundle("trap 'exit 42' TERM; touch /ready; while :; do sleep 0.05; done");
    const child = spawn(RUNTIME, ["--root", bench.root, "run", "-b", bundle, bench.id()], {
      stdio: "ignore",
    });
    await bench.until(() => readable(join(bundle, "rootfs/ready")));
    child.kill("SIGTERM");
    const [code] = await once(child, "exit");
    expect(code).toBe(42);
    expect(bench.run("exit 5").code).toBe(5);
  });

  it("leaves nothing where it cannot start", async () => {
    await bench.unchanged(() => {
      const bundle = bench.bundle("", (config) => {
        config.process.args = ["/bin/broken"];
      });
      mkdirSync(join(bundle, "rootfs/bin"), { recursive: true });
      writeFileSync(join(bundle, "rootfs/bin/broken"), "no program", { mode: 0o755 });
      const { code, stderr } = bench.call(["run", "-b", bundle, bench.id()]);
      expect(code).toBe(1);
      expect(stderr).toContain("ENOEXEC");
    });
  });
});

function readable(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}
