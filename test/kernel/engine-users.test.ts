// Containers with users of their own, on the real kernel: who they are on the machine, whose their
// files are there, and that nothing of it is left, whatever fails on the way.

import { execFileSync } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tar } from "../images/tar.ts";
import { benchForTests, shellImage } from "./engine-bench.ts";

/** A program that prints who it is and whom it acts as, made by the compiler that makes nacre-init. */
function whoProgram(): Buffer {
  const directory = mkdtempSync(join(tmpdir(), "nacre-who-"));
  const code =
    '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("%d %d\\n", getuid(), geteuid()); return 0; }\n';
  try {
    writeFileSync(join(directory, "who.c"), code);
    execFileSync("cc", ["-static", "-s", "-o", join(directory, "who"), join(directory, "who.c")]);
    return readFileSync(join(directory, "who"));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

let image: string;
let folder: string;
const bench = benchForTests(async (bench) => {
  const accounts = "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n";
  const layer = tar([
    { name: "etc/", type: "directory", mode: 0o755 },
    { name: "etc/passwd", content: accounts, mode: 0o644 },
    { name: "passwd-like", content: whoProgram(), mode: 0o4755 },
    { name: "secret", content: "root's\n", mode: 0o600 },
    { name: "theirs", content: "user's\n", mode: 0o640, uid: 1000, gid: 1000 },
  ]);
  image = bench.add("users", shellImage({ layers: [{ tar: layer }] })).name;
  await bench.does(["pull", "-q", image]);
  folder = join(bench.base, "folder");
  mkdirSync(folder);
});

const auto = (options: readonly string[], script: string) =>
  bench.does(["run", "--rm", "--userns", "auto", ...options, image, "sh", "-c", script]);

/** A container in the background, its first process, and the machine's ID of its root. */
async function detached(name: string, options: readonly string[], script: string) {
  const words = ["run", "-d", "--name", name, ...options, image, "sh", "-c", script];
  await bench.does(words);
  const of = (template: string) => bench.does(["inspect", "-f", template, name]);
  const pid = Number(await of("{{.State.Pid}}"));
  const maps = JSON.parse(await of("{{json .HostConfig.IDMappings}}"));
  return { pid, root: Number(maps.UidMap[0].split(":")[1]), of };
}

const status = (pid: number) => readFileSync(`/proc/${pid}/status`, "utf8");

/** `Uid`, `Gid`: real, effective, saved, of files. */
const ids = (pid: number, field: string): number[] =>
  (new RegExp(`^${field}:\\s+(.*)$`, "m").exec(status(pid))?.[1] ?? "").split(/\s+/).map(Number);

describe("root of a container with --userns", () => {
  it("is somebody else on the machine, with powers in its own namespace alone", async () => {
    await bench.unchanged(async () => {
      const { pid, root, of } = await detached("rooted", ["--userns", "auto"], "exec sleep 999");
      expect(root).toBeGreaterThan(65535);
      expect(ids(pid, "Uid")).toEqual([root, root, root, root]);
      expect(ids(pid, "Gid")).toEqual([root, root, root, root]);
      expect(await of("{{.HostConfig.UsernsMode}}")).toBe("auto");
      const bounding = /^CapBnd:\s+(\w+)$/m.exec(status(pid))?.[1];
      expect(bounding).toBe("00000000a80425fb");
      expect(JSON.parse(await of("{{json .BoundingCaps}}"))).toHaveLength(14);
      expect(JSON.parse(await of("{{json .EffectiveCaps}}"))).toContain("CAP_CHOWN");
      expect(await bench.does(["top", "rooted", "-o", "uid,comm"])).toContain(`${root}`);
      const inside = "cat /proc/self/status | grep -E '^Uid'; hostname other 2>&1";
      expect(await bench.does(["exec", "rooted", "sh", "-c", `${inside} || true`])).toMatch(
        /^Uid:\t0\t0\t0\t0/,
      );
      await bench.does(["rm", "-f", "rooted"]);
    });
  });

  it("owns what it finds, writes and copies up, and nobody's files beside", async () => {
    const script =
      "cat /secret; cat /theirs; echo mine >/secret; chown 5:6 /theirs; stat -c '%u:%g %a' /secret /theirs /bin";
    expect(await auto([], script)).toBe("root's\nuser's\n0:0 600\n5:6 640\n0:0 755");
    const closed = "cat /secret 2>/dev/null || echo closed; cat /theirs; id -u";
    expect(await auto(["-u", "user"], closed)).toBe("closed\nuser's\n1000");
  });

  it("finds the files of an image that is mounted, with their owners", async () => {
    const mount = ["--mount", `type=image,src=${image},dst=/shown`];
    expect(await auto(mount, "cat /shown/secret; stat -c %u:%g /shown/theirs /shown")).toBe(
      "root's\n1000:1000\n0:0",
    );
  });

  it("is what a setuid program of the image makes of others", async () => {
    const run = ["-u", "user", image, "/passwd-like"];
    expect(await bench.does(["run", "--rm", "--userns", "auto", ...run])).toBe("1000 0");
    const stopped = ["--security-opt", "no-new-privileges"];
    expect(await bench.does(["run", "--rm", "--userns", "auto", ...stopped, ...run])).toBe(
      "1000 1000",
    );
  });

  it("makes no devices, and uses those that are its own", async () => {
    const script =
      "mknod /d c 1 5 2>&1 | sed 's/.*: //'; head -c2 /dev/zero | wc -c; echo x >/dev/null; ls -ln /dev/tty | awk '{print $3,$4}'";
    expect(await auto([], script)).toBe("Operation not permitted\n2\n0 5");
  });

  it("has terminals, limits, sysctls, memory and a read-only root as others have", async () => {
    const options = ["--read-only", "--ulimit", "nofile=100:200", "-m", "64m", "--init"];
    const more = ["--sysctl", "net.ipv4.ip_forward=1", "--tmpfs", "/scratch:uid=7,gid=9,mode=750"];
    const script =
      "touch /no 2>&1 | sed 's/.*: //'; ulimit -n; cat /proc/sys/net/ipv4/ip_forward; stat -c %u:%g:%a /scratch; df -m /dev/shm | tail -1 | awk '{print $2}'";
    expect(await auto([...options, ...more], script)).toBe(
      "Read-only file system\n100\n1\n7:9:750\n64",
    );
    const tty = await bench.does([
      "run",
      "--rm",
      "-t",
      "--userns",
      "auto",
      image,
      "sh",
      "-c",
      "tty; stat -c %u $(tty)",
    ]);
    expect(tty.replaceAll("\r", "")).toBe("/dev/pts/0\n0");
  });
});

describe("files on the machine", () => {
  it("belong to the mapped IDs in binds, and to whom they are shown as with idmap", async () => {
    writeFileSync(join(folder, "roots"), "x");
    chownSync(folder, 0, 0);
    const { root } = await detached(
      "binder",
      ["--userns", "auto", "-v", `${folder}:/b`],
      "exec sleep 999",
    );
    chownSync(folder, root, root);
    await bench.does([
      "exec",
      "binder",
      "sh",
      "-c",
      "touch /b/made; touch /b/users; chown 1000:1001 /b/users",
    ]);
    expect(statSync(join(folder, "made"))).toMatchObject({ uid: root, gid: root });
    expect(statSync(join(folder, "users"))).toMatchObject({ uid: root + 1000, gid: root + 1001 });
    expect(await bench.does(["exec", "binder", "stat", "-c", "%u", "/b/roots"])).toBe("65534");
    await bench.does(["rm", "-f", "binder"]);
    chownSync(folder, 0, 0);
    const shown = ["--mount", `type=bind,src=${folder},dst=/b,idmap`];
    expect(await auto(shown, "stat -c %u /b /b/roots; touch /b/shifted")).toBe("0\n0");
    expect(statSync(join(folder, "shifted"))).toMatchObject({ uid: 0, gid: 0 });
  });

  it("belong to root of the container in new volumes, filled or not", async () => {
    await bench.unchanged(async () => {
      const mounts = ["--uidmap", "0:300000:2000", "-v", "fresh:/v"];
      await bench.does([
        "run",
        "--rm",
        ...mounts,
        image,
        "sh",
        "-c",
        "touch /v/made; chown 7 /v/made",
      ]);
      const data = join(bench.root, "volumes/fresh/_data");
      expect(statSync(data)).toMatchObject({ uid: 300000, gid: 300000 });
      expect(statSync(join(data, "made"))).toMatchObject({ uid: 300007, gid: 300000 });
      await bench.does(["volume", "rm", "fresh"]);
    });
  });

  it("keep the container's own IDs in its storage layer, which only root reaches", async () => {
    const { of } = await detached(
      "stored",
      ["--userns", "auto"],
      "echo x >/made; chown 5:6 /made; exec sleep 999",
    );
    const id = await of("{{.Id}}");
    const upper = join(bench.root, "containers", id, "upper");
    await bench.until(
      () => existsSync(join(upper, "made")) && statSync(join(upper, "made")).uid === 5,
    );
    expect(statSync(join(upper, "made"))).toMatchObject({ uid: 5, gid: 6 });
    expect(statSync(join(bench.root, "containers", id)).mode & 0o077).toBe(0);
    await bench.does(["rm", "-f", "stored"]);
  });
});

describe("--privileged, with users of its own", () => {
  it("gives all powers over what is the container's, and no disk", async () => {
    const disks = "cd /dev; for d in $(ls -l | grep ^b | awk '{print $NF}'); do";
    const script = [
      "mount -t tmpfs none /mnt 2>/dev/null || mount -t tmpfs none /tmp; echo mounted",
      `${disks} stat -c '%u:%g' $d; dd if=$d of=/dev/null count=1 2>&1 | grep -c 'Permission denied'; done | sort -u`,
      "(echo 1 >/proc/sys/vm/swappiness) 2>/dev/null || echo kept",
      "mknod /node b 8 0 2>/dev/null || echo none",
      "head -c1 /dev/zero | wc -c",
    ].join("; ");
    await bench.unchanged(async () => {
      const out = await auto(["--privileged"], script);
      expect(out).toBe("mounted\n1\n65534:65534\nkept\nnone\n1");
    });
    const shared = await auto(
      ["--privileged", "--network", "host", "--pid", "host"],
      "ip link set lo down 2>/dev/null || echo kept; kill -9 1 2>/dev/null || echo kept; ls /sys/class/net | wc -l",
    );
    const [link, init, count] = shared.split("\n");
    expect([link, init]).toEqual(["kept", "kept"]);
    expect(Number(count)).toBe(readdirSync("/sys/class/net").length);
  });
});

describe("--userns-remap", () => {
  const remap = (words: readonly string[]) => bench.does(["--userns-remap", "default", ...words]);
  const print = () => [image, "sh", "-c", "awk '{print $1, $2, $3}' /proc/self/uid_map"];

  it("is for all containers, but for one that opts out", async () => {
    expect(await remap(["run", "--rm", ...print()])).toBe("0 2147418112 65536");
    expect(await remap(["run", "--rm", "--userns", "host", ...print()])).toBe("0 0 4294967295");
    const options = ["info", "-f", "{{json .SecurityOptions}}"];
    expect(JSON.parse(await remap(options))).toContain("name=userns");
    expect(JSON.parse(await bench.does(options))).not.toContain("name=userns");
    const environment = { NACRE_USERNS_REMAP: "default" };
    expect(await bench.does(["run", "--rm", ...print()], { environment })).toBe(
      "0 2147418112 65536",
    );
    const refused = await bench.nacre([
      "--userns-remap",
      "default",
      "run",
      "--rm",
      "--privileged",
      image,
      "true",
    ]);
    expect(refused).toMatchObject({ code: 125, stderr: expect.stringContaining("--userns host") });
  });

  it("is for the steps of builds, whose layers have the IDs that the steps saw", async () => {
    const context = join(bench.base, "context");
    mkdirSync(context);
    writeFileSync(join(context, "given"), "given\n");
    writeFileSync(join(bench.base, "secret"), "hidden\n", { mode: 0o600 });
    const dockerfile = [
      `FROM ${image}`,
      "RUN --mount=type=cache,target=/cache awk '{print $2}' /proc/self/uid_map >/map; echo kept >/cache/file; stat -c %u:%g /cache >/owner",
      "RUN --mount=type=cache,target=/cache --mount=target=/context --mount=type=secret,id=s cat /cache/file /context/given /run/secrets/s >/read; stat -c %u:%g /context/given /run/secrets/s >>/read",
      "RUN <<EOF\n#!/bin/sh\necho script >>/read\nEOF",
      "RUN chown 1000:1000 /theirs /read; touch /made; chmod 4755 /passwd-like",
      "USER user",
      "RUN cat /theirs >/tmp/by-user; id -u >>/tmp/by-user",
      "",
    ];
    writeFileSync(join(context, "Dockerfile"), dockerfile.join("\n"));
    const build = [
      "build",
      "-q",
      "--network",
      "none",
      "--secret",
      `id=s,src=${join(bench.base, "secret")}`,
    ];
    await bench.unchanged(async () => {
      const built = await remap([...build, "-t", "remapped:1", context]);
      // The same steps, and the same files, whoever executes them.
      expect(await bench.does([...build, "-t", "remapped:1", context])).toBe(built);
      const script =
        "cat /map /owner /read /tmp/by-user; stat -c '%n %u:%g %a' /map /made /read /theirs /tmp/by-user /passwd-like";
      const seen = ["run", "--rm", "-u", "0", "remapped:1", "sh", "-c", script];
      const lines = [
        ...["2147418112", "0:0", "kept", "given", "hidden", "0:0", "0:0", "script"],
        ...["user's", "1000", "/map 0:0 644", "/made 0:0 644", "/read 1000:1000 644"],
        ...["/theirs 1000:1000 640", "/tmp/by-user 1000:1000 644", "/passwd-like 0:0 4755"],
      ];
      expect((await bench.does(seen)).split("\n")).toEqual(lines);
      expect((await remap(seen)).split("\n")).toEqual(lines);
      const network = await remap([
        "build",
        "-q",
        "--no-cache",
        "--secret",
        build.at(-1) as string,
        context,
      ]);
      await bench.does(["rmi", "-f", "remapped:1", network]);
      await bench.does(["builder", "prune", "-f", "-a"]);
      // Digests of copied files are kept once those are old enough.
      rmSync(join(bench.root, "builds/copies.json"), { force: true });
    });
  }, 60_000);

  it("stays with the containers that were made with it", async () => {
    await remap(["create", "--name", "kept", ...print()]);
    expect(await bench.does(["start", "-a", "kept"])).toBe("0 2147418112 65536");
    await bench.does(["rm", "kept"]);
  });
});

describe("whatever fails", () => {
  it("leaves nothing, wherever the container's root came to be", async () => {
    await using engine = await bench.engine();
    const request = { image, command: ["true"], userns: "auto", pull: "never" } as const;
    const { process } = await engine.containers.explain(request);
    const outside = process?.child.filter((operation) => operation.outside) ?? [];
    expect(outside.length).toBeGreaterThan(20);
    const wrong = [
      "--tmpfs /x:bogus=1",
      "-v /nowhere/at/all/\u0001:/proc/x",
      "--sysctl net.none.such=1",
    ];
    for (const words of wrong) {
      const [option = "", value = ""] = words.split(" ");
      await bench.unchanged(async () => {
        const run = ["run", "--rm", "--userns", "auto", option, value, image, "true"];
        expect((await bench.nacre(run)).code, words).toBe(125);
      });
    }
  });

  it("says which file system shows no other owners", async () => {
    const mount = ["--mount", "type=bind,src=/proc/fs,dst=/b,idmap"];
    const { code, stderr } = await bench.nacre([
      "run",
      "--rm",
      "--userns",
      "auto",
      ...mount,
      image,
      "true",
    ]);
    expect({ code, stderr }).toMatchObject({
      code: 125,
      stderr: expect.stringContaining("/proc/fs cannot be shown with other owners"),
    });
  });
});
