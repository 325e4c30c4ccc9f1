import { describe, expect, it } from "vitest";
import { main } from "../../../cli/main.ts";
import { FakeEngine } from "../fake-engine.ts";
import { FakeHost, nacre } from "../fake-host.ts";

describe("events", () => {
  const engine = new FakeEngine();
  engine.recorded = [
    {
      sequence: 1,
      timeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      type: "container",
      action: "start",
      subject: "abc",
      attributes: { name: "web\n", image: "debian" },
    },
  ];

  it("are printed as docker prints them", async () => {
    const { out } = await nacre(["events", "--until", "0s"], { engine });
    expect(out).toMatch(
      /^2026-01-0\dT\d\d:\d4:05\.678000000\S+ container start abc \(image=debian, name=web\\n\)\n$/,
    );
  });

  it("are printed as JSON", async () => {
    const { out } = await nacre(["events", "--format", "json", "--until", "0s"], { engine });
    expect(JSON.parse(out)).toMatchObject({
      status: "start",
      from: "debian",
      Type: "container",
      Actor: { ID: "abc", Attributes: { image: "debian" } },
      time: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000,
    });
  });

  it("are asked for by time and by filters", async () => {
    await nacre(["events", "--since", "10m", "--until", "3005"], { engine, nowMs: 3_600_000 });
    expect(engine.calls.at(-1)).toMatchObject([
      "history",
      { sinceMs: 3_000_000, untilMs: 3_005_000, follow: false },
    ]);
    const filtered = ["events", "-f", "type=image", "-f", "event=pull", "-f", "event=tag"];
    await nacre([...filtered, "--until", "0s"], { engine });
    expect(engine.calls.at(-1)).toMatchObject([
      "history",
      { filters: { type: ["image"], event: ["pull", "tag"] } },
    ]);
    const { code, err } = await nacre(["events", "--since", "soon"]);
    expect(code).toBe(125);
    expect(err).toContain('invalid argument "soon" for "--since" flag');
  });

  it("have no value for what an event does not say, and no time where none is given", async () => {
    const template = "{{.Actor.Attributes.image}} {{.Actor.Attributes.exitCode}} {{.Actor.ID}}";
    const words = ["events", "--since", "", "--until", "0s", "--format", template];
    const { out } = await nacre(words, { engine, nowMs: 3_600_000 });
    expect(out).toBe("debian <no value> abc\n");
    expect(engine.calls.at(-1)).toMatchObject(["history", { sinceMs: 3_600_000 }]);
  });

  it("go on until an interrupt", async () => {
    const host = new FakeHost({ engine });
    const running = main(["events"], host);
    await expect.poll(() => host.out, { timeout: 20_000 }).not.toBe("");
    host.raise(2);
    expect(await running).toBe(130);
  });
});

describe("info", () => {
  it("prints lines, JSON, or a template", async () => {
    const engine = new FakeEngine();
    const bare = { engine, absent: ["/etc/os-release", "/usr/lib/os-release"] };
    expect((await nacre(["info"], bare)).out).toContain("Snapshotter: erofs\n");
    expect(JSON.parse((await nacre(["info", "-f", "json"], bare)).out).Driver).toBe("erofs");
    expect((await nacre(["info", "-f", "{{.Images}}"], bare)).out).toBe("1\n");
    const asked = ["{{.CgroupVersion}} {{.CgroupDriver}} {{.Swarm.LocalNodeState}}", "{{.NCPU}}"];
    const said = await nacre(["info", "-f", asked.join("/")], bare);
    expect(said.out).toMatch(/^[12] cgroupfs inactive\/[1-9]\d*\n$/);
    const files = { "/etc/os-release": 'NAME=X\nPRETTY_NAME="Some Linux 3"\nVERSION_ID=3\n' };
    const machine = [
      "{{.ContainersRunning}}{{.ContainersPaused}}{{.ContainersStopped}} {{.Architecture}}",
      "{{.OperatingSystem}} {{.OSVersion}} {{json .Plugins.Network}} {{.HttpProxy}}",
    ];
    const environment = { HTTP_PROXY: "http://p" };
    const told = await nacre(["info", "-f", machine.join("|")], { engine, files, environment });
    expect(told.out).toMatch(
      /^111 (x86_64|aarch64)\|Some Linux 3 3 \["host","none"\] http:\/\/p\n$/,
    );
  });
});

describe("system prune", () => {
  it("asks first, and does nothing without a yes", async () => {
    const engine = new FakeEngine();
    const refused = await nacre(["system", "prune"], { engine, input: "n" });
    expect(refused.code).toBe(0);
    expect(refused.out).toContain("WARNING!");
    expect(engine.calls).toEqual([]);
    const agreed = await nacre(["system", "prune"], { engine, input: "y" });
    expect(agreed.code).toBe(0);
    expect(agreed.out).toContain("Deleted Containers:\nc1\n");
    expect(agreed.out).toContain("Total reclaimed space: 12MB\n");
  });

  it("does not ask with -f", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["system", "prune", "-af"], { engine });
    expect(out).not.toContain("WARNING");
    expect(out).toContain("Deleted Images:\nuntagged: i:1\ndeleted: sha256:i1\n");
    const wanted = { all: true, pins: false, volumes: false, filters: {} };
    expect(engine.calls).toEqual([["prune", wanted]]);
  });

  it("hands on until and labels, and says in its question what they are", async () => {
    const engine = new FakeEngine();
    const words = ["--filter", "until=1h", "--filter", "label=a", "--filter", "label!=b=c"];
    const nowMs = 10_000_000;
    const { out } = await nacre(["system", "prune", ...words], { engine, input: "y", nowMs });
    expect(out).toContain("only what is meant by:\n  - until=1h\n  - label=a\n  - label!=b=c\n");
    expect(engine.calls).toMatchObject([
      ["prune", { untilMs: nowMs - 3_600_000, filters: { label: ["a"], "label!": ["b=c"] } }],
    ]);
  });
});

describe("explain run", () => {
  it("takes run's options and runs nothing", async () => {
    const engine = new FakeEngine();
    const words = ["explain", "run", "--memory", "64m", "debian", "true"];
    const { code, out } = await nacre(words, { engine });
    expect(code).toBe(0);
    expect(out).toContain("run debian");
    expect(engine.calls).toMatchObject([
      ["explain", { resources: { memoryBytes: 67108864 }, command: ["true"] }],
    ]);
  });

  it("prints JSON", async () => {
    const { out } = await nacre(["explain", "run", "--json", "debian"], {
      engine: new FakeEngine(),
    });
    expect(JSON.parse(out)).toMatchObject({ title: "run debian" });
  });
});

describe("system check", () => {
  it("says what is wrong, what was mended, and ends with 1 where damage is left", async () => {
    const engine = new FakeEngine();
    const { code, out } = await nacre(["system", "check"], { engine });
    expect(code).toBe(1);
    expect(out).toBe(
      [
        "SEVERITY   WHAT             WHY",
        "damage     blob sha256:b1   it is gone",
        "leftover   /r/x             no record names it",
        "2 found. nacre system check --repair mends what it can.",
        "",
      ].join("\n"),
    );
    const repaired = await nacre(["system", "check", "--repair", "--quick"], { engine });
    expect(repaired.out).toContain("no record names it   mended\n");
    expect(repaired.out).toContain("2 found, 1 left");
    expect(engine.calls).toEqual([
      ["check", { digests: true, repair: false }],
      ["check", { digests: false, repair: true }],
    ]);
  });
});

describe("image prune", () => {
  it("asks, and says what went", async () => {
    const engine = new FakeEngine();
    const no = await nacre(["image", "prune"], { engine, input: "n" });
    expect(no.code).toBe(0);
    const words = ["image", "prune", "-af", "--filter", "until=1h", "--filter", "label=a=b"];
    const { out } = await nacre(words, { engine, nowMs: 2 * 3_600_000 });
    expect(out).toBe(
      `Deleted Images:\nuntagged: debian:12\ndeleted: sha256:${"a1".repeat(32)}\n\nTotal reclaimed space: 1.234kB\n`,
    );
    expect(engine.calls).toEqual([
      ["image prune", { all: true, filters: { label: ["a=b"] }, untilMs: 3_600_000 }],
    ]);
  });
});
