// What a container's process finds around it: limits, user, files, namespaces, powers.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { benchForTests, shellImage } from "./engine-bench.ts";

let entry: string;
let folder: string;
const bench = benchForTests(async (bench) => {
  entry = bench.add(
    "entry",
    shellImage({
      process: {
        Entrypoint: ["echo", "entry"],
        Cmd: ["command"],
        Env: ["PATH=/bin", "A=image", "B=image"],
        User: "user",
        WorkingDir: "/made/here",
      },
    }),
  ).name;
  await bench.does(["pull", "-q", entry]);
  folder = join(bench.base, "shared");
  mkdirSync(folder);
});

const prints = (options: readonly string[], script: string) =>
  bench.prints(options, ["sh", "-c", script]);

describe("limits", () => {
  it("of memory, processors and processes hold inside", async () => {
    const script =
      "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max pids/pids.max pids.max cpu*/cpu.cfs_quota_us cpu.max 2>/dev/null; true";
    const limits = await prints(["--memory", "64m", "--cpus", "0.5", "--pids-limit", "17"], script);
    expect(limits.split("\n")).toContain("67108864");
    expect(limits.split("\n")).toContain("17");
    expect(limits).toMatch(/^50000( 100000)?$/m);
    const forks = "i=0; while [ $i -lt 9 ]; do sleep 9 & i=$((i+1)); done; echo all";
    const refused = await bench.nacre([
      "run",
      "--rm",
      "--pids-limit",
      "5",
      bench.name(),
      "sh",
      "-c",
      forks,
    ]);
    expect(refused.stderr).toContain("can't fork");
    expect(refused.stdout).toBe("");
  });

  it("of memory end a process that wants more, and inspect says so", async () => {
    const hog = ["sh", "-c", "tail /dev/zero; exit $?"];
    const name = "hog";
    const { code } = await bench.nacre([
      "run",
      "--name",
      name,
      "--memory",
      "16m",
      bench.name(),
      ...hog,
    ]);
    expect(code).toBe(137);
    const [{ State }] = JSON.parse(await bench.does(["inspect", name]));
    expect(State).toMatchObject({ OOMKilled: true, ExitCode: 137 });
    await bench.does(["rm", name]);
    const events = await bench.does([
      "events",
      "--since",
      "1m",
      "--until",
      "0s",
      "--format",
      "{{.Action}}",
    ]);
    expect(events.split("\n").slice(-3)).toEqual(["oom", "die", "destroy"]);
  });
});

describe("a user", () => {
  it("is found by name or number in the image, with its groups and home", async () => {
    const script = "id -u; id -g; id -G; echo $HOME";
    expect(await prints(["-u", "user"], script)).toBe("1000\n1000\n1000 2000\n/home/user");
    expect(await prints(["-u", "1000"], script)).toBe("1000\n1000\n1000 2000\n/home/user");
    expect(await prints(["-u", "user:extra"], script)).toBe("1000\n2000\n2000\n/home/user");
    expect(await prints(["-u", "77:88"], script)).toBe("77\n88\n88\n/");
    expect(await prints([], script)).toBe("0\n0\n0\n/root");
  });

  it("other than root may write to the streams by name, and has no powers", async () => {
    const script = "echo out > /dev/stdout; grep Cap /proc/self/status";
    const run = ["run", "-d", "--name", "weak", "-u", "1000", bench.name(), "sh", "-c", script];
    await bench.does(run);
    const lines = (await bench.does(["logs", "-f", "weak"])).split("\n");
    await bench.does(["rm", "weak"]);
    expect(lines[0]).toBe("out");
    expect(lines.slice(1).map((line) => line.split(/\s+/)[1])).toEqual([
      "0000000000000000",
      "0000000000000000",
      "0000000000000000",
      "00000000a80425fb",
      "0000000000000000",
    ]);
  });
});

describe("command and environment", () => {
  it("combine entry point, command and working directory as docker does", async () => {
    const run = (...words: string[]) => bench.does(["run", "--rm", ...words]);
    expect(await run(entry)).toBe("entry command");
    expect(await run(entry, "other")).toBe("entry other");
    expect(await run("--entrypoint", "pwd", entry)).toBe("/made/here");
    expect(await run("--entrypoint", "", entry, "id", "-un")).toBe("user");
    expect(await run("-w", "/deep/er", "--entrypoint", "pwd", entry)).toBe("/deep/er");
  });

  it("put the user's variables over the image's, and keep their order", async () => {
    const options = [
      "--rm",
      "--hostname",
      "box",
      "-e",
      "B=mine",
      "-e",
      "C=1",
      "--entrypoint",
      "env",
    ];
    expect((await bench.does(["run", ...options, entry])).split("\n")).toEqual([
      "PATH=/bin",
      "HOSTNAME=box",
      "A=image",
      "B=mine",
      "C=1",
      "HOME=/home/user",
    ]);
  });
});

describe("files", () => {
  it("of the root are the container's own, or only to be read", async () => {
    expect(await prints([], "echo x > /new; cat /new; stat -c %a /")).toBe("x\n755");
    expect(await prints([], "ls /new 2>&1; true")).not.toBe("/new");
    const { stderr } = await bench.nacre([
      "run",
      "--rm",
      "--read-only",
      bench.name(),
      "touch",
      "/new",
    ]);
    expect(stderr).toContain("Read-only file system");
    expect(
      await prints(
        ["--read-only", "--tmpfs", "/scratch:size=1m"],
        "touch /scratch/a && grep ' /scratch ' /proc/mounts",
      ),
    ).toMatch(/tmpfs rw,nosuid,nodev,noexec.*size=1024k/);
  });

  it("of this machine are mounted where they are wanted", async () => {
    writeFileSync(join(folder, "file"), "from here");
    expect(await prints(["-v", `${folder}:/in`], "cat /in/file; echo back > /in/new")).toBe(
      "from here",
    );
    expect(readFileSync(join(folder, "new"), "utf8")).toBe("back\n");
    expect(await prints(["-v", `${join(folder, "file")}:/etc/one`], "cat /etc/one")).toBe(
      "from here",
    );
    const readOnly = await bench.nacre([
      "run",
      "--rm",
      "-v",
      `${folder}:/in:ro`,
      bench.name(),
      "touch",
      "/in/x",
    ]);
    expect(readOnly.stderr).toContain("Read-only file system");
    await prints(["-v", `${join(folder, "missing/deep")}:/in`], "touch /in/made");
    expect(statSync(join(folder, "missing/deep/made")).isFile()).toBe(true);
  });

  it("of /etc are the container's own: name, hosts, resolver", async () => {
    const script = "hostname; cat /etc/hostname /etc/hosts /etc/resolv.conf";
    const lines = (await prints(["--hostname", "box"], script)).split("\n");
    expect(lines.slice(0, 2)).toEqual(["box", "box"]);
    expect(lines).toContain("127.0.0.1\tlocalhost");
    expect(lines.filter((line) => line.endsWith("\tbox"))).toHaveLength(1);
    expect(hostname()).not.toBe("box");
  });
});

describe("namespaces", () => {
  it("are its own, but for the network where the machine's is asked for", async () => {
    const script =
      "for n in pid mnt uts ipc net cgroup user; do readlink /proc/self/ns/$n; done; ls /sys/class/net";
    const none = (await prints([], script)).split("\n");
    const host = (await prints(["--network", "host"], script)).split("\n");
    const own = ["pid", "mnt", "uts", "ipc", "net", "cgroup", "user"].map((kind) =>
      readlinkSync(`/proc/self/ns/${kind}`),
    );
    const same = (seen: string[]) =>
      own.filter((id, i) => id === seen[i]).map((id) => id.split(":")[0]);
    expect(same(none)).toEqual(["user"]);
    expect(same(host)).toEqual(["net", "user"]);
    expect(none.slice(7)).toEqual(["lo"]);
    expect(host.slice(7).sort()).toEqual(readdirSync("/sys/class/net").sort());
    expect(await prints([], "echo $$; cat /proc/self/cgroup | grep -v ':/$'; true")).toBe("1");
    expect(await prints([], "ifconfig lo | grep -c 'UP LOOPBACK'")).toBe("1");
  });
});

describe("powers", () => {
  it("are docker's default ones", async () => {
    const lines = (await prints([], "grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status")).split(
      "\n",
    );
    const caps = Object.fromEntries(lines.map((line) => line.split(/:\s+/)));
    expect(caps).toMatchObject({
      CapInh: "0000000000000000",
      CapPrm: "00000000a80425fb",
      CapEff: "00000000a80425fb",
      CapBnd: "00000000a80425fb",
      CapAmb: "0000000000000000",
      NoNewPrivs: "0",
    });
  });

  it("do not reach what is masked or protected", async () => {
    const masked = ["/proc/kcore", "/proc/timer_list", "/proc/keys"].filter(existsSync);
    for (const path of masked) expect(await prints([], `wc -c < ${path}`), path).toBe("0");
    expect(await prints([], "ls /sys/firmware | wc -l")).toBe("0");
    const refused = async (script: string) => {
      const { stderr, code } = await bench.nacre(["run", "--rm", bench.name(), "sh", "-c", script]);
      expect(code, script).not.toBe(0);
      return stderr;
    };
    expect(await refused("echo 1 > /proc/sys/kernel/printk")).toContain("Read-only file system");
    expect(await refused("echo 0 > /proc/irq/default_smp_affinity")).toContain("Read-only file");
    expect(await refused("mkdir /sys/fs/cgroup/pids/x || mkdir /sys/fs/cgroup/x")).toContain(
      "Read-only file system",
    );
    expect(await refused("mount -t tmpfs x /tmp")).toMatch(
      /permission denied|Operation not permitted/,
    );
    expect(await refused("umount /proc/keys")).toMatch(/can't unmount/);
    expect(await refused("mknod /d b 259 0 && cat /d > /dev/null")).toMatch(
      /Operation not permitted/,
    );
    expect(await refused("chroot /proc/1/root/../../.. ls /nothing-like-it")).toMatch(
      /nothing-like-it/,
    );
  });

  it("are no open descriptors of the engine", async () => {
    // By the shell alone: a pipeline's own ends, or an open directory, would be among them.
    const script =
      'for n in $(seq 0 63); do [ -e /proc/$$/fd/$n ] && printf "%s " $n; done; printf ""';
    expect(await prints([], script)).toBe("0 1 2");
    expect(await bench.does(["run", "-d", "--name", "fds", bench.name(), "sleep", "60"])).toMatch(
      /./,
    );
    expect(await bench.does(["exec", "fds", "sh", "-c", script])).toBe("0 1 2");
    await bench.does(["rm", "-f", "fds"]);
  });

  it("of a process that joins are no greater", async () => {
    await bench.does([
      "run",
      "-d",
      "--name",
      "host",
      "-u",
      "1000",
      "--memory",
      "32m",
      bench.name(),
      "sleep",
      "60",
    ]);
    const exec = (...words: string[]) => bench.does(["exec", ...words]);
    expect(await exec("host", "id", "-u")).toBe("1000");
    expect(await exec("-u", "0", "host", "sh", "-c", "grep CapEff /proc/self/status")).toContain(
      "a80425fb",
    );
    expect(await exec("-w", "/tmp", "host", "pwd")).toBe("/tmp");
    expect(await exec("host", "sh", "-c", "cat /proc/self/cgroup | grep -v ':/$' | wc -l")).toBe(
      "0",
    );
    expect((await bench.nacre(["exec", "host", "sh", "-c", "exit 5"])).code).toBe(5);
    expect((await bench.nacre(["exec", "host", "nothing"])).code).toBe(127);
    expect((await bench.nacre(["exec", "host", "/etc/passwd"])).code).toBe(126);
    await bench.does(["rm", "-f", "host"]);
  });
});

describe("the host image", () => {
  it("is this machine's root, which keeps all that it has", async () => {
    await bench.unchanged(async () => {
      const before = readdirSync("/etc");
      const script = "rm -rf /etc; ls /; ls -A $ROOT | wc -l; echo x > /usr/added; cat /usr/added";
      const out = await bench.does([
        "run",
        "--rm",
        "-e",
        `ROOT=${bench.root}`,
        "host",
        "sh",
        "-c",
        script,
      ]);
      const lines = out.split("\n");
      expect(lines).not.toContain("etc");
      expect(lines).toContain("usr");
      expect(lines.slice(-2)).toEqual(["0", "x"]);
      // What somebody adds to it meanwhile is none of ours.
      expect(readdirSync("/etc")).toEqual(expect.arrayContaining(before));
      expect(readdirSync("/usr")).not.toContain("added");
    });
  });
});
