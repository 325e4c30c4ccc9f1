// Containers that divide their cgroup, as systemd does, on whatever kernel: part of fileCases.

import { expect, it } from "vitest";
import type { Bench } from "./engine.ts";

const LOOP = "while :; do sleep 0.05; done";
/** Its own node, where it may write: the only hierarchy, or one of v1. */
const NODE = "d=/sys/fs/cgroup; [ -d $d/pids ] && d=$d/pids";

export function systemdCases(bench: () => Bench): void {
  const env = async (more: object, command = ["/bin/env"]) =>
    (await bench().run(command, { ...more })).stdout.trim().split("\n");
  const isThere = (path: string) =>
    bench()
      .subject.engine.cgroups.tree(path)
      .then(
        () => true,
        () => false,
      );

  it("takes down the groups that a container has made below its own", async () => {
    const script = `${NODE}; mkdir $d/a $d/b && mkdir $d/a/c && echo made; echo 0 >$d/a/c/cgroup.procs`;
    const command = ["sh", "-c", script];
    const request = { image: bench().subject.image, command, privileged: true, name: "divides" };
    const { id } = await bench().containers.create(request);
    for (const count of [1, 2]) {
      const { exited } = await bench().containers.start(id);
      expect(await exited).toBe(0);
      expect(await bench().logs("divides")).toHaveLength(count);
      expect(await isThere(`/nacre/${id}`)).toBe(false);
    }
  });

  it("joins one that has divided its group, lists all that is in it, and ends all of it", async () => {
    const divide = [
      ...[NODE, "mkdir $d/init $d/other", "echo 0 >$d/init/cgroup.procs"],
      "[ -e $d/cgroup.subtree_control ] && echo +pids >$d/cgroup.subtree_control",
      ...["sleep 1000 & echo $! >$d/other/cgroup.procs", "echo ready", LOOP],
    ].join("; ");
    await bench().start("divided", divide, { privileged: true });
    await bench().says("divided", "ready");
    expect((await bench().exec("divided", { command: ["true"] })).code).toBe(0);
    const listed = bench().containers.top("divided");
    expect(listed.map(({ arguments: words }) => words[0])).toContain("sleep");
    const { id } = bench().containers.get("divided");
    await bench().containers.stop("divided", { timeoutMs: 0 });
    expect(await isThere(`/nacre/${id}`)).toBe(false);
  });

  it("gives systemd what it looks for in a container", async () => {
    const mode = { systemd: "always", hostname: "box" } as const;
    const variables = await env(mode);
    expect(variables).toContain("container=nacre");
    expect(variables.join("\n")).toMatch(/^container_uuid=[0-9a-f]{32}$/m);
    expect(await env({ ...mode, environment: ["container=mine"] })).toContain("container=mine");
    const places = ["/run", "/run/lock", "/tmp", "/var/log/journal"];
    const look = `for p in ${places.join(" ")}; do grep -c " $p tmpfs rw" /proc/mounts; done`;
    const made = await bench().sh(`${look}; ls -ld /run /tmp | awk '{print $1}'`, mode);
    expect(made.stdout).toBe("1\n1\n1\n1\ndrwxr-xr-x\ndrwxrwxrwt\n");
    const mounts = [{ type: "tmpfs", target: "/tmp", options: ["size=1m"] } as const];
    const own = await bench().sh("grep ' /tmp ' /proc/mounts", { ...mode, mounts });
    expect(own.stdout.trim().split("\n")).toEqual([expect.stringMatching(/size=1(m|024k)/)]);
  });

  it("goes by the command, where that is asked for, and stops it as systemd is stopped", async () => {
    const { image } = bench().subject;
    const made = async (command: string, more: object = {}) => {
      const request = { image, command: [command], systemd: "detect" as const, ...more };
      const { id, request: kept } = await bench().containers.create(request);
      const { Config } = bench().containers.inspect(id) as {
        Config: { StopSignal: string; SystemdMode?: boolean };
      };
      return [kept.systemd ?? "no", Config.StopSignal, Config.SystemdMode ?? false];
    };
    const on = ["always", "SIGRTMIN+3", true];
    for (const command of ["/sbin/init", "/usr/sbin/init", "/usr/lib/systemd/systemd", "systemd"]) {
      expect(await made(command), command).toEqual(on);
    }
    for (const command of ["/bin/sh", "init", "/opt/init"]) {
      expect(await made(command), command).toEqual(["no", "SIGTERM", false]);
    }
    expect(await made("/bin/sh", { systemd: "always" })).toEqual(on);
    expect(await made("/sbin/init", { stopSignal: "INT" })).toEqual(["always", "INT", true]);
    expect(
      (await bench().containers.create({ image, command: ["/sbin/init"] })).request.systemd,
    ).toBe(undefined);
  });
}
