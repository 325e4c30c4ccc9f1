// The namespaces of a user who is not root: made by whoever comes first, joined by all others, and
// gone with the last. Also where there are no subordinate IDs, and where cgroups are delegated.

import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureCommands } from "../../scripts/debian-packages.ts";
import { tar } from "../images/tar.ts";
import { type Bench, shellImage } from "./engine-bench.ts";
import { UNPRIVILEGED_COMMANDS, type UnprivilegedUser, whyNoUser } from "./unprivileged-user.ts";
import { endUserBench, makeUserBench } from "./user-bench.ts";

ensureCommands(UNPRIVILEGED_COMMANDS);
const reason = whyNoUser();

// Where newuidmap cannot be installed, or the machine gives out no user namespaces.
describe.skipIf(reason)(`the namespaces of a user${reason ? ` (${reason})` : ""}`, () => {
  let bench: Bench;
  let user: UnprivilegedUser;
  let image: string;

  beforeAll(async () => {
    ({ bench, user } = await makeUserBench());
    image = bench.name();
  });
  afterAll(() => endUserBench({ bench, user }));

  const inside = () => user.does("unshare", "readlink", "/proc/self/ns/user", "/proc/self/ns/mnt");
  /** What ID 1 of the namespace is on the machine. */
  const firstSubordinate = () => {
    const line = new RegExp(`^${user.name}:(\\d+):`, "m");
    return Number(line.exec(readFileSync("/etc/subuid", "utf8"))?.[1]);
  };
  const record = () => readFileSync(join(user.home, ".local/share/nacre/namespace"), "utf8");

  it("are one pair for commands that come at once, and nobody is left of them", async () => {
    await bench.unchanged(async () => {
      await user.does("pull", image);
      const names = Array.from({ length: 12 }, (_, n) => `many${n}`);
      await Promise.all(
        names.map((name) => user.does("run", "-d", "-q", "--name", name, image, "sleep", "1000")),
      );
      const seen = await Promise.all(
        names.map((name) => user.does("inspect", "-f", "{{.State.Pid}}", name)),
      );
      const users = seen.map((pid) => user.does("unshare", "readlink", `/proc/${pid}/ns/user`));
      expect(new Set(await Promise.all(users)).size).toBe(1);
      // Each of them can be reached by each command.
      await Promise.all(names.map((name) => user.does("exec", name, "true")));
      await Promise.all(names.map((name) => user.does("rm", "-f", name)));
    });
    await user.gone();
  });

  it("are found again by whoever runs in them, also if the record names nobody", async () => {
    await user.does("run", "-d", "-q", "--name", "keeper", image, "sleep", "1000");
    const first = await inside();
    const path = join(user.home, ".local/share/nacre/namespace");
    writeFileSync(path, record().replace(/ \d+\n$/, " 1\n"));
    expect(await inside()).toBe(first);
    expect(await user.does("exec", "keeper", "id", "-u")).toBe("0");
    await user.does("rm", "-f", "keeper");
    expect(await inside()).not.toBe("");
    await user.gone();
  });

  it("are not taken from a process that only says that it is there", async () => {
    await user.does("run", "-d", "-q", "--name", "liar", image, "sleep", "1000");
    const first = await inside();
    const [token, userInode, mntInode] = record().split(" ");
    // With a mount namespace of its own, as a container's root could make one.
    const mark = `NACRE_USER_NAMESPACE=${userInode}:${mntInode}:${token}`;
    const script = `env ${mark} unshare -m sleep 1000 >/dev/null 2>&1 & echo $!`;
    const pid = Number(await user.does("unshare", "sh", "-c", script));
    // Until then it is where all are, and may be believed.
    const mounts = () => readlinkSync(`/proc/${pid}/ns/mnt`);
    await expect.poll(mounts, { timeout: 20_000 }).not.toBe(`mnt:[${mntInode}]`);
    const path = join(user.home, ".local/share/nacre/namespace");
    writeFileSync(path, `${token} ${userInode} ${mntInode} ${pid}\n`);
    expect(await inside()).toBe(first);
    expect(Number(record().trim().split(" ")[3])).not.toBe(pid);
    await user.does("unshare", "kill", "-9", String(pid));
    await user.does("rm", "-f", "liar");
    await user.gone();
  });

  it("are made anew when all in them were killed, and the state is mended", async () => {
    await bench.unchanged(async () => {
      await user.does("run", "-d", "-q", "--name", "lost", image, "sleep", "1000");
      await user.does("run", "-d", "-q", "--rm", "--name", "gone", image, "sleep", "1000");
      await user.run("sh", ["-c", "kill -9 -1"]);
      await user.gone();
      expect(await user.does("ps", "-a", "--format", "{{.Names}} {{.State}}")).toBe("lost exited");
      await user.does("start", "lost");
      expect(await user.does("exec", "lost", "echo", "again")).toBe("again");
      await user.does("rm", "-f", "lost");
    });
  });

  it("lose no container to the end of its supervisor", async () => {
    await bench.unchanged(async () => {
      await user.does("run", "-d", "-q", "--name", "orphan", image, "sleep", "1000");
      const pid = await user.does("inspect", "-f", "{{.State.Pid}}", "orphan");
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      await user.does("unshare", "kill", "-9", /^PPid:\s+(\d+)$/m.exec(status)?.[1] ?? "");
      await user.does("ps", "-a");
      await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 20_000 }).toBe(false);
      await user.does("rm", "orphan");
    });
  });

  it("are there for who has no home, too", async () => {
    const own = { ...user.environment };
    try {
      user.environment = { ...own, HOME: "", NACRE_ROOT: join(user.home, "elsewhere") };
      expect(await user.does("unshare", "id", "-u")).toBe("0");
      expect(await user.does("images", "-q")).toBe("");
    } finally {
      user.environment = own;
      await user.run("rm", ["-rf", `/tmp/nacre-${user.uid}`, "elsewhere"]);
    }
  });

  it("are said to be refused where the machine gives none", async () => {
    // Not the whole machine's limit: that of a namespace which goes with this command. In there
    // somebody else, who has a subordinate ID, is the user.
    const home = join(user.base, "other");
    mkdirSync(home, { mode: 0o700 });
    chownSync(home, firstSubordinate() + 999, firstSubordinate() + 999);
    const limit = "echo 0 >/proc/sys/user/max_user_namespaces";
    const become = `HOME=${home} exec setpriv --reuid 1000 --regid 1000 --clear-groups "$0" "$@"`;
    const words = ["unshare", "sh", "-c", `${limit} && ${become}`, user.program];
    const { code, err } = await user.nacre(...words, "run", "-q", image, "true");
    expect(err).toContain("this user gets no user namespace (unshare: No space left on device)");
    expect(err).toContain("user.max_user_namespaces");
    expect(code).toBe(125);
  });
});

// Where newuidmap cannot be installed, or the machine gives out no user namespaces.
describe.skipIf(reason)("a user without subordinate IDs", () => {
  let bench: Bench;
  let user: UnprivilegedUser;
  let image: string;

  beforeAll(async () => {
    ({ bench, user } = await makeUserBench({ subordinate: false }));
    const foreign = tar([{ name: "foreign", uid: 70_000, gid: 5, content: "" }]);
    image = bench.add("foreign", shellImage({ layers: [{ tar: foreign }] })).name;
  });
  afterAll(() => endUserBench({ bench, user }));

  it("is told so once, and gets an image's files as its own", async () => {
    const first = await user.nacre("pull", image);
    expect(first.err).toContain("you have no subordinate IDs");
    const second = await user.nacre("run", "--rm", "-q", image, "stat", "-c", "%u:%g", "/foreign");
    expect(second).toEqual({ code: 0, out: "0:0\n", err: "" });
    expect(await user.does("info", "-f", "{{len .Kernel.userNamespace.uids}}")).toBe("1");
  });

  it("runs, executes, builds, and has nobody but root in containers", async () => {
    await user.does("run", "-d", "-q", "--name", "one", image, "sleep", "1000");
    expect(await user.does("exec", "one", "id", "-u")).toBe("0");
    const other = await user.nacre("exec", "-u", "user", "one", "id");
    expect(other.err).toContain("user 1000:1000 is nobody here");
    await user.does("rm", "-f", "one");
    const context = join(user.base, "context");
    mkdirSync(context);
    writeFileSync(join(context, "Dockerfile"), `FROM ${image}\nRUN echo made >/made\n`);
    await user.does("build", "-q", "-t", "built", context);
    expect(await user.does("run", "--rm", "-q", "built", "cat", "/made")).toBe("made");
    await user.gone();
  });
});

/** Hierarchies in which a subtree is handed to a user here, by their mount points. */
const DELEGATED = ["memory", "pids", "freezer", "cpu", "devices"]
  .map((name) => `/sys/fs/cgroup/${name}`)
  .filter((path) => existsSync(join(path, "cgroup.procs")));

// The hierarchies of v1 are mounted on some machines only.
describe.skipIf(reason || DELEGATED.length < 5)("a user with delegated cgroups of v1", () => {
  let bench: Bench;
  let user: UnprivilegedUser;
  const made: string[] = [];

  beforeAll(async () => {
    ({ bench, user } = await makeUserBench());
    for (const mountpoint of DELEGATED) {
      const top = join(mountpoint, `nacre-delegated-${user.uid}`);
      for (const path of [top, join(top, "session")]) {
        mkdirSync(path);
        made.unshift(path);
        for (const file of ["", "cgroup.procs", "tasks"])
          chownSync(join(path, file), user.uid, user.gid);
      }
    }
  });
  afterAll(async () => {
    await endUserBench({ bench, user });
    for (const path of made) rmdirSync(path);
  });

  /** As its session does whose processes stand in the subtree. */
  const does = async (...words: string[]) => {
    const session = made.filter((path) => path.endsWith("session"));
    const enter = session.map((path) => `echo $$ >${path}/cgroup.procs`).join("; ");
    const joined = await user.run("sh", ["-c", `${enter}; exec "$0" "$@"`, user.program, ...words]);
    if (joined.code !== 0) throw new Error(`${joined.code}: ${joined.err}${joined.out}`);
    return joined;
  };

  it("gets limits, and can hold containers", async () => {
    const image = bench.name();
    const limits = ["-m", "64m", "--pids-limit", "20"];
    const run = await does("run", "-d", ...limits, "--name", "limited", image, "sleep", "1000");
    expect(run.err).not.toContain("are ignored");
    await does("run", "--rm", "-q", "--cgroup-parent", "/jobs", image, "true");
    const [memory] = made.filter((path) => /memory\/[^/]+$/.test(path));
    const id = run.out.trim();
    const limit = readFileSync(`${memory}/nacre/${id}/memory.limit_in_bytes`, "utf8");
    expect(limit.trim()).toBe(String(64 << 20));
    await does("pause", "limited");
    expect((await does("inspect", "-f", "{{.State.Status}}", "limited")).out.trim()).toBe("paused");
    await does("unpause", "limited");
    await does("rm", "-f", "limited");
    expect(existsSync(`${memory}/nacre`)).toBe(false);
  });
});
