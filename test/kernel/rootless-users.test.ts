// Users of containers whose engine belongs to a user who is not root: --userns keep-id and nomap,
// and maps of the IDs that there are.

import { once } from "node:events";
import { chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureCommands } from "../../scripts/debian-packages.ts";
import { type TarEntry, tar } from "../images/tar.ts";
import { Bench, shellImage } from "./engine-bench.ts";
import { makeRoot } from "./native.ts";
import { UNPRIVILEGED_COMMANDS, UnprivilegedUser, whyNoUser } from "./unprivileged-user.ts";
import { endUserBench, makeUserBench } from "./user-bench.ts";

ensureCommands(UNPRIVILEGED_COMMANDS);
const reason = whyNoUser();

const FILES: readonly TarEntry[] = [
  { name: "theirs", uid: 5, gid: 6, content: "5\n" },
  { name: "gone/", type: "directory" },
  { name: "gone/file", content: "" },
];

const owners = (...paths: readonly string[]) => `stat -c '%n %u:%g' ${paths.join(" ")}`;

// Where newuidmap cannot be installed, or the machine gives out no user namespaces.
describe.skipIf(reason)(`a user who is not root${reason ? ` (${reason})` : ""}`, () => {
  let bench: Bench;
  let user: UnprivilegedUser;
  let image: string;
  let kept: string;

  beforeAll(async () => {
    ({ bench, user } = await makeUserBench());
    image = bench.add("users", shellImage({ layers: [{ tar: tar(FILES) }] })).name;
    kept = `${user.uid}:${user.gid}`;
    await user.does("pull", image);
  });
  afterAll(() => endUserBench({ bench, user }));

  const sh = (script: string, ...options: string[]) =>
    user.does("run", "--rm", "-q", ...options, image, "sh", "-c", script);
  const map = (text: string) =>
    text
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s+/).map(Number));

  it("has its own ID in a container with keep-id, and owns there what it owns outside", async () => {
    const file = join(user.home, "file");
    writeFileSync(file, "mine\n", { mode: 0o600 });
    chownSync(file, user.uid, user.gid);
    await bench.unchanged(async () => {
      const script = `echo $(id -u):$(id -g); cat /bound/file; touch /bound/made; ${owners("/", "/bin", "/theirs", "/bound/file", "/dev/pts/ptmx")}`;
      const out = await sh(script, "--userns", "keep-id", "-v", `${user.home}:/bound`);
      expect(out.split("\n")).toEqual([
        ...[kept, "mine", "/ 0:0", "/bin 0:0", "/theirs 5:6"],
        ...[`/bound/file ${kept}`, "/dev/pts/ptmx 0:0"],
      ]);
    });
    expect(statSync(join(user.home, "made"))).toMatchObject({ uid: user.uid, gid: user.gid });
    const lines = map(await sh("cat /proc/self/uid_map", "--userns", "keep-id"));
    expect(lines).toEqual([
      ...[
        [0, 1, user.uid],
        [user.uid, 0, 1],
        [user.uid + 1, user.uid + 1, 65536 - user.uid],
      ],
    ]);
    await user.gone();
  });

  it("has a name there, and the container's own files of accounts alone say so", async () => {
    const shown = "tail -n1 /etc/passwd; tail -n1 /etc/group; whoami; id -gn; echo $HOME";
    const keep = ["--userns", "keep-id"];
    const { name, uid, gid, home } = user;
    expect((await sh(shown, ...keep, "-w", "/bin")).split("\n")).toEqual([
      ...[`${name}:*:${kept}::/bin:/bin/sh`, `${name}:x:${gid}:${name}`, name, name, "/bin"],
    ]);
    const [atHome] = (await sh(shown, ...keep, "-v", `${home}:${home}`)).split("\n");
    expect(atHome).toBe(`${name}:*:${kept}::${home}:/bin/sh`);
    const other = await sh(shown, "--userns", "keep-id:uid=7,gid=8");
    expect(other.split("\n").slice(0, 3)).toEqual([
      ...[`${name}:*:7:8::/:/bin/sh`, `${name}:x:8:${name}`, name],
    ]);
    const script = `whoami; echo x >>/etc/passwd || echo closed; id -u ${name}`;
    expect(await sh(script, ...keep, "--read-only")).toBe(`${name}\nclosed\n${uid}`);
    expect(await sh("whoami 2>&1 || true", ...keep, "--passwd=false")).toContain("unknown uid");
    const entry = [
      "--passwd-entry",
      "$USERNAME:x:$UID:$GID::/there:",
      "--group-entry",
      "g:x:$GID:",
    ];
    expect(await sh("echo $HOME; id -gn", ...keep, ...entry)).toBe("/there\ng");
    const host = await sh("grep daemon: /etc/passwd", "--hostuser", "daemon");
    expect(host).toMatch(/^daemon:\*:1:1:.*:\/:\/bin\/sh$/);
    await user.gone();
  });

  it("is who it says with keep-id:uid=,gid=, and root with --user", async () => {
    const userns = ["--userns", "keep-id:uid=1000,gid=1001"];
    expect(await sh("echo $(id -u):$(id -g)", ...userns)).toBe("1000:1001");
    const script = `id -u; touch /made; chown 7:8 /theirs; ${owners("/made", "/theirs")}`;
    expect(await sh(script, ...userns, "-u", "0")).toBe("0\n/made 0:0\n/theirs 7:8");
  });

  it("finds the files of an image that is mounted, with their owners", async () => {
    const mount = ["--mount", `type=image,src=${image},dst=/shown`];
    const out = await sh(owners("/shown", "/shown/theirs"), "--userns", "keep-id", ...mount);
    expect(out).toBe("/shown 0:0\n/shown/theirs 5:6");
    // Another image than its own, which nothing else has unpacked for these users.
    const other = bench.add(
      "others",
      shellImage({ layers: [{ tar: tar(FILES) }, { tar: tar(FILES) }] }),
    );
    const from = `type=image,src=${other.name},dst=/shown`;
    await user.does("pull", "-q", other.name);
    await user.does("create", "-q", "--name", "lender", "--mount", from, image);
    const taken = ["--userns", "keep-id", "--volumes-from", "lender"];
    expect(await sh(owners("/shown", "/shown/theirs"), ...taken)).toBe(out);
    await user.does("rm", "lender");
    await user.does("rmi", other.name);
  });

  it("is nobody in a container with nomap", async () => {
    const out = await sh(
      `id -u; ${owners("/bound", "/theirs")}; touch /bound/no 2>/dev/null || echo closed`,
      ...["--userns", "nomap", "-v", `${user.home}:/bound`],
    );
    expect(out).toBe("0\n/bound 65534:65534\n/theirs 5:6\nclosed");
    expect(map(await sh("cat /proc/self/gid_map", "--userns", "nomap"))).toEqual([[0, 1, 65536]]);
  });

  it("executes in it, copies, compares and commits with the container's IDs, whether it runs or not", async () => {
    await user.does(
      ...["run", "-d", "-q", "--name", "box", "--userns", "keep-id", image],
      ...["sh", "-c", "sleep 1000"],
    );
    expect(await user.does("exec", "box", "id", "-u")).toBe(String(user.uid));
    const script = "rm -r /gone; touch /made; chown 7:8 /made; echo more >>/theirs";
    await user.does("exec", "-u", "0", "box", "sh", "-c", script);
    const archived = async () => {
      const listed = await user.run("sh", [
        "-c",
        `${user.program} cp box:/made - | tar -tv --numeric-owner`,
      ]);
      return listed.out;
    };
    expect(await archived()).toMatch(/ 7\/8 .* made\n$/);
    await user.does("kill", "box");
    await user.does("wait", "box");
    expect(await archived()).toMatch(/ 7\/8 .* made\n$/);
    const given = join(user.base, "given");
    writeFileSync(given, "in\n", { mode: 0o644 });
    chownSync(given, user.uid, user.gid);
    await user.does("cp", given, "box:/given");
    expect((await user.does("diff", "box")).split("\n").sort()).toEqual([
      ...["A /given", "A /made", "C /etc", "C /etc/group", "C /etc/passwd", "C /theirs", "D /gone"],
    ]);
    await user.does("commit", "box", "committed");
    await user.does("rm", "-f", "box");
    const after = ["sh", "-c", `${owners("/made", "/theirs", "/given", "/")}; ls -d /gone`];
    const seen = await user.nacre("run", "--rm", "-q", "committed", ...after);
    expect(seen.out).toBe("/made 7:8\n/theirs 5:6\n/given 0:0\n/ 0:0\n");
    await user.does("rmi", "committed");
  }, 60_000);

  it("fills volumes for it, and gives it terminals, the machine's namespaces and all powers over its own", async () => {
    const keep = ["--userns", "keep-id"];
    expect(
      await sh(
        `${owners("/vol", "/bin/busybox")}; touch /vol/x`,
        "-u",
        "0",
        ...keep,
        "-v",
        "kept:/vol",
      ),
    ).toBe("/vol 0:0\n/bin/busybox 0:0");
    await user.does("volume", "rm", "kept");
    // As with podman: what the image has nothing for belongs to whom it executes.
    const mine = `${owners("/new", "/gone", "/new/x")}; touch /gone/x 2>/dev/null || echo closed`;
    const volumes = ["-v", "mine:/new", "-v", "theirs:/gone"];
    expect(await sh(`touch /new/x; ${mine}`, ...keep, ...volumes)).toBe(
      `/new ${kept}\n/gone 0:0\n/new/x ${kept}\nclosed`,
    );
    await user.does("volume", "rm", "mine", "theirs");
    const shared = ["--network", "host", "--ipc", "host", "--uts", "host", "--cgroupns", "host"];
    const machine = await sh(
      "ls /sys/class/net; test -d /proc/1",
      ...keep,
      ...shared,
      "--pid",
      "host",
    );
    expect(machine).toContain("lo");
    const mounting = ["--privileged", "-u", "0", ...keep];
    expect(await sh("mount -t tmpfs none /tmp && echo mounted", ...mounting)).toBe("mounted");
    expect(await sh("tty; stat -c %u $(tty)", "-t", ...keep)).toBe(`/dev/pts/0\r\n${user.uid}`);
  });

  it("may give a container a map of the IDs that it has, and no others", async () => {
    const uidmap = ["--uidmap", "0:1:2000", "--gidmap", "0:1:2000"];
    expect(map(await sh("cat /proc/self/uid_map", ...uidmap))).toEqual([[0, 1, 2000]]);
    // The kernel takes no line across the caller's own ID and the subordinate ones.
    const all = await sh("cat /proc/self/gid_map; id -u", "--uidmap", "0:0:2000");
    expect(map(all)).toEqual([[0, 0, 1], [1, 1, 1999], [0]]);
    const far = await user.nacre("run", "--rm", "-q", "--uidmap", "0:0:70000", image, "true");
    expect(far).toMatchObject({
      code: 125,
      err: expect.stringContaining("--uidmap: the map goes"),
    });
    const auto = await user.nacre("run", "--rm", "-q", "--userns", "auto", image, "true");
    expect(auto.err).toContain("keep-id, nomap");
  });

  it("makes OCI containers, whose limits need a delegated cgroup", async () => {
    const bundle = join(user.home, "bundle");
    mkdirSync(bundle);
    makeRoot(join(bundle, "rootfs"));
    chownSync(bundle, user.uid, user.gid);
    user.environment = { ...user.environment, XDG_RUNTIME_DIR: user.home };
    const run = () => user.nacre("oci", "run", "-b", bundle, "one");
    await user.does("oci", "spec", "--rootless", "-b", bundle);
    const path = join(bundle, "config.json");
    const config = JSON.parse(readFileSync(path, "utf8"));
    const script = "id -u; ls /proc | grep -c '^[0-9]'; echo x >/dev/null && echo open";
    const process = { terminal: false, args: ["sh", "-c", script], env: ["PATH=/bin"] };
    Object.assign(config.process, process);
    writeFileSync(path, JSON.stringify(config));
    await bench.unchanged(async () => {
      expect(await run()).toEqual({
        code: 0,
        out: expect.stringMatching(/^0\n\d+\nopen\n$/),
        err: "",
      });
      expect(await user.does("oci", "list", "-q")).toBe("");
      config.linux.resources = { ...config.linux.resources, pids: { limit: 5 } };
      writeFileSync(path, JSON.stringify(config));
      const limited = await run();
      expect(limited.code).toBe(1);
      expect(limited.err).toContain("linux.resources.pids");
    });
  });

  it("serves its images by a plugin of the package, which belongs to the machine's root", async () => {
    const serving = user.start(user.program, ["registry", "serve", "-q", "-a", "127.0.0.1:0"]);
    const ended = once(serving, "close");
    const said = { out: "", err: "" };
    serving.stderr.on("data", (bytes) => (said.err += bytes));
    serving.stdout.on("data", (bytes) => {
      said.out += bytes;
      serving.kill(); // an emulated machine may take longer than any timeout until then
    });
    await ended;
    expect(said).toEqual({ out: expect.stringMatching(/^127\.0\.0\.1:\d+\n$/), err: "" });
  });

  it("loses what was unpacked for it with the image", async () => {
    const unpacked = join(user.home, ".local/share/nacre/snapshots/directory");
    await user.does("rmi", "-f", image);
    expect(await user.does("unshare", "ls", unpacked)).toBe("");
    expect(await user.does("system", "check")).toBe("The store is as it should be.");
  });
});

// As above.
it.skipIf(reason)("a user with one ID is told what keep-id needs", async () => {
  await using bench = await Bench.make();
  using user = new UnprivilegedUser({ subordinate: false });
  user.environment = { NACRE_TEST_BENCH: bench.base };
  const image = bench.name();
  await user.does("pull", "-q", image);
  const { code, err } = await user.nacre("run", "--rm", "-q", "--userns", "keep-id", image, "true");
  expect(code).toBe(125);
  expect(err).toContain("you have no subordinate IDs");
});
