import { describe, expect, it } from "vitest";
import { FakeEngine } from "../fake-engine.ts";
import { nacre } from "../fake-host.ts";
import { volumeListing } from "../fake-records.ts";

const asked = (engine: FakeEngine, name: string) =>
  engine.calls.filter(([called]) => called === name).map(([, ...given]) => given);

describe("volume create", () => {
  it("asks for what was said, and prints the name", async () => {
    const engine = new FakeEngine();
    const words = ["-d", "local", "-o", "type=tmpfs", "-o", "o=size=1m,uid=7", "--label", "a=b"];
    const { code, out } = await nacre(["volume", "create", ...words, "data"], { engine });
    expect({ code, out }).toEqual({ code: 0, out: "data\n" });
    expect(asked(engine, "volume create")).toEqual([
      [
        {
          name: "data",
          driver: "local",
          options: { type: "tmpfs", o: "size=1m,uid=7" },
          labels: { a: "b" },
        },
      ],
    ]);
  });

  it("prints the name that was given where none was", async () => {
    const { out } = await nacre(["volume", "create"], { engine: new FakeEngine() });
    expect(out).toMatch(/^f{64}\n$/);
  });
});

describe("volume ls", () => {
  const engine = new FakeEngine();
  engine.listed = [volumeListing({ name: "zebra" }), volumeListing({ name: "ape" })];

  it("lists by name, as docker does", async () => {
    const { out } = await nacre(["volume", "ls"], { engine });
    expect(out).toBe("DRIVER    VOLUME NAME\nlocal     ape\nlocal     zebra\n");
    expect((await nacre(["volume", "ls", "-q"], { engine })).out).toBe("ape\nzebra\n");
  });

  it("takes templates and filters", async () => {
    const words = ["volume", "ls", "--format", "{{.Name}} {{.Labels}} {{.Mountpoint}}"];
    const { out } = await nacre([...words, "-f", "label=a", "-f", "label=c"], { engine });
    expect(out.split("\n")[0]).toBe("ape a=b /r/volumes/ape/_data");
    expect(asked(engine, "volume list").at(-1)).toEqual([{ label: ["a", "c"] }]);
  });
});

describe("volume inspect", () => {
  it("prints docker's JSON, and what is not there", async () => {
    const engine = new FakeEngine();
    const { code, out, err } = await nacre(["volume", "inspect", "data", "gone"], { engine });
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual([
      {
        ...{ CreatedAt: "1970-01-01T00:00:00.000Z", Driver: "local", Labels: { a: "b" } },
        ...{ Mountpoint: "/r/volumes/data/_data", Name: "data", Options: null, Scope: "local" },
      },
    ]);
    expect(err).toContain("no such volume: gone");
    const found = await nacre(["inspect", "--type", "volume", "-f", "{{.Name}}", "data"], {
      engine,
    });
    expect(found.out).toBe("data\n");
  });
});

describe("volume rm", () => {
  it("removes each, and says of those that it cannot", async () => {
    const engine = new FakeEngine();
    const { code, out, err } = await nacre(["volume", "rm", "-f", "gone", "data"], { engine });
    expect({ code, out }).toEqual({ code: 1, out: "data\n" });
    expect(err).toContain("no such volume: gone");
    expect(asked(engine, "volume rm")).toEqual([
      ["gone", { force: true }],
      ["data", { force: true }],
    ]);
  });
});

describe("prune", () => {
  it("of volumes asks first, and says what it frees", async () => {
    const engine = new FakeEngine();
    const no = await nacre(["volume", "prune"], { engine });
    expect(no.code).toBe(0);
    expect(no.out).toContain("WARNING! This will remove volumes without a name of yours");
    expect(engine.calls).toEqual([]);
    const words = ["volume", "prune", "-af", "--filter", "label=ci"];
    expect((await nacre(words, { engine })).out).toBe(
      "Deleted Volumes:\nv1\n\nTotal reclaimed space: 1.5MB\n",
    );
    expect(asked(engine, "volume prune")).toEqual([[{ all: true, filters: { label: ["ci"] } }]]);
  });

  it("of containers takes an age, and labels", async () => {
    const engine = new FakeEngine();
    const words = ["container", "prune", "-f", "--filter", "until=1h", "--filter", "label!=keep"];
    const { out } = await nacre(words, { engine, nowMs: 3_600_000 });
    expect(out).toBe("Deleted Containers:\nc1\n\nTotal reclaimed space: 1.5MB\n");
    expect(asked(engine, "container prune")).toEqual([
      [{ filters: { "label!": ["keep"] }, untilMs: 0 }],
    ]);
  });

  it("of the system takes volumes where it is told to", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["system", "prune", "-f", "--volumes"], { engine });
    expect(out).toContain("Deleted Volumes:\nv1\n");
    expect(asked(engine, "prune")).toEqual([
      [{ all: false, pins: false, volumes: true, filters: {} }],
    ]);
  });
});

describe("containers with volumes", () => {
  it("tell how much they have written where that is asked", async () => {
    const { out } = await nacre(["ps", "-s", "--format", "{{.Names}}: {{.Size}}"], {
      engine: new FakeEngine(),
    });
    expect(out).toBe("web: 2kB (virtual 448MB)\n");
  });

  it("go with their own volumes by rm -v", async () => {
    const engine = new FakeEngine();
    await nacre(["rm", "-fv", "web"], { engine });
    expect(asked(engine, "rm")).toEqual([["web", { force: true, volumes: true }]]);
  });
});
