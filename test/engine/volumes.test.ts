// Volumes and what else is mounted, on the simulated kernel.

import type { EventRecord } from "@nacre/core/state/records.ts";
import { describe, expect, it } from "vitest";
import { type SimulateOptions, type Simulation, simulate, tools } from "../../cli/simulated.ts";

const IMAGES: NonNullable<SimulateOptions["images"]> = {
  box: {
    command: ["sh"],
    files: {
      ...tools,
      "/data": { directory: true, mode: 0o750, uid: 7, gid: 8 },
      "/data/a": { content: "from the image\n", mode: 0o640, uid: 7, gid: 9 },
      "/data/deep/b": "deeper\n",
      "/data/link": { link: "deep/b" },
      "/away": { link: "/data/deep" },
      "/loop": { link: "/loop" },
      "/escape": { link: "../../../../../../data" },
      "/file": "no directory\n",
    },
  },
  kept: {
    files: { ...tools, "/var/lib/db/seed": "1\n" },
    command: ["sh"],
    volumes: ["/var/lib/db"],
  },
};

const all = async (simulation: Simulation) =>
  (await simulation.engine.volumes.list()).map(({ volume }) => volume.name);
const named = (name: string, target: string, more: object = {}) =>
  ({ type: "volume", name, target, readOnly: false, ...more }) as const;
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable("it was not refused"),
    (error: unknown) => error as Error & { kind: string; advice?: string },
  );

async function events(simulation: Simulation): Promise<EventRecord[]> {
  const found: EventRecord[] = [];
  for await (const event of simulation.engine.history()) found.push(event);
  return found;
}

describe("a named volume", () => {
  it("outlives its containers, and is shared by them", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const mounts = [named("vol", "/v")];
    const write = ["sh", "-c", "echo kept > /v/f; echo 'in the layer' > /f"];
    expect((await simulation.run("box", write, { mounts })).code).toBe(0);
    const read = await simulation.run("box", ["sh", "-c", "cat /v/f; cat /f"], { mounts });
    expect(read.stdout).toBe("kept\n");
    const readOnly = [named("vol", "/v", { readOnly: true })];
    const refused = await simulation.run("box", ["sh", "-c", "echo > /v/f"], { mounts: readOnly });
    expect(refused.stderr).toContain("Read-only file system");
  });

  it("is filled by the image at first, with owners, modes and links, and never again", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const mounts = [named("vol", "/data")];
    const list = "ls -lnd /data; ls -ln /data/a; readlink /data/link; cat /data/deep/b";
    const first = await simulation.run("box", ["sh", "-c", `${list}; echo mine > /data/a`], {
      mounts,
    });
    expect(first.stdout).toMatch(
      /^drwxr-x--- \d+ 7 8 .*\n-rw-r----- 1 7 9 15 .*\ndeep\/b\ndeeper\n$/,
    );
    const second = await simulation.run("box", ["cat", "/data/a"], { mounts });
    expect(second.stdout).toBe("mine\n");
  });

  it("is filled once where several containers begin at once, and is left to one that runs", async () => {
    await using simulation = await simulate({ images: IMAGES });
    await simulation.engine.images.pull("box");
    const mounts = [named("vol", "/data")];
    const list = () => simulation.run("box", ["ls", "/data"], { mounts });
    const seen = await Promise.all([list(), list(), list()]);
    // Who comes while another fills it has what was there when its own began.
    for (const { stdout } of seen) expect(["", "a\ndeep\nlink\n"]).toContain(stdout);
    expect((await list()).stdout).toBe("a\ndeep\nlink\n");
    const { containers } = simulation.engine;
    const sleeper = { image: "box", detached: true, command: ["sleep", "1h"] };
    await containers.run({ ...sleeper, name: "holds", mounts: [named("busy", "/empty")] });
    await simulation.run("box", ["true"], { mounts: [named("busy", "/data")] });
    await simulation.exec("holds", ["sh", "-c", "echo mine > /empty/f"]);
    const { stdout } = await simulation.run("box", ["ls", "/data"], {
      mounts: [named("busy", "/data")],
    });
    expect(stdout).toBe("f\n");
  });

  it("stays empty where it is told to, and where the image has nothing there", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const list = async (mount: ReturnType<typeof named>) =>
      (await simulation.run("box", ["ls", mount.target], { mounts: [mount] })).stdout;
    expect(await list(named("v1", "/data", { noCopy: true }))).toBe("");
    expect(await list(named("v2", "/nowhere"))).toBe("");
  });

  it("is never filled from outside of the image, whatever its links say", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const list = async (name: string, target: string) => {
      await simulation.engine.containers.create({ image: "box", mounts: [named(name, target)] });
      const { mountpoint } = await simulation.engine.volumes.get(name);
      return simulation.kernel.hostFiles().list(mountpoint).sort();
    };
    // A link leads on inside the image; there is no way up from its root (CVE-2022-23648).
    expect(await list("v1", "/away")).toEqual(["b"]);
    expect(await list("v2", "/escape")).toEqual(["a", "deep", "link"]);
    expect(await list("v3", "/../../data")).toEqual(["a", "deep", "link"]);
    expect(await list("v4", "/loop")).toEqual([]);
    expect(await list("v5", "/file")).toEqual([]);
  });

  it("cannot be removed while a container has it, and says who", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { containers, volumes } = simulation.engine;
    await containers.create({ image: "box", name: "user", mounts: [named("vol", "/v")] });
    const error = await refusal(volumes.remove("vol", { force: true }));
    expect(error).toMatchObject({
      kind: "in-use",
      advice: expect.stringContaining("nacre rm user"),
    });
    expect(error.message).toContain("in use by user (");
    await containers.remove("user", { volumes: true });
    expect(await all(simulation)).toEqual(["vol"]);
    const { mountpoint } = await volumes.get("vol");
    await volumes.remove("vol");
    expect(simulation.kernel.hostFiles().status(mountpoint)).toBeUndefined();
    expect((await refusal(volumes.remove("vol"))).kind).toBe("not-found");
    await volumes.remove("vol", { force: true });
  });

  it("is what it was made as", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { volumes } = simulation.engine;
    await volumes.create({ name: "vol", labels: { ci: "" } });
    await volumes.create({ name: "vol" });
    const options = { type: "tmpfs", device: "tmpfs" };
    expect((await refusal(volumes.create({ name: "vol", options }))).kind).toBe("conflict");
    expect((await refusal(volumes.create({ name: "v/w" }))).kind).toBe("invalid");
    expect((await refusal(volumes.create({ driver: "nobody" }))).message).toContain(
      "volume driver nobody not found",
    );
    expect((await volumes.list({ label: ["ci"] })).map(({ volume }) => volume.name)).toEqual([
      "vol",
    ]);
    expect(await volumes.list({ "label!": ["ci"] })).toEqual([]);
    expect(await volumes.list({ dangling: ["false"] })).toEqual([]);
    expect((await refusal(volumes.list({ colour: ["red"] }))).kind).toBe("invalid");
  });
});

describe("a volume without a name", () => {
  it("goes with a container that removes itself, and with rm -v", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { containers } = simulation.engine;
    expect((await simulation.run("kept", ["cat", "/var/lib/db/seed"])).stdout).toBe("1\n");
    expect(await all(simulation)).toEqual([]);
    await containers.create({ image: "kept", name: "first" });
    await containers.create({
      image: "box",
      name: "second",
      mounts: [{ type: "volume", target: "/x", readOnly: false }],
    });
    expect(await all(simulation)).toHaveLength(2);
    await containers.remove("first");
    expect(await all(simulation)).toHaveLength(2);
    await containers.remove("second", { volumes: true });
    expect(await all(simulation)).toHaveLength(1);
    const pruned = await simulation.engine.system.prune({ volumes: true });
    expect(pruned.volumes).toHaveLength(1);
    expect(pruned.reclaimedBytes).toBeGreaterThanOrEqual(2);
    expect(await all(simulation)).toEqual([]);
  });

  it("stays while another container has borrowed it", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { containers } = simulation.engine;
    await containers.create({ image: "kept", name: "owner" });
    const borrowed = await simulation.run("box", ["cat", "/var/lib/db/seed"], {
      volumesFrom: ["owner"],
    });
    expect(borrowed.stdout).toBe("1\n");
    expect(await all(simulation)).toHaveLength(1);
    await containers.create({ image: "box", name: "borrower", volumesFrom: ["owner:ro"] });
    expect(containers.get("borrower").mounts).toMatchObject([
      { target: "/var/lib/db", readOnly: true },
    ]);
    await containers.remove("owner", { volumes: true });
    expect(await all(simulation)).toHaveLength(1);
    await containers.remove("borrower", { volumes: true });
    expect(await all(simulation)).toEqual([]);
  });
});

describe("what is mounted", () => {
  it("prefers what was asked for to what was borrowed, and that to the image's", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { containers } = simulation.engine;
    const lent = [named("lent", "/var/lib/db")];
    await containers.create({ image: "box", name: "lender", mounts: lent });
    const targets = async (more: object) => {
      const { mounts } = await containers.create({ image: "kept", ...more });
      return mounts.map((mount) => (mount.type === "volume" ? mount.name : mount.type));
    };
    expect(await targets({ volumesFrom: ["lender"] })).toEqual(["lent"]);
    expect(
      await targets({ volumesFrom: ["lender"], mounts: [named("own", "/var/lib//db/")] }),
    ).toEqual(["own"]);
    const tmpfs = { type: "tmpfs", target: "/var/lib/db", options: [] } as const;
    const shown = [{ type: "image", source: "box", target: "/shown" } as const, tmpfs];
    await containers.create({ image: "box", name: "shows", mounts: shown });
    expect(await targets({ image: "box", volumesFrom: ["shows:ro"] })).toEqual(["image"]);
    expect(await targets({ mounts: [tmpfs] })).toEqual(["tmpfs"]);
  });

  it("is a path within a volume, which no link leads out of", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const mounts = [named("vol", "/v")];
    const script = "mkdir /v/in; echo inside > /v/in/f; ln -s / /v/out; ln -s ../../.. /v/up";
    expect((await simulation.run("box", ["sh", "-c", script], { mounts })).code).toBe(0);
    const at = (subpath: string) =>
      simulation.run("box", ["ls", "/s"], { mounts: [named("vol", "/s", { subpath })] });
    expect((await at("in")).stdout).toBe("f\n");
    // The root of the volume is the root of all that its links can name.
    for (const out of ["out", "up", "../.."]) {
      expect((await at(out)).stdout.split("\n")).toEqual(["in", "out", "up", ""]);
    }
    await expect(at("absent")).rejects.toMatchObject({ kind: expect.any(String) });
    expect(await all(simulation)).toEqual(["vol"]);
  });

  it("is a mount of the driver's while somebody uses it", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { containers, volumes } = simulation.engine;
    const options = { type: "tmpfs", device: "tmpfs", o: "size=1m" };
    await volumes.create({ name: "mem", options });
    const mounted = () =>
      simulation.kernel.mounts().filter(({ target }) => /volume-mem/.test(target));
    const mounts = [named("mem", "/t")];
    const sleeper = { image: "box", detached: true, mounts, command: ["sleep", "1h"] };
    await containers.run({ ...sleeper, name: "one" });
    await containers.run({ ...sleeper, name: "two" });
    expect(mounted()).toHaveLength(1);
    await simulation.exec("one", ["sh", "-c", "echo shared > /t/f"]);
    expect((await simulation.exec("two", ["cat", "/t/f"])).stdout).toBe("shared\n");
    await containers.remove("one", { force: true });
    expect(mounted()).toHaveLength(1);
    await containers.remove("two", { force: true });
    expect(mounted()).toEqual([]);
  });

  it("may be another image, to read", async () => {
    for (const snapshotter of ["erofs", "directory"] as const) {
      await using simulation = await simulate({ images: IMAGES, snapshotter });
      const { containers, images } = simulation.engine;
      await images.pull("kept");
      const mounts = [{ type: "image", source: "kept", target: "/i", subpath: "var/lib" }] as const;
      const script = "cat /i/db/seed; echo > /i/db/new";
      const { stdout, stderr } = await simulation.run("box", ["sh", "-c", script], { mounts });
      expect(stdout).toBe("1\n");
      expect(stderr).toContain("Read-only file system");
      const sleeper = { image: "box", detached: true, command: ["sleep", "1h"] };
      await containers.run({ ...sleeper, name: "has", mounts });
      expect((await refusal(images.remove("kept"))).message).toContain("needed by");
      expect((await simulation.engine.system.prune({ all: true })).images).toEqual([]);
      expect(images.get("kept").references).toHaveLength(1);
      await containers.remove("has", { force: true });
      await images.remove("kept");
    }
  });

  it("is refused if it must be there and is not, before anything is made", async () => {
    await using simulation = await simulate({ images: IMAGES });
    await simulation.engine.images.pull("box");
    const bind = { type: "bind", source: "/absent", target: "/b", mustExist: true } as const;
    const more = { readOnly: false, recursive: true, propagation: "private" } as const;
    const mounts = [named("vol", "/v"), { ...bind, ...more }];
    const { containers } = simulation.engine;
    const error = await refusal(containers.create({ image: "box", mounts }));
    expect(error.message).toContain("bind source path does not exist: /absent");
    expect(await all(simulation)).toEqual([]);
    expect(containers.list({ all: true })).toEqual([]);
  });

  it("says where other owners cannot be shown", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const bind = { type: "bind", source: "/sys/kernel", target: "/b", idmap: "owner" } as const;
    const more = { readOnly: false, recursive: false, propagation: "private" } as const;
    const error = await refusal(
      simulation.run("box", ["true"], { mounts: [{ ...bind, ...more }] }),
    );
    expect(error).toMatchObject({ kind: "unsupported" });
    expect(error.message).toContain("/sys/kernel cannot be shown with other owners");
  });

  it("is told by inspect, ps and the history", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { containers, volumes } = simulation.engine;
    const mounts = [named("vol", "/v", { readOnly: true })];
    const request = { image: "box", name: "told", mounts, command: ["true"] };
    await containers.create(request);
    await (await containers.start("told")).exited;
    const { mountpoint } = await volumes.get("vol");
    expect(containers.inspect("told")).toMatchObject({
      Mounts: [
        {
          ...{ Type: "volume", Name: "vol", Source: mountpoint, Destination: "/v" },
          ...{ Driver: "local", RW: false },
        },
      ],
      HostConfig: { Binds: ["vol:/v:ro"] },
    });
    expect(containers.list({ all: true, filters: { volume: ["vol"] } })).toHaveLength(1);
    expect(containers.list({ all: true, filters: { volume: ["nobody"] } })).toEqual([]);
    await containers.remove("told");
    await volumes.remove("vol");
    const told = (await events(simulation)).map(({ type, action }) => `${type} ${action}`);
    expect(told.filter((line) => !line.startsWith("image"))).toEqual([
      ...["volume create", "container create", "volume mount", "container start"],
      ...["container die", "volume unmount", "container destroy", "volume destroy"],
    ]);
  });
});

describe("shared memory", () => {
  it("is one for containers that share their ipc namespace, and ends with the last", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { containers } = simulation.engine;
    const mounted = () => simulation.kernel.mounts().filter(({ target }) => /shm-/.test(target));
    const sleeper = { image: "box", detached: true, command: ["sleep", "1h"] };
    await containers.run({
      ...{ ...sleeper, name: "owner", namespaces: { ipc: "shareable" } },
      shmBytes: 1 << 20,
    });
    await containers.run({ ...sleeper, name: "guest", namespaces: { ipc: "container:owner" } });
    await simulation.exec("owner", ["sh", "-c", "echo shared > /dev/shm/f"]);
    expect((await simulation.exec("guest", ["cat", "/dev/shm/f"])).stdout).toBe("shared\n");
    const third = { namespaces: { ipc: "container:guest" } };
    expect((await simulation.run("box", ["cat", "/dev/shm/f"], third)).stdout).toBe("shared\n");
    expect(mounted()).toHaveLength(1);
    await containers.remove("owner", { force: true });
    expect((await simulation.exec("guest", ["cat", "/dev/shm/f"])).stdout).toBe("shared\n");
    await containers.remove("guest", { force: true });
    expect(mounted()).toEqual([]);
  });

  it("is nobody else's where it is private", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { containers } = simulation.engine;
    await containers.run({ image: "box", name: "own", detached: true, command: ["sleep", "1h"] });
    const joined = containers.create({ image: "box", namespaces: { ipc: "container:own" } });
    const { id } = await joined;
    expect(await refusal(containers.start(id))).toMatchObject({
      kind: "conflict",
      message: "container own does not share its ipc namespace",
    });
  });
});

describe("pruning", () => {
  it("takes stopped containers by age and label, and says how much they had written", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { containers } = simulation.engine;
    const write = ["sh", "-c", "echo 123 > /f"];
    const make = async (name: string, labels: Record<string, string>) => {
      await containers.create({ image: "box", name, labels, command: write });
      await (await containers.start(name)).exited;
    };
    await make("old", { ci: "" });
    const untilMs = simulation.nowMs() + 1;
    await simulation.advance(1000);
    await make("new", { ci: "" });
    await make("other", {});
    expect(containers.size("old").writtenBytes).toBe(4);
    const pruned = await containers.prune({ untilMs, filters: { label: ["ci"] } });
    expect(pruned).toEqual({ containers: [expect.any(String)], reclaimedBytes: 4 });
    const names = () => containers.list({ all: true }).map(({ name }) => name);
    expect(names().sort()).toEqual(["new", "other"]);
    await containers.prune({ filters: { "label!": ["ci"] } });
    expect(names()).toEqual(["new"]);
    expect((await refusal(containers.prune({ filters: { colour: ["red"] } }))).kind).toBe(
      "invalid",
    );
  });

  it("leaves volumes that have a name, unless all are meant", async () => {
    await using simulation = await simulate({ images: IMAGES });
    const { containers, volumes } = simulation.engine;
    await volumes.create({ name: "mine" });
    await volumes.create();
    await containers.create({ image: "box", mounts: [named("used", "/u")] });
    expect((await volumes.prune()).volumes).toHaveLength(1);
    expect((await volumes.prune({ filters: { all: ["true"] } })).volumes).toEqual(["mine"]);
    expect(await all(simulation)).toEqual(["used"]);
  });
});
