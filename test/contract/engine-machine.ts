// What a container sees of its machine, on whatever kernel: part of engineContract. The same scripts
// look at /dev, its terminal, /sys and /proc.

import { expect, it } from "vitest";
import { type Bench, refusal } from "./engine.ts";

const DEVICES = ["full 1, 7", "null 1, 3", "random 1, 8", "tty 5, 0", "urandom 1, 9", "zero 1, 5"];
const SCRIPTS: readonly (readonly [what: string, script: string, says: readonly string[]])[] = [
  [
    "the usual devices, and nothing of the machine's",
    // Some kernels have no /proc/kcore, to which it would lead.
    "ls /dev | grep -v '^core$'; [ -L /dev/core ]; l=$?; [ -e /proc/kcore ]; [ $? = $l ] || echo core",
    [
      ...["fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm"],
      ...["stderr", "stdin", "stdout", "tty", "urandom", "zero"],
    ],
  ],
  [
    "devices that everybody may use",
    "cd /dev; ls -ln full null random tty urandom zero | awk '{print $1, $3, $NF, $5, $6}'",
    DEVICES.map((device) => `crw-rw-rw- 0 ${device}`),
  ],
  [
    "links to what a process has open",
    "cd /dev; ls -l fd ptmx stdin stdout stderr | awk '{print $NF}'; ls -d /dev/fd/0 /dev/fd/1",
    [
      ...["/proc/self/fd", "pts/ptmx", "/proc/self/fd/2", "/proc/self/fd/0", "/proc/self/fd/1"],
      ...["/dev/fd/0", "/dev/fd/1"],
    ],
  ],
  [
    "room for shared memory and queues of its own",
    "ls -ld /dev/shm /dev/mqueue /dev/pts | awk '{print $1, $NF}'; touch /dev/shm/x && ls /dev/shm",
    ["drwxrwxrwt /dev/mqueue", "drwxr-xr-x /dev/pts", "drwxrwxrwt /dev/shm", "x"],
  ],
  [
    "devices that do what they are there for",
    "echo x > /dev/null; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; cat /dev/null; echo x 2>/dev/null >/dev/full || echo full",
    ["3", "3", "full"],
  ],
  [
    "no terminal where it was given none",
    "tty; echo $?; [ -t 0 ] || echo none",
    ["not a tty", "1", "none"],
  ],
  [
    "the interfaces of its network",
    "cd /sys/class/net; ls; cat lo/address lo/mtu lo/ifindex lo/type lo/operstate; ls -l lo | awk '{print $NF}'",
    ["lo", "00:00:00:00:00:00", "65536", "1", "772", "unknown", "../../devices/virtual/net/lo"],
  ],
  ["them in /proc/net/dev, too", "awk -F: 'NR > 2 {print $1}' /proc/net/dev | tr -d ' '", ["lo"]],
  [
    "the directories of sysfs",
    "ls -d /sys/block /sys/bus /sys/class /sys/dev /sys/devices /sys/firmware /sys/fs /sys/kernel /sys/module; ls /sys/firmware",
    ["block", "bus", "class", "dev", "devices", "firmware", "fs", "kernel", "module"].map(
      (name) => `/sys/${name}`,
    ),
  ],
  [
    "as many CPUs as it may use",
    "cd /sys/devices/system/cpu; cat online | grep -c '^0'; [ $(ls -d cpu[0-9]* | wc -l) -ge $(nproc) ] && echo enough",
    ["1", "enough"],
  ],
  [
    "its cgroups as roots",
    "cut -d: -f3 /proc/self/cgroup | sort -u; [ $(find /sys/fs/cgroup/ -maxdepth 2 -name cgroup.procs | wc -l) -ge 1 ] && echo there",
    ["/", "there"],
  ],
  [
    "what is mounted in it",
    `awk '$2 == "/" || $2 ~ "^/(dev|sys|proc)(/pts|/shm|/mqueue)?$" {print $2, $3}' /proc/mounts | sort`,
    [
      ...["/ overlay", "/dev tmpfs", "/dev/mqueue mqueue", "/dev/pts devpts", "/dev/shm tmpfs"],
      ...["/proc proc", "/sys sysfs"],
    ],
  ],
  [
    "its limits",
    "grep -c . /proc/self/limits; grep '^Max open files' /proc/self/limits | awk '{print $1, $3, $NF}'",
    ["17", "Max files files"],
  ],
  ["how busy the machine is", "awk '{print NF}' /proc/loadavg", ["5"]],
  [
    "its limits by the shell, too",
    "ulimit -n 64; ulimit -n; ulimit -Sn 32; ulimit -n; ulimit -Hn; ulimit -c 0; ulimit -c; ulimit -Sn 65 2>/dev/null || echo refused",
    ["64", "32", "64", "0", "refused"],
  ],
  [
    "bytes where a program puts them",
    "cd /tmp; printf abcdef >f; printf XY | dd of=f bs=1 seek=2 conv=notrunc 2>/dev/null; cat f; echo; printf Z | dd of=f bs=1 seek=1 2>/dev/null; cat f; echo",
    ["abXYef", "aZ"],
  ],
];

export function machineCases(bench: () => Bench): void {
  it.each(SCRIPTS)("shows a container %s", async (_what, script, says) => {
    const { stdout, stderr } = await bench().sh(script);
    const lines = stdout.split("\n").map((line) => line.trim());
    expect({ lines, stderr }).toEqual({ lines: [...says, ""], stderr: "" });
  });

  it("limits what joins a container as it limits the container", async () => {
    const limits = [{ name: "nofile", soft: 100, hard: 200 }];
    await bench().start("limited", "while :; do sleep 0.05; done", { limits, oomScoreAdj: 300 });
    const script = "grep '^Max open files' /proc/self/limits; cat /proc/self/oom_score_adj";
    const { stdout } = await bench().exec("limited", { command: ["sh", "-c", script] });
    expect(stdout.trim().split(/\s+/)).toEqual([
      "Max",
      "open",
      "files",
      "100",
      "200",
      "files",
      "300",
    ]);
  });

  it("has what runs in a container make its files with the usual bits, or those that are asked for", async () => {
    expect((await bench().sh("umask")).stdout).toBe("0022\n");
    await bench().start("closed", "while :; do sleep 0.05; done", { umask: 0o077 });
    const { stdout } = await bench().exec("closed", { command: ["sh", "-c", "umask"] });
    expect(stdout).toBe("0077\n");
  });

  it("writes what is asked for to files of cgroup v2, after all others", async () => {
    const resources = { pids: 30, unified: { "pids.max": "17" } };
    const script = "cat /sys/fs/cgroup/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids/pids.max";
    const { stdout } = await bench().sh(`[ -e /sys/fs/cgroup/pids ]; echo $?; ${script}`, {
      resources,
    });
    // v1 has no such file: what it has is as the other option says.
    expect(["0\n30\n", "1\n17\n"]).toContain(stdout);
    const wrong = { unified: { "cgroup.freeze": "1" } };
    expect((await refusal(bench().sh("true", { resources: wrong }))).kind).toBe("invalid");
  });

  it("gives a container and what joins it a session keyring of their own", async () => {
    for (const users of [{}, { userns: "auto" }]) {
      const more = { name: "ringed", systemPaths: "unconfined", ...users } as const;
      await bench().start("ringed", "while :; do sleep 0.05; done", more);
      const name = `_ses.${bench().containers.get("ringed").id}`;
      const { stdout } = await bench().exec("ringed", { command: ["cat", "/proc/keys"] });
      const lines = stdout.split("\n").filter((line) => line.includes(name));
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(/ perm 3f1b0000 +0 +0 keyring /);
      await bench().containers.remove("ringed", { force: true });
    }
  });

  it("gives a container the time zone of the machine that it asks for, and no other file", async () => {
    const script = "head -c 4 /etc/localtime; wc -c < /etc/localtime";
    for (const timeZone of ["UTC", "Etc/UTC", "local"]) {
      expect((await bench().sh(script, { timeZone })).stdout).toMatch(/^TZif\d+\n$/);
    }
    // Written by the container, it stays its own.
    const changed = "echo changed > /etc/localtime && cat /etc/localtime";
    expect((await bench().sh(changed, { timeZone: "UTC" })).stdout).toBe("changed\n");
    expect((await bench().sh(script, { timeZone: "UTC" })).stdout).toMatch(/^TZif/);
    for (const timeZone of [
      "../../../etc/passwd",
      "/etc/localtime",
      "Etc",
      "No/Such",
      "Etc/../UTC",
    ]) {
      const { kind, message } = await refusal(bench().sh("true", { timeZone }));
      expect({ kind, message }).toEqual({
        kind: "invalid",
        message: `invalid time zone ${JSON.stringify(timeZone)}`,
      });
    }
    expect(bench().containers.list({ all: true })).toEqual([]);
  });

  it("leaves a container its image's /etc/hosts where it is to keep it", async () => {
    const script = "cat /etc/hosts; cat /etc/hostname";
    const { stdout } = await bench().sh(script, { imageHosts: true, hostname: "box" });
    expect(stdout).toBe("box\n");
    const both = { imageHosts: true, extraHosts: ["db:10.0.0.7"] };
    expect((await refusal(bench().sh("true", both))).message).toContain("cannot be set together");
  });

  it("leaves out variables of the image and the defaults, also for what joins", async () => {
    const environment = ["A=mine"];
    const env = async (more: object) => (await bench().run(["/bin/env"], more)).stdout;
    const bare = await env({ environment, unsetEnvironment: "all", hostname: "box" });
    expect(bare.trim().split("\n").sort()).toEqual(["A=mine", "HOME=/root", "HOSTNAME=box"]);
    expect(await env({ environment, unsetEnvironment: ["PATH"] })).not.toContain("PATH=");
    const loop = "while :; do /bin/sleep 0.05; done";
    const image = bench().subject.image;
    const command = ["/bin/sh", "-c", loop];
    const more = { image, command, detached: true, name: "bare" };
    await bench().containers.run({ ...more, unsetEnvironment: ["PATH"] });
    const { stdout } = await bench().exec("bare", { command: ["/bin/env"] });
    expect(stdout).toMatch(/^HOSTNAME=/m);
    expect(stdout).not.toContain("PATH=");
  });

  it("changes variables of the image with the image's own in them, also for what joins", async () => {
    const mergeEnvironment = [`PATH=\${PATH}:/opt/x`, "NOT_THERE=$PATH"];
    const { stdout } = await bench().run(["/bin/env"], { mergeEnvironment });
    expect(stdout).toMatch(/^PATH=\/.*bin:\/opt\/x$/m);
    expect(stdout).not.toContain("NOT_THERE");
    await bench().start("merged", "while :; do sleep 0.05; done", { mergeEnvironment });
    const joined = await bench().exec("merged", { command: ["/bin/env"] });
    expect(joined.stdout).toMatch(/^PATH=\/.*bin:\/opt\/x$/m);
    const wrong = { mergeEnvironment: [`PATH=\${PATH`] };
    expect((await refusal(bench().sh("true", wrong))).message).toContain(
      `--env-merge PATH=\${PATH:`,
    );
  });

  it("leaves a container its console when others come with terminals of their own", async () => {
    await bench().start("console", "while :; do sleep 0.05; done", { terminal: true });
    const seen = { command: ["sh", "-c", "tty >/seen"], terminal: true, detached: true };
    await bench().containers.exec("console", seen);
    const script = "cat /seen; ls -l /dev/console | awk '{print $5, $6}'";
    const look = async () =>
      (await bench().exec("console", { command: ["sh", "-c", script] })).stdout;
    await expect.poll(look, { timeout: 20_000 }).toBe("/dev/pts/1\n136, 0\n");
  });

  it("gives a container a terminal that its tools know", async () => {
    const script = [
      ...["tty", "stty rows 5 cols 20", "stty size", "[ -t 1 ] && echo shown"],
      ...["ls -l /dev/pts/0 /dev/console | awk '{print $1, $5, $6}'"],
      ...["stty -echo", "stty -a | grep -c -- '-echo\\b'", "stty sane"],
      ...["ls -l /proc/self/fd/0 | awk '{print $NF}'", "echo typed > /dev/tty"],
    ].join("; ");
    await bench().start("seen", script, { terminal: true });
    await bench().containers.wait("seen");
    expect((await bench().logs("seen")).map((line) => line.trim())).toEqual([
      ...["stdout /dev/pts/0", "stdout 5 20", "stdout shown"],
      ...["stdout crw--w---- 136, 0", "stdout crw--w---- 136, 0"],
      ...["stdout 1", "stdout /dev/pts/0", "stdout typed"],
    ]);
  });
}
