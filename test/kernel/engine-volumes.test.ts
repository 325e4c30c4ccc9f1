// Volumes and mounts on the real kernel: what is shown, what is shared, and that nothing leads out.

import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { tar } from "../images/tar.ts";
import { benchForTests, shellImage } from "./engine-bench.ts";

let image: string;
let folder: string;
const bench = benchForTests(async (bench) => {
  const data = tar([
    { name: "data/", type: "directory", mode: 0o1750, uid: 7, gid: 8, mtime: 1_500_000_000 },
    { name: "data/a", content: "image\n", mode: 0o4710, uid: 7, gid: 9, mtime: 1_600_000_000 },
    { name: "data/hard", type: "hardlink", link: "data/a" },
    { name: "data/soft", type: "symlink", link: "/etc/passwd" },
    { name: "data/fifo", type: "fifo" },
    { name: "away", type: "symlink", link: "../../../../data" },
  ]);
  const input = shellImage({ layers: [{ tar: data }], process: { Volumes: { "/kept": {} } } });
  image = bench.add("volumes", input).name;
  await bench.does(["pull", "-q", image]);
  folder = join(bench.base, "folder");
  mkdirSync(folder);
});

const sh = (options: readonly string[], script: string) =>
  bench.does(["run", "--rm", ...options, image, "sh", "-c", `exec 2>/dev/null; ${script}`]);

describe("volumes", () => {
  it("are filled with owners, modes, times and links, shared, and gone with rm", async () => {
    await bench.unchanged(async () => {
      const list = "cd /data && stat -c '%n %F %a %u %g %h %Y' . a hard soft fifo | sort";
      const bare = await sh([], list);
      const filled = await sh(["-v", "vol:/data"], list);
      // Overlayfs counts the links of a directory in its own way.
      const same = (text: string) => text.replace(/^(\. directory \d+ \d+ \d+) \d+/m, "$1");
      expect(same(filled)).toBe(same(bare));
      expect(filled).toContain("a regular file 4710 7 9 2 1600000000");
      await sh(["-v", "vol:/data"], "echo mine > /data/a; rm /data/soft");
      expect(await sh(["-v", "vol:/x:ro"], "cat /x/hard; ls /x | wc -l")).toBe("mine\n3");
      expect(await sh(["-v", "other:/away"], "ls /data")).toContain("fifo");
      expect(JSON.parse(await bench.does(["volume", "inspect", "vol"]))[0]).toMatchObject({
        Driver: "local",
        Mountpoint: join(bench.root, "volumes/vol/_data"),
      });
      expect(await bench.does(["volume", "ls", "-q"])).toBe("other\nvol");
      await bench.does(["volume", "rm", "vol", "other"]);
      expect(readdirSync(join(bench.root, "volumes"))).toEqual([]);
    });
  });

  it("of the image go with --rm and with rm -v, and say who has them", async () => {
    await sh([], "echo > /kept/f");
    expect(await bench.does(["volume", "ls", "-q", "-f", "dangling=true"])).toBe("");
    await bench.does(["create", "--name", "keeper", "-v", "named:/n", image]);
    const refused = await bench.nacre(["volume", "rm", "named"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("in use by keeper (");
    expect(await sh(["--volumes-from", "keeper:ro"], "echo > /n/f || echo refused")).toBe(
      "refused",
    );
    await bench.does(["rm", "-v", "keeper"]);
    expect(await bench.does(["volume", "ls", "-q"])).toBe("named");
    expect(await bench.does(["volume", "prune", "-af"])).toContain("named");
  });

  it("may be file systems, which those who use them share", async () => {
    await bench.unchanged(async () => {
      const options = ["-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,noexec"];
      await bench.does(["volume", "create", ...options, "mem"]);
      await bench.does(["run", "-d", "--name", "one", "-v", "mem:/m", image, "sleep", "60"]);
      await bench.does(["exec", "one", "sh", "-c", "echo shared > /m/f"]);
      expect(await sh(["-v", "mem:/m"], "cat /m/f; df -k /m | tail -1")).toMatch(
        /^shared\ntmpfs +1024 /,
      );
      await bench.does(["rm", "-f", "one"]);
      expect(await sh(["-v", "mem:/m"], "ls /m")).toBe("");
      const bind = ["-o", "type=none", "-o", "o=bind,ro", "-o", `device=${folder}`];
      await bench.does(["volume", "create", ...bind, "bound"]);
      expect(await sh(["-v", "bound:/b"], "echo > /b/f || echo refused")).toBe("refused");
      await bench.does(["volume", "rm", "mem", "bound"]);
    });
  });

  it("whose removal was broken off are removed by whoever comes next", async () => {
    await bench.does(["volume", "create", "torn"]);
    await bench.unchanged(async () => {
      const database = new DatabaseSync(join(bench.root, "state.db"));
      const removal = { pid: 1, startTime: "0", bootId: "an earlier one" };
      database
        .prepare("UPDATE records SET value = json_set(value, '$.removal', json(?)) WHERE key = ?")
        .run(JSON.stringify(removal), "torn");
      database.close();
      expect(await bench.does(["volume", "ls", "-q", "-f", "name=torn"])).toBe("");
      expect(existsSync(join(bench.root, "volumes/torn"))).toBe(false);
    });
  });
});

describe("mounts", () => {
  it("by --mount are what they say", async () => {
    const under = join(folder, "under");
    mkdirSync(under, { recursive: true });
    writeFileSync(join(folder, "f"), "bound\n");
    const options = [
      ...["--mount", `type=bind,src=${folder},dst=/b,ro`],
      ...["--mount", "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1700"],
      ...["--mount", `type=image,src=${bench.name()},dst=/i`],
      ...["--mount", `type=image,src=${image},dst=/j,image-subpath=data`],
    ];
    await bench.does(["pull", "-q", bench.name()]);
    const script =
      "cat /b/f; echo > /b/new || echo refused; stat -c %a /t; ls /i/bin/sh; cat /j/a; echo > /j/x || echo refused";
    await bench.unchanged(async () => {
      expect(await sh(options, script)).toBe("bound\nrefused\n1700\n/i/bin/sh\nimage\nrefused");
    });
    const absent = await bench.nacre([
      "run",
      "--rm",
      "--mount",
      "type=bind,src=/absent,dst=/b",
      image,
    ]);
    expect(absent.stderr).toContain("bind source path does not exist: /absent");
    expect(existsSync("/absent")).toBe(false);
  });

  it("show other owners, and write with those that the files have", async () => {
    const home = join(bench.base, "home");
    mkdirSync(home);
    writeFileSync(join(home, "f"), "mine\n", { mode: 0o600 });
    for (const path of [home, join(home, "f")]) chownSync(path, 1234, 2345);
    await bench.unchanged(async () => {
      const shown = await sh(["-v", `${home}:/h:idmap`], "stat -c '%u %g' /h /h/f; echo > /h/new");
      expect(shown).toBe("0 0\n0 0");
      const { uid, gid } = statSync(join(home, "new"));
      expect({ uid, gid }).toEqual({ uid: 1234, gid: 2345 });
      const map = "idmap=uids=1234-77-1;gids=2345-88-1";
      const user = ["--user", "77:88", "--mount", `type=bind,src=${home},dst=/h,${map}`];
      expect(await sh(user, "id -u; cat /h/f; stat -c '%u %g' /h/f")).toBe("77\nmine\n77 88");
    });
  });

  it("leave those below them writable where that was asked", async () => {
    const below = ["--tmpfs", "/b/under"];
    const bind = (more: string) => ["--mount", `type=bind,src=${folder},dst=/b,ro${more}`];
    const script = "echo > /b/x || echo top; echo > /b/under/x || echo below";
    expect(await sh([...bind(",bind-recursive=writable"), ...below], script)).toBe("top");
  });

  it("lead nowhere but into the container, whatever links a volume has", async () => {
    const outside = join(bench.base, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "secret"), "secret\n");
    await bench.does(["volume", "create", "links"]);
    const data = join(bench.root, "volumes/links/_data");
    symlinkSync(outside, join(data, "out"));
    symlinkSync("../../../../../../../../..", join(data, "up"));
    const at = (subpath: string) =>
      bench.nacre([
        ...["run", "--rm", "--mount", `type=volume,src=links,dst=/s,volume-subpath=${subpath}`],
        ...[image, "ls", "/s"],
      ]);
    expect((await at("out")).code).toBe(125);
    expect((await at("up")).stdout).toBe("out\nup\n");
    // A volume whose link lies in the way of a later mount's missing target (CVE-2024-45310).
    symlinkSync(`${outside}/made`, join(data, "dangling"));
    const mounts = ["-v", "links:/v", "-v", `${folder}:/v/dangling/deep`];
    await sh(mounts, "true");
    expect(readdirSync(outside)).toEqual(["secret"]);
    await bench.does(["volume", "rm", "links"]);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret\n");
  });

  it("put nothing of the user's in the place of /proc (CVE-2019-16884)", async () => {
    for (const target of ["/proc", "/proc/self", "/proc/../proc/sys", "/dev/../proc"]) {
      const refused = await bench.nacre(["run", "--rm", "-v", `fake:${target}`, image, "true"]);
      expect(refused.code, target).toBe(125);
      expect(refused.stderr).toContain("it is inside /proc");
    }
  });
});
