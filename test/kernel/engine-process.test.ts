// What a container's process is, may do and sees, as options change it.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { benchForTests, NACRE, shellImage } from "./engine-bench.ts";

const bench = benchForTests();

const prints = (options: string[], script: string) => bench.prints(options, ["sh", "-c", script]);
const refusal = async (...options: string[]) => {
  const { code, stderr } = await bench.nacre(["run", "--rm", ...options, bench.name(), "true"]);
  expect(code).toBe(125);
  return stderr;
};

describe("names", () => {
  it("are added to /etc/hosts, and asked for where one says", async () => {
    const options = ["--add-host", "db:10.0.0.7", "--add-host", "six=[::1]"];
    expect(await prints(options, "cat /etc/hosts")).toMatch(/^10\.0\.0\.7\tdb$[\s\S]*^::1\tsix$/m);
    const dns = ["--dns", "1.1.1.1", "--dns-search", "example.com", "--dns-opt", "ndots:2"];
    expect(await prints(dns, "cat /etc/resolv.conf")).toBe(
      "nameserver 1.1.1.1\nsearch example.com\noptions ndots:2",
    );
  });

  it("of the machine's own gateway need a network that has one", async () => {
    expect(await refusal("--add-host", "host:host-gateway")).toContain("has no gateway");
    const options = ["--network", "host", "--add-host", "me:host-gateway"];
    expect(await prints(options, "grep me$ /etc/hosts")).toBe("127.0.0.1\tme");
  });

  it("of the host and its domain are the container's own", async () => {
    const options = ["--hostname", "box", "--domainname", "shell.example"];
    expect(await prints(options, "hostname; cat /proc/sys/kernel/domainname")).toBe(
      "box\nshell.example",
    );
  });
});

describe("what is podman's alone", () => {
  it("a time zone, and the image's hosts", async () => {
    const summer = "date -d @1719828000 +%z";
    expect(await prints(["--tz", "Europe/Berlin"], summer)).toBe("+0200");
    expect(await prints(["--no-hosts"], "test -e /etc/hosts || echo none")).toBe("none");
    expect(await refusal("--tz", "../../../etc/shadow")).toContain("invalid time zone");
  });
});

describe("limits of the process", () => {
  it("hold from its first instruction on", async () => {
    const options = ["--ulimit", "nofile=64:128", "--ulimit", "core=0", "--oom-score-adj", "500"];
    const script = "ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj";
    expect(await prints(options, script)).toBe("64\n128\n0\n500");
    expect(await refusal("--oom-score-adj", "2000")).toContain("range for oom score adj");
  });

  it("of shared memory and the kernel's parameters are its namespaces' own", async () => {
    expect(await prints(["--shm-size", "8m"], "df -k /dev/shm | tail -1")).toMatch(/ 8192 /);
    const before = readFileSync("/proc/sys/kernel/msgmax", "utf8");
    const sysctl = ["--sysctl", "kernel.msgmax=4096", "--sysctl", "net.ipv4.ip_forward=1"];
    const files = "cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward";
    expect(await prints(sysctl, files)).toBe("4096\n1");
    expect(readFileSync("/proc/sys/kernel/msgmax", "utf8")).toBe(before);
  });
});

describe("the bits of new files", () => {
  it("are the usual ones, whoever starts it", async () => {
    const words = ["run", "--rm", "--network", "none", bench.name(), "sh", "-c", "umask"];
    const shell = ["-c", 'umask 077; exec "$@"', "-", NACRE, "--root", bench.root, ...words];
    expect(execFileSync("sh", shell, { encoding: "utf8" })).toBe("0022\n");
    expect(await prints(["--umask", "0027"], "umask; umask 0; umask")).toBe("0027\n0000");
    expect(await refusal("--umask", "888")).toContain("an octal number");
  });
});

describe("terminals of those who join", () => {
  it("come and go, and the console is not one of them", async () => {
    const sleeps = [bench.name(), "sleep", "1000"];
    await bench.does(["run", "-d", "--network", "none", "--name", "seats", ...sleeps]);
    // Where the last one's terminal lay on /dev/console, the next one's could not be put there.
    for (const _ of [1, 2, 3]) {
      expect((await bench.does(["exec", "-t", "seats", "tty"])).trim()).toBe("/dev/pts/0");
    }
    const { code } = await bench.nacre(["exec", "seats", "test", "-e", "/dev/console"]);
    expect(code).toBe(1);
    await bench.does(["rm", "-f", "seats"]);
  });
});

describe("groups and powers", () => {
  it("are those that were asked for", async () => {
    expect(await prints(["--group-add", "44", "--user", "5:6"], "id -G")).toBe("6 44");
    expect(await refusal("--group-add", "nobodies")).toContain("unable to find group nobodies");
    const effective = async (...options: string[]) =>
      BigInt(`0x${await prints(options, "sed -n 's/CapEff:.//p' /proc/self/status")}`);
    const usual = await effective();
    const NET_ADMIN = 1n << 12n;
    const CHOWN = 1n;
    expect(usual & (NET_ADMIN | CHOWN)).toBe(CHOWN);
    expect(await effective("--cap-add", "NET_ADMIN", "--cap-drop", "chown")).toBe(
      (usual | NET_ADMIN) & ~CHOWN,
    );
    expect(await effective("--cap-drop", "ALL")).toBe(0n);
    expect(await effective("--cap-drop", "ALL", "--cap-add", "CAP_CHOWN")).toBe(CHOWN);
    expect(await refusal("--cap-add", "FLY")).toContain("unknown capability");
  });

  it("are not gained by setuid programs where one says so", async () => {
    const script = "grep NoNewPrivs /proc/self/status";
    expect(await prints(["--security-opt", "no-new-privileges"], script)).toMatch(/1$/);
    expect(await prints(["--security-opt", "no-new-privileges=false"], script)).toMatch(/0$/);
  });

  it("are all there for a privileged container, and for a privileged command", async () => {
    await bench.unchanged(async () => {
      const script =
        "sed -n 's/CapEff:.//p' /proc/self/status; ls /dev | wc -l; mount -t tmpfs x /mnt && echo mounted";
      const [powers = "", devices, mounted] = (
        await prints(["--privileged"], `mkdir /mnt; ${script}`)
      ).split("\n");
      expect(powers).toBe(capabilitiesOfThisMachine());
      expect(Number(devices)).toBeGreaterThan(15);
      expect(mounted).toBe("mounted");
      await bench.does(["run", "-d", "--name", "plain", bench.name(), "sleep", "99"]);
      const status = ["sed", "-n", "s/CapEff:.//p", "/proc/self/status"];
      expect(await bench.does(["exec", "--privileged", "plain", ...status])).toBe(powers);
      expect(await bench.does(["exec", "plain", ...status])).not.toBe(powers);
      await bench.does(["rm", "-f", "plain"]);
    });
  });
});

/** The bounding set of this process: nobody can give more. */
const capabilitiesOfThisMachine = (): string =>
  /^CapBnd:\t(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!;

describe("devices", () => {
  it("are there and can be opened as far as was asked", async () => {
    const device = existsSync("/dev/fuse") ? "/dev/fuse" : "/dev/loop-control";
    const open =
      "for m in '<' '>'; do (eval \"exec 9$m/dev/mine\") 2>/dev/null && echo can || echo cannot; done";
    expect(await prints(["--device", `${device}:/dev/mine`], open)).toBe("can\ncan");
    expect(await prints(["--device", `${device}:/dev/mine:r`], open)).toBe("can\ncannot");
    expect(await refusal("--device", "/dev/nothing-there")).toContain("is no device");
  });
});

describe("namespaces", () => {
  const kinds = ["pid", "ipc", "uts", "cgroup"] as const;
  const own = (kind: string): string => readlinkSync(`/proc/self/ns/${kind}`);

  it.each(kinds)(
    "%s is the machine's where one says host, and else the container's own",
    async (kind) => {
      const option = kind === "cgroup" ? "--cgroupns" : `--${kind}`;
      const script = `readlink /proc/self/ns/${kind}`;
      expect(await prints([option, "host"], script)).toBe(own(kind));
      expect(await prints([option, "private"], script)).not.toBe(own(kind));
      expect(await refusal(option, "bogus")).toContain("invalid");
    },
  );

  it("of another container are joined", async () => {
    await bench.unchanged(async () => {
      const run = ["run", "-d", "--name", "lender", "--hostname", "theirs", "--ipc", "shareable"];
      await bench.does([...run, bench.name(), "sleep", "98"]);
      const joined = ["--pid", "ipc", "--uts"].map((o) => o.replace(/^(?!--)/, "--"));
      const options = joined.flatMap((o) => [o, "container:lender"]);
      await bench.does(["exec", "lender", "sh", "-c", "echo shared > /dev/shm/f"]);
      expect(await prints(["--ipc", "container:lender"], "cat /dev/shm/f")).toBe("shared");
      const script =
        "for k in pid ipc uts net; do readlink /proc/self/ns/$k; done; hostname; ps -o args";
      const [pid, ipc, uts, net, name, ...processes] = (
        await prints([...options, "--network", "container:lender"], script)
      ).split("\n");
      const theirs = await bench.does([
        "exec",
        "lender",
        "sh",
        "-c",
        "for k in pid ipc uts net; do readlink /proc/self/ns/$k; done",
      ]);
      expect([pid, ipc, uts, net].join("\n")).toBe(theirs);
      expect(name).toBe("theirs");
      expect(processes.join("\n")).toContain("sleep 98");
      await bench.does(["stop", "-t", "0", "lender"]);
      expect(await refusal("--pid", "container:lender")).toContain(
        "cannot join container lender: it is exited",
      );
      expect(await refusal("--network", "container:nobody")).toContain("no such container: nobody");
      await bench.does(["rm", "lender"]);
    });
  });

  it("of ipc are lent by those only that share theirs", async () => {
    await bench.does(["run", "-d", "--name", "alone", bench.name(), "sleep", "98"]);
    expect(await refusal("--ipc", "container:alone")).toContain(
      "container alone does not share its ipc namespace",
    );
    await bench.does(["rm", "-f", "alone"]);
  });

  it("of ipc may have no shared memory at all", async () => {
    expect(await prints(["--ipc", "none"], "ls /dev | grep -c shm || true")).toBe("0");
  });
});

describe("the end", () => {
  it("comes by the signal and after the time that were asked for", async () => {
    const trap = "trap 'exit 9' USR2; trap '' TERM; echo ready; while :; do sleep 0.05; done";
    const image = bench.add("stubborn", shellImage({ process: { StopSignal: "SIGTERM" } })).name;
    await bench.does(["pull", "-q", image]);
    await bench.does([
      "run",
      "-d",
      "--name",
      "told",
      "--stop-signal",
      "USR2",
      image,
      "sh",
      "-c",
      trap,
    ]);
    await bench.until(async () => (await bench.does(["logs", "told"])) === "ready");
    await bench.does(["stop", "told"]);
    expect(await bench.does(["wait", "told"])).toBe("9");
    await bench.does([
      "run",
      "-d",
      "--name",
      "deaf",
      "--stop-timeout",
      "0",
      image,
      "sh",
      "-c",
      trap,
    ]);
    await bench.does(["stop", "deaf"]);
    expect(await bench.does(["wait", "deaf"])).toBe("137");
    await bench.does(["rm", "told", "deaf"]);
    expect(await refusal("--stop-signal", "SIGNOPE")).toContain("invalid signal: SIGNOPE");
  });
});
