import { describe, expect, it } from "vitest";
import { FakeEngine } from "../fake-engine.ts";
import { nacre } from "../fake-host.ts";

const digest = `sha256:${"1d".repeat(32)}`;

async function called(...words: string[]) {
  const engine = new FakeEngine();
  const result = await nacre(words, { engine });
  return { ...result, call: engine.calls[0] };
}

describe("manifest", () => {
  it("creates what docker says it creates, also as index", async () => {
    const words = ["create", "--amend", "--insecure", "team/app:1", "a", "docker://b"];
    const { out, call } = await called("manifest", ...words);
    expect(out).toBe("Created manifest list docker.io/team/app:1\n");
    const options = { amend: true, all: false, insecure: true };
    expect(call).toMatchObject(["create index", "team/app:1", ["a", "docker://b"], options]);
    const { call: same } = await called("index", ...words);
    expect(same?.slice(0, 3)).toEqual(call?.slice(0, 3));
  });

  it("adds and annotates with platforms in docker's and podman's words", async () => {
    const says = ["--os", "linux", "--arch", "arm", "--variant", "v7", "--os-version", "1"];
    const more = ["--features", "a,b", "--os-features", "c", "--annotation", "k=v=w"];
    const change = {
      platform: {
        ...{ os: "linux", architecture: "arm", variant: "v7", "os.version": "1" },
        ...{ features: ["a", "b"], "os.features": ["c"] },
      },
      annotations: { k: "v=w" },
    };
    const added = await called("manifest", "add", ...says, ...more, "--all", "team/app:1", "x");
    expect(added.call).toMatchObject(["add to index", "team/app:1", "x", { ...change, all: true }]);
    expect(added.out).toBe(`${digest}\n`);
    const changed = await called("manifest", "annotate", ...says, ...more, "team/app:1", "x");
    expect(changed.call).toEqual(["annotate index", "team/app:1", "x", change]);
    const short = ["annotate", "--platform", "linux/arm64/v8", "team/app:1", "x"];
    expect((await called("manifest", ...short)).call).toEqual([
      ...["annotate index", "team/app:1", "x"],
      { platform: { os: "linux", architecture: "arm64", variant: "v8" } },
    ]);
    const itself = ["annotate", "--index", "--annotation", "k=v", "team/app:1"];
    expect((await called("manifest", ...itself)).call).toEqual([
      ...["annotate index", "team/app:1", undefined, { annotations: { k: "v" } }],
    ]);
    expect((await called("manifest", "annotate", "--arch", "arm", "team/app:1")).code).toBe(125);
  });

  it("shows documents as they are, and with -v as docker shows them", async () => {
    const { out, call } = await called("manifest", "inspect", "team/app:1");
    expect(JSON.parse(out)).toEqual({ schemaVersion: 2 });
    expect(call).toMatchObject(["inspect index", "team/app:1", { children: false }]);
    const [entry] = JSON.parse((await called("manifest", "inspect", "-v", "team/app:1")).out);
    expect(entry).toEqual({
      Ref: `docker.io/team/app@sha256:${"a1".repeat(32)}`,
      Descriptor: {
        ...{ mediaType: "application/vnd.oci.image.manifest.v1+json", size: 19 },
        digest: `sha256:${"a1".repeat(32)}`,
        platform: { os: "linux", architecture: "arm", variant: "v7" },
      },
      Raw: Buffer.from('{"schemaVersion":2}').toString("base64"),
      OCIManifest: { schemaVersion: 2 },
    });
  });

  it("pushes, elsewhere too, and removes", async () => {
    const { out, call } = await called("manifest", "push", "--purge", "team/app:1", "docker://r/x");
    expect(out).toBe(`${digest}\n`);
    expect(call).toMatchObject([
      ...["push index", "team/app:1", { all: true, purge: true, target: "r/x" }],
    ]);
    expect(
      (await called("manifest", "push", "--all=false", "--rm", "team/app:1")).call,
    ).toMatchObject(["push index", "team/app:1", { all: false, purge: true }]);
    expect((await called("manifest", "rm", "team/app:1")).call).toEqual([
      "remove index",
      "team/app:1",
    ]);
    expect((await called("manifest", "remove", "team/app:1", digest)).call).toEqual([
      ...["take out of index", "team/app:1", digest],
    ]);
  });

  it("says whether there is one, and which there are", async () => {
    expect(await called("manifest", "exists", "team/app:1")).toMatchObject({ code: 0, out: "" });
    expect(await called("manifest", "exists", "other")).toMatchObject({
      code: 1,
      out: "",
      err: "",
    });
    expect((await called("index", "ls")).out).toBe(
      [
        "NAME         DIGEST         PLATFORMS",
        "team/app:1   1d1d1d1d1d1d   linux/arm/v7",
        "",
      ].join("\n"),
    );
  });
});
