// The engine of a user who is not root, on the simulated kernel: it is held to the same rules of
// user namespaces, so that what they forbid fails here, too.

import type { Operation } from "@nacre/core/program/operation.ts";
import { describe, expect, it } from "vitest";
import { type SimulateOptions, simulate, tools } from "../../cli/simulated.ts";

const line = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size });
const RANGE = [line(0, 1000, 1), line(1, 100_000, 65_536)];
const WHOLE = { uids: RANGE, gids: RANGE };
const SINGLE = { uids: RANGE.slice(0, 1), gids: RANGE.slice(0, 1) };

const unprivileged = (options: SimulateOptions = {}) =>
  simulate({
    images: { shell: { files: { ...tools, "/etc/motd": "hello\n", "/sub/old": "old\n" } } },
    userNamespace: WHOLE,
    ...options,
  });

describe.each([
  ["subordinate IDs", WHOLE],
  ["one ID", SINGLE],
])("a user with %s", (_, userNamespace) => {
  it("runs and executes as root of containers, and leaves the machine as it was", async () => {
    await using simulation = await unprivileged({ userNamespace });
    const { engine, kernel } = simulation;
    // What the first one leaves: its image, and a filter.
    await simulation.run("shell", ["true"]);
    const before = kernel.state();
    const run = await simulation.run("shell", ["sh", "-c", "cat /etc/motd; echo x >/tmp-file"]);
    expect(run).toEqual({ code: 0, stdout: "hello\n", stderr: "" });
    expect(kernel.state()).toEqual(before);
    const request = { image: "shell", name: "box", command: ["sleep", "1000"] };
    await engine.containers.run(request, undefined, { detached: true });
    const exec = await simulation.exec("box", ["cat", "/etc/motd"]);
    expect(exec.stdout).toBe("hello\n");
    await engine.containers.remove("box", { force: true });
    expect(kernel.state().mounts).toEqual(before.mounts);
  });

  it("finds what a container has changed by the marks that a user may set", async () => {
    await using simulation = await unprivileged({ userNamespace });
    const { engine } = simulation;
    const request = { image: "shell", name: "box" };
    const script = "rm -r /sub && mkdir /sub && echo new >/sub/new; rm /bin/ls";
    const run = await engine.containers.run({ ...request, command: ["sh", "-c", script] });
    await run.exited;
    const changes = await engine.archives.changes("box");
    const shown = changes.map(({ kind, path }) => `${kind} ${path}`);
    expect(shown).toEqual(expect.arrayContaining(["D /bin/ls", "A /sub/new", "D /sub/old"]));
  });
});

describe("a user who is not root", () => {
  it("owns what containers write, as the kernel counts", async () => {
    await using simulation = await unprivileged();
    const { kernel } = simulation;
    await simulation.run("shell", ["true"]);
    const root = "/home/user/.local/share/nacre";
    expect(kernel.state().files[root]).toBe("directory 700 1000:1000");
    expect(kernel.facts()).toMatchObject({ erofs: "none", userNamespace: WHOLE });
  });

  it("is told of limits that nothing can hold, once, and refused a cgroup to stand below", async () => {
    await using simulation = await unprivileged();
    const { engine } = simulation;
    const notices: string[] = [];
    engine.events.subscribe((event) => {
      if (event.type === "notice") notices.push(event.message);
    });
    const resources = { memoryBytes: 64 << 20 };
    await simulation.run("shell", ["true"], { resources });
    expect(notices).toEqual([expect.stringContaining("limits of memory are ignored")]);
    const below = simulation.run("shell", ["true"], { cgroupParent: "/jobs" });
    await expect(below).rejects.toThrow("--cgroup-parent /jobs: no cgroup is delegated");
    expect(engine.containers.list({ all: true })).toEqual([]);
  });

  it("is refused what its namespace may not do", async () => {
    await using simulation = await unprivileged();
    const { kernel } = simulation;
    await simulation.run("shell", ["true"]);
    const before = kernel.state();
    const nobody = simulation.run("shell", ["true"], { user: "70000" });
    await expect(nobody).rejects.toThrow("user 70000:0 is nobody here");
    const node: Operation = {
      ...{ op: "placeNode", path: "/made", type: "block", major: 8, minor: 0 },
      ...{ mode: 0o600, uid: 0, gid: 0 },
    };
    const host: Operation[] = [{ op: "openRoot", path: "/home/user" }, node];
    await expect(kernel.perform({ title: "a disk", host })).rejects.toThrow("EPERM");
    const erofs = { type: "erofs", source: "none", options: [], attributes: [] };
    const mount = { op: "mount", mount: erofs, target: "/home/user" } as const;
    await expect(kernel.perform({ title: "EROFS", host: [mount] })).rejects.toThrow("EPERM");
    expect(kernel.state()).toEqual(before);
  });
});

describe("a container of such a user, with --userns", () => {
  const owners = (...paths: readonly string[]): string =>
    `for p in ${paths.join(" ")}; do ls -lnd $p | awk '{print $3 ":" $4}'; done`;

  it("keep-id has the ID of who runs it, and the others around it", async () => {
    await using simulation = await unprivileged();
    const script = `id -u; cat /proc/self/uid_map; ${owners("/", "/bin", "/sub/old")}`;
    const { stdout, stderr } = await simulation.run("shell", ["sh", "-c", script], {
      userns: "keep-id",
    });
    expect(stderr).toBe("");
    const numbers = stdout.split(/\s+/).filter((word) => word !== "");
    const map = ["0", "1", "1000", "1000", "0", "1", "1001", "1001", "64536"];
    expect(numbers).toEqual(["1000", ...map, "0:0", "0:0", "0:0"]);
    const root = await simulation.run("shell", ["sh", "-c", "id -u; touch /made; ls -ln /made"], {
      ...{ userns: "keep-id:uid=5,gid=6", user: "0" },
    });
    expect(root.stdout).toMatch(/^0\n.* 0 +0 .*\/made\n$/);
  });

  it("keep-id knows who runs it by its number where the machine has no name for it", async () => {
    await using simulation = await unprivileged();
    const { stdout } = await simulation.run("shell", ["sh", "-c", "cat /etc/passwd; echo $HOME"], {
      ...{ userns: "keep-id", workingDirectory: "/sub" },
    });
    expect(stdout).toContain("\n1000:*:1000:1000:container user:/sub:/bin/sh\n/sub\n");
  });

  it("nomap has everybody but who runs it", async () => {
    await using simulation = await unprivileged();
    const { stdout } = await simulation.run(
      "shell",
      ["sh", "-c", `id -u; cat /proc/self/uid_map; ${owners("/sub/old")}`],
      { userns: "nomap" },
    );
    expect(stdout.split(/\s+/).filter(Boolean)).toEqual(["0", "0", "1", "65536", "0:0"]);
  });

  it("says of what was changed whose it is in the container", async () => {
    await using simulation = await unprivileged();
    const { engine, kernel } = simulation;
    const script = "touch /made; mkdir /theirs; chown 7:8 /theirs; rm /sub/old";
    const box = { image: "shell", name: "box", userns: "keep-id", user: "0" };
    await (await engine.containers.run({ ...box, command: ["sh", "-c", script] })).exited;
    const changes = await engine.archives.changes("box");
    const shown = changes.map(({ kind, path }) => `${kind} ${path}`);
    expect(shown).toEqual(expect.arrayContaining(["A /made", "A /theirs", "D /sub/old"]));
    {
      await using files = await engine.containers.files("box");
      const found = [];
      for await (const { entry } of files.entries("/theirs")) found.push([entry.uid, entry.gid]);
      expect(found).toEqual([[7, 8]]);
    }
    await engine.archives.commit("box", { reference: "committed:1" });
    const again = await simulation.run("committed:1", ["sh", "-c", owners("/made", "/theirs")]);
    expect(again.stdout).toBe("0:0\n7:8\n");
    await engine.containers.remove("box");
    for (const image of ["committed:1", "shell"])
      await engine.images.remove(image, { force: true });
    // The layers that were unpacked for them, too.
    const left = Object.keys(kernel.state().files).filter((path) =>
      /snapshots\/directory\/./.test(path),
    );
    expect(left).toEqual([]);
  });

  it("finds an image that is mounted with the container's owners, and may look into it", async () => {
    await using simulation = await unprivileged();
    const mounts = [{ type: "image", source: "shell", target: "/shown" }] as const;
    const script = `${owners("/shown", "/shown/sub/old")}; cat /shown/etc/motd`;
    const { stdout, stderr } = await simulation.run("shell", ["sh", "-c", script], {
      ...{ userns: "keep-id", mounts },
    });
    expect({ stdout, stderr }).toEqual({ stdout: "0:0\n0:0\nhello\n", stderr: "" });
  });

  it("finds an image that another container has mounted, with its own owners", async () => {
    await using simulation = await unprivileged();
    const { engine } = simulation;
    const mounts = [{ type: "image", source: "shell", target: "/shown" }] as const;
    await engine.containers.create({ image: "shell", name: "lender", command: ["true"], mounts });
    const script = `${owners("/shown", "/shown/sub/old")}; cat /shown/etc/motd`;
    const { stdout, stderr } = await simulation.run("shell", ["sh", "-c", script], {
      ...{ userns: "keep-id", volumesFrom: ["lender"] },
    });
    expect({ stdout, stderr }).toEqual({ stdout: "0:0\n0:0\nhello\n", stderr: "" });
  });

  it("starts with the image that it has mounted, whatever has its name by then", async () => {
    await using simulation = await unprivileged();
    const { engine } = simulation;
    const mounts = [{ type: "image", source: "mounted:1", target: "/shown" }] as const;
    await simulation.run("shell", ["true"]);
    await engine.images.tag("shell", "mounted:1");
    const command = ["cat", "/shown/etc/motd"];
    const request = { image: "shell", name: "box", command, mounts, userns: "keep-id" };
    await engine.containers.create(request);
    await engine.images.remove("mounted:1");
    const started = await engine.containers.start("box");
    expect(await started.exited).toBe(0);
  });

  it("lends its users to another, and takes maps of the IDs that there are", async () => {
    await using simulation = await unprivileged();
    const { engine } = simulation;
    const map = ["sh", "-c", "cat /proc/self/uid_map"];
    await engine.containers.run(
      { image: "shell", name: "lender", userns: "keep-id", command: ["sleep", "1000"] },
      undefined,
      { detached: true },
    );
    const joined = await simulation.run("shell", map, { userns: "container:lender" });
    expect(joined.stdout.split(/\s+/).slice(1, 4)).toEqual(["0", "1", "1000"]);
    const uids = [line(0, 1, 100)];
    const mapped = await simulation.run("shell", map, { idMaps: { uids, gids: uids } });
    expect(mapped.stdout.split(/\s+/).filter(Boolean)).toEqual(["0", "1", "100"]);
  });

  it("are counted with the layers that are unpacked for them, and what images share once", async () => {
    await using simulation = await unprivileged();
    const { engine } = simulation;
    await simulation.run("shell", ["true"]);
    const bytes = async () => (await engine.system.diskUsage()).imageBytes;
    const before = await bytes();
    const box = { image: "shell", name: "box", userns: "keep-id", user: "0" };
    const command = ["sh", "-c", "echo 1234567 >/made"];
    await (await engine.containers.run({ ...box, command })).exited;
    const unpacked = (await bytes()) - before;
    expect(unpacked).toBeGreaterThan(0);
    await engine.archives.commit("box", { reference: "child:1" });
    const child = (await bytes()) - before - unpacked;
    await simulation.run("child:1", ["true"], { userns: "keep-id" });
    // Of the second image its own layer alone, for each that has unpacked it.
    expect((await bytes()) - before).toBeLessThan(2 * unpacked + 2 * child);
    await engine.containers.remove("box");
    const all = await bytes();
    expect((await engine.images.prune({ all: true })).reclaimedBytes).toBe(all);
    expect(await bytes()).toBe(0);
  });

  it("unpacks no layers a second time for who has no users of its own", async () => {
    await using simulation = await unprivileged();
    await simulation.run("shell", ["true"]);
    const names = Object.keys(simulation.kernel.state().files);
    expect(names.filter((path) => /snapshots\/directory\/u/.test(path))).toEqual([]);
  });
});
