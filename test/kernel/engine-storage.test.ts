// What does not depend on how layers are stored, and what survives a change of the state's shape.

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MIGRATIONS } from "@nacre/linux/schema.ts";
import { SqliteStateStore } from "@nacre/linux/state-store.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tar } from "../images/tar.ts";
import { Bench, shellImage } from "./engine-bench.ts";

let bench: Bench;
let layered: string;
beforeAll(async () => {
  bench = await Bench.make();
  const below = tar([
    { name: "d/", type: "directory", mode: 0o750 },
    { name: "d/hidden", content: "below" },
    { name: "d/replaced", content: "below" },
    { name: "opaque/", type: "directory" },
    { name: "opaque/below", content: "x" },
    { name: "link", type: "symlink", link: "d/replaced" },
    { name: "hard", type: "hardlink", link: "d/replaced" },
    { name: "fifo", type: "fifo" },
  ]);
  const above = tar([
    { name: "d/.wh.hidden", content: "" },
    { name: "d/replaced", content: "above", mode: 0o4711, uid: 7, gid: 8, mtime: 1_600_000_000.25 },
    { name: "opaque/", type: "directory" },
    { name: "opaque/.wh..wh..opq", content: "" },
    { name: "opaque/above", content: "y" },
    { name: "many/", type: "directory", mode: 0o1777 },
  ]);
  const image = shellImage({ layers: [{ tar: below }, { tar: above, compression: "zstd" }] });
  layered = bench.add("layered", image).name;
  await bench.nacre(["--snapshotter", "directory", "pull", "-q", layered]);
  await bench.nacre(["--snapshotter", "erofs", "pull", "-q", layered]);
  await bench.nacre(["run", "--rm", layered, "true"]); // says once that there is no network
});
afterAll(() => bench[Symbol.asyncDispose]());

describe.each(["erofs", "directory"])("containers over the %s snapshotter", (snapshotter) => {
  const on = (...words: string[]) => bench.does(["--snapshotter", snapshotter, ...words]);

  it("see the same tree", async () => {
    // But for the number of links of a file that has lost a name: overlayfs still counts it.
    const list =
      "find / -xdev \\( -path /dev -o -path /proc -o -path /sys -o -path /etc \\) -prune -o -exec stat -c '%n %F %a %u %g %s %.9Y' {} + | grep -v ' directory ' | sort; stat -c '%n %a %u %Y' /d /opaque /many /etc/passwd; cat /d/replaced /hard /link";
    const other = snapshotter === "erofs" ? "directory" : "erofs";
    const run = (name: string) =>
      bench.does(["--snapshotter", name, "run", "--rm", layered, "sh", "-c", list]);
    const tree = await run(snapshotter);
    expect(tree).toContain("/d/replaced regular file 4711 7 8 5 1600000000");
    expect(tree).not.toContain("hidden");
    expect(tree).not.toContain("/opaque/below");
    expect(tree.endsWith("abovebelowabove")).toBe(true);
    expect(tree).toBe(await run(other));
  });

  it("write, end, are joined and removed alike", async () => {
    await bench.unchanged(async () => {
      const script = "echo new > /d/replaced; rm -r /opaque; echo up; exec sleep 60";
      await on("run", "-d", "--name", "one", layered, "sh", "-c", script);
      await bench.until(async () => (await on("logs", "one")) === "up");
      expect(
        await on("exec", "one", "sh", "-c", "cat /d/replaced; ls -d /opaque 2>/dev/null; true"),
      ).toBe("new");
      expect(await on("run", "--rm", layered, "cat", "/d/replaced")).toBe("above");
      expect(JSON.parse(await on("inspect", "one"))[0].Driver).toBe(snapshotter);
      // What a container was made on is its own: it goes on whatever the next command chooses.
      await bench.does(["stop", "-t", "0", "one"]);
      await bench.does(["rm", "one"]);
    });
  });

  it("share an image with many others at once, and nothing that they write", async () => {
    const names = Array.from({ length: 4 }, (_, i) => `s${i}`);
    await Promise.all(names.map((name) => on("run", "-d", "--name", name, layered, "sleep", "60")));
    const lowers = bench.state().filter((one) => one.startsWith("mount:"));
    expect(lowers).toHaveLength(snapshotter === "erofs" ? 1 : 0);
    await on("exec", "s0", "sh", "-c", "echo own > /d/replaced");
    const shown = names.map((name) => on("exec", name, "cat", "/d/replaced"));
    expect(await Promise.all(shown)).toEqual(["own", "above", "above", "above"]);
    await on("rm", "-f", ...names);
  });
});

describe("the state", () => {
  it("of an older Nacre becomes the present one while a container runs", async () => {
    await bench.does(["run", "-d", "--name", "old", layered, "sh", "-c", "sleep 60"]);
    const path = join(bench.root, "state.db");
    const database = new DatabaseSync(path);
    // As the first version had it, with a start that was interrupted: its starter was the supervisor.
    const row = database
      .prepare("SELECT key, value FROM records WHERE kind = 'container'")
      .get() as {
      key: string;
      value: string;
    };
    const running = JSON.parse(row.value);
    const { process: _, startedMs: __, ...rest } = running;
    const torn = { ...rest, id: "f".repeat(64), name: "torn", status: "starting" };
    torn.supervisor = { pid: 1, startTime: "1" };
    const insert = database.prepare("INSERT INTO records VALUES (?, ?, ?)");
    insert.run("container", torn.id, JSON.stringify(torn));
    insert.run("name", "torn", JSON.stringify({ containerId: torn.id }));
    database.exec("PRAGMA user_version = 1");
    database.close();
    expect(await bench.does(["ps", "--format", "{{.Names}} {{.State}}"])).toBe("old running");
    expect(await bench.does(["exec", "old", "echo", "alive"])).toBe("alive");
    const [{ State }] = JSON.parse(await bench.does(["inspect", "torn"]));
    expect(State).toMatchObject({
      Status: "created",
      Error: expect.stringContaining("was killed"),
    });
    await bench.does(["rm", "torn"]);
    await bench.does(["rm", "-f", "old"]);
  });

  it("of a newer Nacre is left alone, and the container goes on", async () => {
    const id = await bench.does(["run", "-d", "--name", "ahead", layered, "sleep", "60"]);
    const path = join(bench.root, "state.db");
    const newer = new SqliteStateStore(path, { migrations: [...MIGRATIONS, () => {}] });
    try {
      const { code, stderr } = await bench.nacre(["ps"]);
      expect({ code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("newer Nacre"),
      });
      expect(newer.read((t) => t.get("container", id))).toMatchObject({ status: "running" });
    } finally {
      newer.close();
      const database = new DatabaseSync(path);
      database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
      database.close();
    }
    await bench.does(["rm", "-f", "ahead"]);
  });

  it("holds images that were pulled by a simulation, for this machine's own containers", async () => {
    const root = join(bench.base, "simulated-first");
    const pull = ["--backend", "simulated", "pull", "-q", layered];
    expect(await bench.nacre(pull, { root })).toMatchObject({ code: 0 });
    const run = ["run", "-q", "--rm", "--network", "none", layered, "echo", "real"];
    expect(await bench.nacre(run, { root })).toEqual({ code: 0, stdout: "real\n", stderr: "" });
  });
});
