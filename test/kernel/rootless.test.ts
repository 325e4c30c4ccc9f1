// Containers of a user who is not root, in a home directory with nothing in it.

import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureCommands } from "../../scripts/debian-packages.ts";
import { type TarEntry, tar } from "../images/tar.ts";
import { type Bench, shellImage } from "./engine-bench.ts";
import { UNPRIVILEGED_COMMANDS, type UnprivilegedUser, whyNoUser } from "./unprivileged-user.ts";
import { endUserBench, makeUserBench } from "./user-bench.ts";

ensureCommands(UNPRIVILEGED_COMMANDS);
const reason = whyNoUser();

/** What only an unpacking as root could make as it is. */
const HARD: readonly TarEntry[] = [
  { name: "dev/", type: "directory" },
  { name: "dev/mem", type: "character", device: [1, 1] },
  { name: "owned", uid: 1000, gid: 2000, content: "1000\n" },
  { name: "opaque/", type: "directory" },
  { name: "opaque/.wh..wh..opq", content: "" },
  { name: "opaque/new", content: "new\n" },
  { name: ".wh.root", content: "" },
  { name: "marked", content: "", pax: { "SCHILY.xattr.trusted.mine": "1" } },
];

// Where newuidmap cannot be installed, or the machine gives out no user namespaces.
describe.skipIf(reason)(`a user who is not root${reason ? ` (${reason})` : ""}`, () => {
  let bench: Bench;
  let user: UnprivilegedUser;
  let image: string;

  beforeAll(async () => {
    ({ bench, user } = await makeUserBench());
    image = bench.name();
    const below: TarEntry[] = [
      { name: "opaque/", type: "directory" },
      { name: "opaque/old", content: "old\n" },
    ];
    bench.add("hard", shellImage({ layers: [{ tar: tar(below) }, { tar: tar(HARD) }] }));
    bench.add(
      "far",
      shellImage({ layers: [{ tar: tar([{ name: "far", uid: 70_000, content: "" }]) }] }),
    );
    await user.does("pull", image);
  });
  afterAll(() => endUserBench({ bench, user }));

  const sh = (script: string, ...options: string[]) =>
    user.does("run", "--rm", "-q", ...options, image, "sh", "-c", script);

  it("passes descriptors on, into the user's namespace and the container", async () => {
    const words = ["run", "--rm", "-q", "--preserve-fd", "4", image, "sh", "-c", "cat <&4"];
    const line = ["-c", 'exec "$@" 4</etc/hostname', "-", user.program, ...words];
    expect(await user.run("sh", line)).toEqual({
      ...{ code: 0, out: readFileSync("/etc/hostname", "utf8"), err: "" },
    });
  });

  it("runs a directory of their own, to write or to read", async () => {
    const root = join(user.home, "root");
    const fill =
      "mkdir -p /out/bin; for t in sh cat ls id; do cp /bin/$t /out/bin/$t; done; echo a >/out/a";
    await sh(fill, "-v", `${root}:/out`);
    const within = (place: string, ...options: string[]) =>
      user.does(
        "run",
        "--rm",
        "-q",
        ...options,
        "--rootfs",
        place,
        "sh",
        "-c",
        "id -u; echo b >>/a; cat /a",
      );
    expect(await within(`${root}:O`)).toBe("0\na\nb");
    expect(await within(root)).toBe("0\na\nb");
    expect(await within(`${root}:O`, "--userns", "keep-id")).toBe(`${user.uid}\na\nb\nb`);
    expect(statSync(join(root, "a")).uid).toBe(user.uid);
    await user.run("rm", ["-r", root]);
  });

  it("keeps everything at home, and closed to others", async () => {
    const root = join(user.home, ".local/share/nacre");
    expect(await user.does("info", "-f", "{{.DockerRootDir}} {{.SecurityOptions}}")).toBe(
      `${root} [name=seccomp,profile=builtin name=rootless]`,
    );
    expect(statSync(root).mode & 0o777).toBe(0o700);
    expect(readdirSync(user.home)).toEqual([".local"]);
  });

  it("is root in a container, and nobody on the machine", async () => {
    await bench.unchanged(async () => {
      expect(await sh("id -u; cat /proc/self/uid_map | tr -s ' '")).toBe(
        `0\n 0 ${user.uid} 1\n 1 ${firstSubordinate(user)} 65536`,
      );
      // Of the machine's only what the user may write anyway.
      const { code, err } = await user.nacre(
        ...["run", "--rm", "-q", "-v", "/etc:/machine", image, "touch", "/machine/x"],
      );
      expect(code).toBe(1);
      expect(err).toContain("Permission denied");
    });
    await user.gone();
  });

  it("has an image's files with their owners, whiteouts and opaque directories, and no devices", async () => {
    await user.does("pull", bench.name("hard"));
    const out = await user.does(
      ...["run", "--rm", "-q", bench.name("hard"), "sh", "-c"],
      "stat -c '%u:%g' /owned; ls /opaque; ls -d /root /dev/mem 2>&1; ls -ld /dev/null | cut -c1",
    );
    expect(out).toBe(
      "1000:2000\nnew\nls: /root: No such file or directory\nls: /dev/mem: No such file or directory\nc",
    );
    await user.does("rmi", bench.name("hard"));
  });

  it("hears of owners who are nobody, and is left nothing", async () => {
    await bench.unchanged(async () => {
      const { code, err } = await user.nacre("pull", bench.name("far"));
      expect(code).toBe(1);
      expect(err).toContain("/far belongs to 70000:0, who is nobody here");
      expect(err).toContain("/etc/subuid");
    });
    expect(await user.does("images", "-q")).toHaveLength(12);
    const { code, err } = await user.nacre("run", "--rm", "-q", "-u", "70000", image, "id");
    expect(code).toBe(125);
    expect(err).toContain("user 70000:0 is nobody here");
  });

  it("executes in a container that runs, sees its processes and its log, and ends it", async () => {
    await bench.unchanged(async () => {
      await user.does("run", "-d", "-q", "--name", "web", image, "sh", "-c", "echo up; sleep 1000");
      expect(await user.does("exec", "-u", "user", "web", "id", "-u")).toBe("1000");
      expect(await user.does("exec", "web", "sh", "-c", "ps | grep -c 'sleep 100[0]'")).toBe("1");
      expect(await user.does("top", "web", "-o", "user,args")).toMatch(/root +sleep 1000/);
      expect(await user.does("stats", "--no-stream", "--format", "{{.PIDs}}", "web")).toBe("1");
      expect(await user.does("logs", "web")).toBe("up");
      await user.does("stop", "-t", "0", "web");
      expect(await user.does("ps", "-a", "--format", "{{.Status}}")).toMatch(/^Exited \(137\)/);
      await user.does("rm", "web");
    });
    await user.gone();
  });

  it("copies, compares, commits and exports", async () => {
    await user.does("run", "-d", "-q", "--name", "box", image, "sleep", "1000");
    await user.does("exec", "box", "sh", "-c", "rm -r /root; mkdir /tmp/a; chown 1000 /tmp/a");
    writeFileSync(join(user.base, "file"), "machine\n", { mode: 0o644 });
    await user.does("cp", join(user.base, "file"), "box:/tmp/file");
    await user.does("cp", "box:/tmp/file", "copy");
    expect(statSync(join(user.home, "copy")).uid).toBe(user.uid);
    expect(await user.does("diff", "box")).toBe("D /root\nC /tmp\nA /tmp/a\nA /tmp/file");
    await user.does("commit", "box", "committed");
    await user.does("rm", "-f", "box");
    const script = "stat -c %u /tmp/a; test -e /root || echo gone";
    const seen = await user.does("run", "--rm", "-q", "committed", "sh", "-c", script);
    expect(seen).toBe("1000\ngone");
    await user.does("rmi", "committed");
  });

  it("builds, with steps of several users", async () => {
    const context = join(user.base, "context");
    mkdirSync(context);
    writeFileSync(join(context, "file"), "from the context\n");
    writeFileSync(
      join(context, "Dockerfile"),
      `FROM ${image}\nRUN mkdir /made && chown user /made && rm /etc/group\nCOPY file /file\nUSER user\nRUN touch /made/by-user && id -u >/made/id\nCMD cat /made/id /file\n`,
    );
    await user.does("build", "-q", "-t", "built", context);
    expect(await user.does("run", "--rm", "-q", "built")).toBe("1000\nfrom the context");
    await user.does("rmi", "built");
  });

  it("has volumes and binds, whose files are the user's where root of the container wrote them", async () => {
    await user.does("volume", "create", "data");
    await sh("echo kept >/data/file; chown 1000 /data/file", "-v", "data:/data");
    expect(await sh("stat -c %u /data/file; cat /data/file", "-v", "data:/data")).toBe(
      "1000\nkept",
    );
    await user.does("volume", "rm", "data");
    await sh("touch /bound/file", "-v", `${user.home}/bound:/bound`);
    expect(statSync(join(user.home, "bound/file")).uid).toBe(user.uid);
  });

  it("shares the machine's namespaces where it is asked to", async () => {
    expect(await sh("ls /sys/class/net", "--network", "host")).toBe(
      readdirSync("/sys/class/net").join("\n"),
    );
    expect(await sh("touch /sys/kernel/x 2>&1 || true", "--network", "host")).toContain(
      "Read-only file system",
    );
    expect(await sh(`test -d /proc/${process.pid} && echo there`, "--pid", "host")).toBe("there");
    expect(await sh("id -u", "--ipc", "host", "--uts", "host", "--cgroupns", "host")).toBe("0");
  });

  it("has all powers of its namespace with --privileged, and none over the machine", async () => {
    expect(await sh("mount -t tmpfs none /tmp && echo mounted", "--privileged")).toBe("mounted");
    const clock = await user.nacre(
      ...["run", "--rm", "-q", "--privileged", image, "date", "-s", "2001-01-01"],
    );
    expect(clock.err).toContain("Operation not permitted");
    const node = await user.nacre(
      ...["run", "--rm", "-q", "--privileged", image, "mknod", "/x", "c", "1", "1"],
    );
    expect(node.err).toContain("Operation not permitted");
  });

  it("is told what it cannot have, why, and what to do", async () => {
    const limited = await user.nacre("run", "--rm", "-q", "-m", "64m", image, "id", "-u");
    expect(limited).toMatchObject({ code: 0, out: "0\n" });
    const ignored = "limits of memory are ignored: no such cgroup is delegated";
    expect(limited.err).toContain(ignored);
    expect(
      (await user.nacre("create", "-q", "-m", "64m", "--name", "later", image, "true")).err,
    ).toContain(ignored);
    expect((await user.nacre("start", "later")).err).toContain(ignored);
    await user.does("rm", "-f", "later");
    const parent = await user.nacre("run", "--rm", "-q", "--cgroup-parent", "/jobs", image, "true");
    expect(parent).toMatchObject({ code: 125, out: "" });
    expect(parent.err).toContain("--cgroup-parent /jobs: no cgroup is delegated to this user");
    await user.does("run", "-d", "-q", "--name", "held", image, "sleep", "1000");
    expect((await user.nacre("pause", "held")).err).toContain("no cgroup freezer");
    const tree = await user.nacre("cgroup", "tree", "held");
    expect(tree.err).toContain("the container held has no cgroup");
    expect(await user.does("info")).toContain("none of which is delegated: no limits, no pause");
    const program = await user.does("explain", "run", image, "true");
    expect(program).not.toContain("a mount that the user asked for");
    const updated = await user.nacre("update", "-m", "64m", "held");
    expect(updated).toMatchObject({ code: 0, out: "held\n" });
    expect(updated.err).toContain(ignored);
    const files = ["--ulimit", "nofile=99999999:99999999"];
    expect((await user.nacre("run", "--rm", "-q", ...files, image, "true")).err).toContain(
      "limit nofile to 99999999",
    );
    await user.does("rm", "-f", "held");
    expect((await user.nacre("run", "--rm", "-q", "host", "id")).err).toContain("needs root");
    expect((await user.nacre("--snapshotter", "erofs", "run", image)).err).toContain(
      "no user but root may mount EROFS",
    );
  });

  it("is checked by system check, and leaves a home that can be removed by its commands", async () => {
    expect(await user.does("system", "check")).toBe("The store is as it should be.");
  });

  it("executes a program of its own in there", async () => {
    expect(await user.does("unshare", "id", "-u")).toBe("0");
    expect((await user.nacre("unshare", "sh", "-c", "exit 7")).code).toBe(7);
    expect((await user.nacre("unshare", "/nowhere")).code).toBe(127);
    const there = await user.run(user.program, ["unshare", "pwd"]);
    expect(there.out.trim()).toBe(user.home);
  });
});

/** The first of /etc/subuid's. */
function firstSubordinate({ name }: UnprivilegedUser): string {
  const found = new RegExp(`^${name}:(\\d+):`, "m").exec(readFileSync("/etc/subuid", "utf8"));
  return found?.[1] ?? "";
}
