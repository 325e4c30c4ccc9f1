import { NacreError } from "@nacre/core/error.ts";
import { describe, expect, it } from "vitest";
import { FakeEngine } from "../fake-engine.ts";
import { nacre } from "../fake-host.ts";
import { HOUR_MS, imageRecord } from "../fake-records.ts";

describe("pull", () => {
  it("prints plain lines into a pipe", async () => {
    const engine = new FakeEngine();
    expect((await nacre(["pull", "debian"], { engine })).out).toBe(
      [
        "Using default tag: latest",
        "latest: Pulling from library/debian",
        "d1d1d1d1d1d1: Pulling fs layer",
        "d1d1d1d1d1d1: Pull complete",
        `Digest: ${imageRecord().manifestDigest}`,
        "Status: Downloaded newer image for debian:latest",
        "docker.io/library/debian:latest",
        "",
      ].join("\n"),
    );
  });

  it("says nothing of a tag where what was given is no name", async () => {
    const engine = new FakeEngine();
    engine.failure = new NacreError("invalid", '"a b" is not an image reference');
    const { out, code } = await nacre(["pull", "a b"], { engine });
    expect([code, out]).toEqual([1, ""]);
  });

  it("paints bars on a terminal and leaves the cursor below them", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["pull", "debian:12"], { engine, terminals: [1] });
    expect(out).toContain("d1d1d1d1d1d1: Downloading [===============>              ] 50B/100B");
    expect(out).toContain("\u001b[1A\r\u001b[2Kd1d1d1d1d1d1: Pull complete\n\u001b[JDigest: ");
  });

  it("prints only the name with -q", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["pull", "-q", "debian"], { engine });
    expect(out).toBe("docker.io/library/debian:latest\n");
    expect(engine.calls[0]).toMatchObject(["pull", "debian", { insecure: false }]);
  });

  it("allows plain HTTP and other platforms where asked", async () => {
    const engine = new FakeEngine();
    await nacre(["pull", "--tls-verify=false", "--platform", "linux/arm64", "r:5000/x"], {
      engine,
    });
    expect(engine.calls[0]).toMatchObject([
      "pull",
      "r:5000/x",
      { insecure: true, platform: "linux/arm64" },
    ]);
  });
});

describe("pull of several", () => {
  it("pulls each platform that is named, or all", async () => {
    const engine = new FakeEngine();
    await nacre(["pull", "-q", "--platform", "arm64", "--platform", "amd64", "debian"], { engine });
    expect(engine.calls.map(([, , options]) => options)).toMatchObject([
      { platform: "arm64" },
      { platform: "amd64" },
    ]);
    engine.calls.length = 0;
    await nacre(["pull", "-q", "--all-platforms", "debian"], { engine });
    expect(engine.calls[0]).toMatchObject(["pull", "debian", { allPlatforms: true }]);
    const both = ["pull", "--all-platforms", "--platform", "arm64", "debian"];
    expect((await nacre(both, { engine })).code).toBe(125);
  });

  it("pulls all tags of a repository", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["pull", "-aq", "r:5000/x"], { engine });
    const pulled = engine.calls.filter(([name]) => name === "pull").map(([, name]) => name);
    expect(pulled.length).toBeGreaterThan(0);
    for (const name of pulled) expect(name).toMatch(/^r:5000\/x:/);
    expect(out.split("\n").filter(Boolean)).toHaveLength(pulled.length);
    expect((await nacre(["push", "-a", "debian:12"], { engine })).err).toContain(
      "tag can't be used with --all-tags/-a",
    );
    expect((await nacre(["pull", "-a", "debian:12"], { engine })).err).toContain(
      "tag can't be used with --all-tags/-a",
    );
  });
});

describe("push", () => {
  it("prints plain lines into a pipe, and only the name with -q", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["push", "debian"], { engine });
    expect(out).toBe(
      [
        "Using default tag: latest",
        "The push refers to repository [docker.io/library/debian]",
        "d1d1d1d1d1d1: Preparing",
        "d1d1d1d1d1d1: Mounted from team/app",
        `latest: digest: ${imageRecord().manifestDigest} size: 428`,
        "",
      ].join("\n"),
    );
    expect((await nacre(["push", "-q", "debian"], { engine })).out).toBe(
      "docker.io/library/debian:latest\n",
    );
  });

  it("paints bars on a terminal", async () => {
    const { out } = await nacre(["push", "debian:12"], {
      engine: new FakeEngine(),
      terminals: [1],
    });
    expect(out).toContain("d1d1d1d1d1d1: Pushing [===============>              ] 50B/100B");
  });

  it("hands on what it was asked, and pushes all tags of a repository", async () => {
    const engine = new FakeEngine();
    const words = ["--compression-format", "zstd", "--chunk-size", "90MB", "--tls-verify=false"];
    await nacre(["push", ...words, "r:5000/x"], { engine });
    expect(engine.calls[0]).toMatchObject([
      "push",
      "r:5000/x",
      { insecure: true, compression: "zstd", chunkBytes: 90_000_000 },
    ]);
    await nacre(["push", "-aq", "debian"], { engine });
    expect(engine.calls.slice(1).map(([, name]) => name)).toEqual(
      engine.listings[0]!.references.map(({ reference }) => reference),
    );
    expect((await nacre(["push", "--compression", "xz", "x"], { engine })).code).toBe(125);
  });
});

describe("images", () => {
  const engine = new FakeEngine();
  engine.listings = [
    ...engine.listings,
    { image: imageRecord({ id: `sha256:${"ee".repeat(32)}` }), references: [] },
  ];
  const images = (...words: string[]) =>
    nacre(["images", ...words], { engine, nowMs: 72 * HOUR_MS });

  it("prints docker's table, nameless images with it", async () => {
    expect((await images()).out).toBe(
      [
        "REPOSITORY   TAG       IMAGE ID       CREATED      SIZE",
        "debian       12        c0ffeec0ffee   3 days ago   448MB",
        "<none>       <none>    eeeeeeeeeeee   3 days ago   448MB",
        "",
      ].join("\n"),
    );
  });

  it("shows digests, IDs, and one repository", async () => {
    expect((await images("--digests", "debian")).out).toContain(imageRecord().manifestDigest);
    expect((await images("-q")).out).toBe("c0ffeec0ffee\neeeeeeeeeeee\n");
    expect((await images("-q", "--no-trunc", "debian:12")).out).toBe(`${imageRecord().id}\n`);
    expect((await images("-q", "other")).out).toBe("");
  });

  it("prints JSON, one image a line", async () => {
    const lines = (await images("--format", "json")).out.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).Repository)).toEqual(["debian", "<none>"]);
  });
});

describe("image inspect", () => {
  it("prints docker's JSON", async () => {
    const { out } = await nacre(["image", "inspect", "debian"], { engine: new FakeEngine() });
    expect(JSON.parse(out)[0]).toMatchObject({
      Id: imageRecord().id,
      RepoTags: ["debian:12"],
      RepoDigests: [`debian@${imageRecord().manifestDigest}`],
      Os: "linux",
      Size: 448123456,
      Config: { Env: ["PATH=/bin"], Cmd: ["bash"], Entrypoint: null, WorkingDir: "" },
      GraphDriver: { Name: "erofs" },
    });
    expect(out).not.toContain("\u001b");
  });

  it("asks nothing that would be answered by looking at all images and containers", async () => {
    const engine = new FakeEngine();
    engine.system.info = () => expect.unreachable("info counts them");
    for (const words of [
      ["image", "inspect", "debian"],
      ["inspect", "debian"],
    ]) {
      const { out } = await nacre(words, { engine });
      expect(JSON.parse(out)[0].GraphDriver.Name).toBe("erofs");
    }
  });
});

describe("image layers", () => {
  it("prints each layer with what of it can be seen", async () => {
    const { out } = await nacre(["image", "layers", "debian"], { engine: new FakeEngine() });
    expect(out).toBe(
      [
        "LAYER     DIFF ID        SIZE      VISIBLE   ENTRIES   CREATED BY",
        "1         b2b2b2b2b2b2   2.05kB    1.02kB    3         COPY \\x1b]0;title\\x07 /",
        "",
        "1.02kB of 2.05kB are hidden or deleted by layers above.",
        "",
      ].join("\n"),
    );
  });

  it("says which layer gives a path and what it hides", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["image", "layers", "debian", "/etc/passwd"], { engine });
    expect(out).toBe(
      "/etc/passwd: file, mode 0644, 1.234kB, from layer 2\n  hides a file of layer 1, 10B\n",
    );
    const json = await nacre(["image", "layers", "--json", "debian", "/x"], { engine });
    expect(JSON.parse(json.out)).toMatchObject({ path: "/x", layer: 2 });
  });
});

describe("rmi", () => {
  it("says what was untagged and deleted", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["rmi", "-f", "debian:12"], { engine });
    expect(out).toBe("Untagged: debian:12\nDeleted: sha256:dead\n");
    expect(engine.calls).toEqual([["rmi", "debian:12", { force: true }]]);
  });
});
