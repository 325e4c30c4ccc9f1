// Containers with users of their own, on whatever kernel: part of engineContract.

import { hostId, parseIdMapping } from "@nacre/core/user-namespace/id-map.ts";
import { expect, it } from "vitest";
import { type Bench, refusal } from "./engine.ts";
import { contentsOf } from "./engine-archives.ts";
import { tarOf } from "./engine-files.ts";

const LOOP = "while :; do sleep 0.05; done";
const AUTO = { userns: "auto" };

/** The lines of a map as one script prints them. */
const words = (text: string): string[] => text.trim().split(/\s+/);

/** Who owns each path, in this order. */
const owners = (...paths: readonly string[]): string =>
  `for p in ${paths.join(" ")}; do ls -lnd $p | awk '{print $3 ":" $4}'; done`;

/** What `owners` prints of paths that all belong to root. */
const roots = (count: number): string => "0:0\n".repeat(count);

export function userCases(bench: () => Bench): void {
  rootCases(bench);
  machineCases(bench);
  sharedCases(bench);
  fileCases(bench);
  refusedCases(bench);
}

function rootCases(bench: () => Bench): void {
  it("gives a container a root that is nobody on the machine", async () => {
    await bench().start("rooted", `id -u; cat /proc/self/uid_map; echo ready; ${LOOP}`, AUTO);
    await bench().says("rooted", "ready");
    const { users, process } = bench().containers.get("rooted");
    const first = hostId(users?.uids ?? [], 0) as number;
    expect(first).toBeGreaterThan(0);
    const [id, map] = await bench().logs("rooted");
    expect(id?.trim()).toBe("stdout 0");
    expect(words(map as string)).toEqual(["stdout", "0", `${first}`, "65536"]);
    const [shown] = bench().containers.top("rooted");
    expect(shown).toMatchObject({ pid: process?.pid, uid: first });
    const inside = await bench().exec("rooted", {
      command: ["sh", "-c", "id -u; id -g; cat /proc/self/gid_map"],
    });
    expect(words(inside.stdout)).toEqual(["0", "0", "0", `${first}`, "65536"]);
    const other = await bench().exec("rooted", { command: ["id", "-u"], user: "1000:1000" });
    expect(other).toMatchObject({ code: 0, stdout: "1000\n" });
  });

  it("lets its root, with the power to, name what is its own", async () => {
    const named = { ...AUTO, capabilities: { add: ["SYS_ADMIN"], drop: [] } };
    expect((await bench().sh("hostname pearl && hostname", named)).stdout).toBe("pearl\n");
    expect((await bench().sh("hostname pearl", AUTO)).code).toBe(1);
  });

  it("limits what joins such a container, too", async () => {
    const limits = [{ name: "nofile", soft: 100, hard: 200 }];
    await bench().start("bounded", LOOP, { ...AUTO, limits, oomScoreAdj: 300, umask: 0o27 });
    const script = "grep '^Max open files' /proc/self/limits; cat /proc/self/oom_score_adj; umask";
    const { stdout } = await bench().exec("bounded", { command: ["sh", "-c", script] });
    expect(words(stdout)).toEqual(words("Max open files 100 200 files 300 0027"));
  });

  it("has few descriptors from its execution on, though more are needed to make it", async () => {
    const limits = [{ name: "nofile", soft: 8, hard: 9 }];
    const script = "grep '^Max open files' /proc/self/limits";
    for (const more of [{}, AUTO]) {
      const { stdout, stderr } = await bench().sh(script, { ...more, limits });
      expect([words(stdout), stderr]).toEqual([words("Max open files 8 9 files"), ""]);
    }
    await bench().start("few", LOOP, { ...AUTO, limits, init: true });
    const { stdout } = await bench().exec("few", { command: ["sh", "-c", script] });
    expect(words(stdout)).toEqual(words("Max open files 8 9 files"));
  });

  it("shows an image's files, and what is changed of them, as the container's own", async () => {
    const script = [
      owners("/bin", "/sub/old", "/sub", "/dev/null", "/dev/pts", "/etc/hosts"),
      "echo more >>/sub/old; touch /fresh; mkdir -p /deep/er; chown 7:8 /deep",
      owners("/sub/old", "/fresh", "/deep", "/deep/er"),
    ].join("; ");
    const { stdout, stderr } = await bench().sh(script, AUTO);
    expect({ stdout, stderr }).toEqual({
      stdout: `${roots(8)}7:8\n${roots(1)}`,
      stderr: "",
    });
  });

  it("removes and replaces what an image has", async () => {
    const script = "rm -r /sub; mkdir /sub; ls /sub; echo new >/sub/old; cat /sub/old";
    expect(await bench().sh(script, AUTO)).toEqual({ code: 0, stdout: "new\n", stderr: "" });
  });

  it("takes maps as they are written", async () => {
    const uids = [
      parseIdMapping("0:300000:10", "--uidmap"),
      parseIdMapping("77:5000:2", "--uidmap"),
    ];
    const script = "cat /proc/self/uid_map /proc/self/gid_map; id -u";
    const { stdout } = await bench().sh(script, { idMaps: { uids }, user: "78:0" });
    const lines = ["0", "300000", "10", "77", "5000", "2"];
    expect(words(stdout)).toEqual([...lines, ...lines, "78"]);
  });
}

function machineCases(bench: () => Bench): void {
  it("shares the machine's network and processes, and has no power over them", async () => {
    const machine = { network: "host", namespaces: { pid: "host" } } as const;
    const script = "id -u; test $$ -gt 1 && echo among; kill -9 1 2>/dev/null || echo kept";
    const { stdout } = await bench().sh(script, { ...AUTO, ...machine });
    expect(stdout).toBe("0\namong\nkept\n");
  });
}

function sharedCases(bench: () => Bench): void {
  it("gives no two containers the same IDs, and takes them back with the container", async () => {
    const firstOf = (name: string) => hostId(bench().containers.get(name).users?.uids ?? [], 0);
    const { image } = bench().subject;
    for (const name of ["one", "two"]) {
      await bench().containers.create({ image, name, command: ["true"], ...AUTO });
    }
    const [one, two] = [firstOf("one") as number, firstOf("two") as number];
    expect(two).toBe(one + 65536);
    await bench().containers.remove("one");
    await bench().containers.create({
      image,
      name: "three",
      command: ["true"],
      userns: "auto:size=100",
    });
    expect(firstOf("three")).toBe(one);
    expect(bench().containers.get("three").users?.uids).toEqual([
      { containerID: 0, hostID: one, size: 100 },
    ]);
  });

  it("joins another container's users, beside its other namespaces", async () => {
    await bench().start("lender", `echo ready; ${LOOP}`, AUTO);
    await bench().says("lender", "ready");
    const { users } = bench().containers.get("lender");
    const script = "cat /proc/self/uid_map; ps | grep -c sleep";
    const more = {
      userns: "container:lender",
      network: "container:lender",
      namespaces: { pid: "container:lender" },
    };
    const { stdout, stderr } = await bench().sh(script, more);
    expect(stderr).toBe("");
    expect(words(stdout).slice(0, 3)).toEqual(["0", `${users?.uids[0]?.hostID}`, "65536"]);
    const apart = await bench().sh("cat /proc/self/uid_map", { ...more, ...AUTO });
    expect(apart.stderr).toBe("");
    expect(words(apart.stdout)[1]).toBe(`${(users?.uids[0]?.hostID as number) + 65536}`);
  });
}

function fileCases(bench: () => Bench): void {
  it("says of what was changed whose it is in the container", async () => {
    const script = `mkdir /kept; echo text >/kept/file; chown 7:8 /kept/file; echo ready; ${LOOP}`;
    await bench().start("changer", script, AUTO);
    await bench().says("changer", "ready");
    {
      await using files = await bench().containers.files("changer");
      const { tree } = await contentsOf(files.read("/kept"));
      expect(["kept", "kept/file"].map((path) => tree.lookup(path)?.uid)).toEqual([0, 7]);
      await files.write("/kept", tarOf({ path: "given", text: "in", uid: 5, gid: 6 }));
    }
    const { stdout } = await bench().exec("changer", {
      command: ["sh", "-c", owners("/kept/file", "/kept/given")],
    });
    expect(stdout).toBe("7:8\n5:6\n");
    await bench().containers.remove("changer", { force: true });
  });

  it("copies in and out of one that does not run, and commits it, by the container's IDs", async () => {
    await bench().start("ended", "echo text >/file; chown 7:8 /file", AUTO);
    await bench().containers.wait("ended");
    {
      await using files = await bench().containers.files("ended");
      expect((await contentsOf(files.read("/file"))).tree.lookup("file")?.uid).toBe(7);
      await files.write("/", tarOf({ path: "given", text: "in", uid: 5, gid: 6 }));
    }
    await bench().containers.start("ended");
    await bench().containers.wait("ended");
    const { engine } = bench().subject;
    await engine.archives.commit("ended", { reference: "committed:1" });
    const image = { image: "committed:1" };
    for (const more of [image, { ...image, ...AUTO }]) {
      const { stdout } = await bench().sh(owners("/file", "/given"), more);
      expect(stdout).toBe("7:8\n5:6\n");
    }
    await engine.images.remove("committed:1", { force: true });
  });

  it("fills and gives volumes to the container's users", async () => {
    const mounts = [
      { type: "volume", name: "users-filled", target: "/sub", readOnly: false },
      { type: "volume", name: "users-empty", target: "/empty", readOnly: false },
    ] as const;
    const script = `touch /empty/made; ${owners("/sub/old", "/empty", "/empty/made")}`;
    const { stdout, stderr } = await bench().sh(script, { ...AUTO, mounts });
    expect({ stdout, stderr }).toEqual({
      stdout: roots(3),
      stderr: "",
    });
    const plain = await bench().sh(`${owners("/empty/made")} | cut -d: -f1`, { mounts });
    expect(Number(plain.stdout)).toBeGreaterThan(65535);
    for (const { name } of mounts) await bench().subject.engine.volumes.remove(name);
  });
}

function refusedCases(bench: () => Bench): void {
  it.each([
    [{ ...AUTO, image: "host" }, "conflict", "the machine's own root"],
    [{ userns: "keep-id" }, "unsupported", "--userns keep-id"],
    [{ userns: "auto:size=0" }, "invalid", "--userns auto: size=0"],
    [{ userns: "auto:size=3000000000" }, "no-space", "--userns auto: no 3000000000 IDs"],
    [{ userns: "nonsense" }, "invalid", "--userns: invalid USER mode"],
    [{ userns: "container:nobody" }, "not-found", "no such container: nobody"],
    [{ userns: "ns:/proc/999999/ns/user" }, "not-found", "--userns ns:"],
    [{ idMaps: { subuidName: "nobody-has-this" } }, "not-found", "--subuidname"],
    [{ ...AUTO, idMaps: { subuidName: "x" } }, "conflict", "--uidmap"],
    [{ userns: "auto:size=10", user: "10" }, "invalid", "user: ID 10"],
    [{ userns: "auto:size=10", groups: ["10"] }, "invalid", "group: ID 10"],
  ] as const)("refuses %j by name, and leaves nothing", async (more, kind, message) => {
    const error = await refusal(bench().sh("true", more));
    expect(error).toMatchObject({ kind, message: expect.stringContaining(message) });
    expect(
      bench()
        .containers.list({ all: true })
        .filter(({ status }) => status !== "created"),
    ).toEqual([]);
  });
}
