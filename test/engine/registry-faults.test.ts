import { MEDIA } from "@nacre/core/oci/image.ts";
import { sha256 } from "@nacre/plugin-registry/content.ts";
import { type BuiltImage, buildImage, buildIndex } from "@nacre/plugin-registry/image-builder.ts";
import { type ServeOptions, serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import { tar } from "../images/tar.ts";
import { AMD64, contentOf, type Machine, machine, sampleImage } from "./pull-machine.ts";

const image = sampleImage();
const bottom = image.layers[0]!;
const encode = (value: unknown) => Buffer.from(JSON.stringify(value));

/** Pulls and fails; checks that the failure is clear and leaves nothing. */
async function fail(options: ServeOptions, content = contentOf({ "1": image }), tag = "1") {
  await using registry = await serveRegistry(content, options);
  await using here = machine();
  const before = here.state.read((t) => [t.list("blob"), t.list("layer"), t.list("intent")]);
  const error = await here.images.pull(`${registry.address}/team/app:${tag}`).then(
    () => expect.fail("the pull succeeded"),
    (reason) => reason,
  );
  expect(here.state.read((t) => [t.list("blob"), t.list("layer"), t.list("intent")])).toEqual(
    before,
  );
  return { error, files: here.files(), requests: registry.requests, here: here as Machine };
}

describe("a registry's faults", () => {
  it("unknown image: says which one and where", async () => {
    const { error, files } = await fail({}, undefined, "2");
    expect(error).toMatchObject({ kind: "not-found" });
    expect(error.message).toMatch(/127\.0\.0\.1:\d+\/team\/app:2 is unknown to the registry 127/);
    expect(files).toEqual({});
  });

  it("registry down: says who does not answer, and why", async () => {
    await using here = machine();
    await using registry = await serveRegistry(contentOf({}));
    await registry.close();
    const pull = here.images.pull(`${registry.address}/team/app:1`);
    const error = await pull.then(
      () => undefined,
      (reason) => reason,
    );
    expect(error).toMatchObject({ kind: "unreachable" });
    expect(error.message).toBe(`cannot reach ${registry.address}: nothing listens there`);
    expect(error.advice).toMatch(/registry runs/);
    expect(here.clock.sleptMs).toEqual([]);
  });

  it("wrong bytes in a layer: names the digest, keeps nothing", async () => {
    for (const at of [100, bottom.size - 4]) {
      const { error, files } = await fail({
        faults: [{ on: "blob", of: bottom.digest, do: "flip", at }],
      });
      expect(error).toMatchObject({ kind: "corrupt" });
      expect(error.message).toContain(`blob ${bottom.digest} is not what was promised`);
      expect(files).toEqual({});
    }
  });

  it("wrong bytes in a plain layer: are not taken for a malformed tar", async () => {
    const plain = buildImage({
      layers: [{ tar: tar([{ name: "a", content: "a" }]), compression: "none" }],
      platform: AMD64,
    });
    const { error, files } = await fail(
      { faults: [{ on: "blob", of: plain.layers[0]!.digest, do: "flip", at: 0 }] },
      contentOf({ "1": plain }),
    );
    expect(error).toMatchObject({ kind: "corrupt" });
    expect(error.message).toContain(`blob ${plain.layers[0]!.digest} is not what was promised`);
    expect(files).toEqual({});
  });

  it("wrong bytes in a manifest or a config: compares digests", async () => {
    const byDigest = image.manifestDescriptor.digest;
    for (const faults of [
      [{ on: "manifest", do: "flip", at: 40 }],
      [
        {
          on: "manifest",
          do: "header",
          name: "docker-content-digest",
          value: byDigest.replace(/.$/, "0"),
        },
      ],
      [{ on: "blob", of: image.id, do: "flip", at: 3 }],
    ] as ServeOptions["faults"][]) {
      const { error, files } = await fail({ faults: faults! });
      expect(error).toMatchObject({ kind: "corrupt" });
      expect(error.message).toMatch(/sent other bytes .* expected sha256:\w+, got sha256:/);
      expect(files).toEqual({});
    }
  });

  it("a manifest that lies about a layer's size: both ways", async () => {
    for (const size of [bottom.size - 7, bottom.size + 7]) {
      const manifest = JSON.parse(Buffer.from(image.manifest).toString());
      manifest.layers[0].size = size;
      const content = contentOf({ "1": image });
      content.addManifest("team/app", "lie", encode(manifest));
      const { error, files } = await fail({}, content, "lie");
      expect(error).toMatchObject({ kind: "corrupt" });
      expect(error.message).toContain(`promises ${size} bytes for ${bottom.digest}`);
      expect(files).toEqual({});
    }
  });

  it("a truncated or padded blob without a length", async () => {
    const cut = await fail({
      faults: [{ on: "blob", of: bottom.digest, do: "cut", afterBytes: 5000 }],
    });
    expect(cut.error).toMatchObject({ kind: "corrupt" });
    expect(cut.error.message).toMatch(/promises \d+ bytes for .* ends after/);
    const pad = await fail({ faults: [{ on: "blob", of: bottom.digest, do: "pad", bytes: 99 }] });
    expect(pad.error.message).toMatch(/sends more/);
    expect(cut.files).toEqual({});
    expect(pad.files).toEqual({});
  });

  it("a status that passes is waited for, as long as Retry-After says", async () => {
    const headers = { "retry-after": "3" };
    await using registry = await serveRegistry(contentOf({ "1": image }), {
      faults: [
        { on: "manifest", do: "status", status: 429, headers, times: 1 },
        { on: "blob", do: "status", status: 503, times: 2 },
      ],
    });
    await using here = machine();
    const pulled = await here.images.pull(`${registry.address}/team/app:1`);
    expect(pulled.image.id).toBe(image.id);
    expect(here.clock.sleptMs[0]).toBe(3000);
  });

  it("a status that stays is an end", async () => {
    const { error, requests } = await fail({
      faults: [{ on: "manifest", do: "status", status: 502 }],
    });
    expect(error).toMatchObject({ kind: "unreachable" });
    expect(error.message).toMatch(/cannot answer now .*HTTP 502: not now/);
    expect(requests.filter(({ status }) => status === 502)).toHaveLength(5);
  });

  it("text of a server is printed without what a terminal would obey", async () => {
    const content = contentOf({});
    const esc = "\u001b[2J\u0007\u202e";
    const odd = encode({
      schemaVersion: 2,
      mediaType: `application/${esc}x`,
      layers: [],
      config: {},
    });
    content.addManifest("team/app", "1", odd, MEDIA.ociManifest);
    const { error } = await fail({}, content);
    expect(error.kind).toBe("unsupported");
    expect(error.message).not.toMatch(/[\u0000-\u001f\u202e]/);
  });
});

describe("a hostile document", () => {
  const good = JSON.parse(Buffer.from(image.manifest).toString());
  const documents: Record<string, [unknown, string, RegExp]> = {
    "no JSON": [undefined, "corrupt", /is not JSON/],
    "a list": [[], "corrupt", /is not an object/],
    "schema 1": [{ schemaVersion: 1, fsLayers: [] }, "unsupported", /schema 1/],
    "an index and a manifest at once": [{ ...good, manifests: [] }, "corrupt", /at once/],
    "layers that are no list": [{ ...good, layers: {} }, "corrupt", /not a list/],
    "a null layer": [{ ...good, layers: [null] }, "corrupt", /not an object/],
    "a digest that climbs": [
      { ...good, layers: [{ ...good.layers[0], digest: "sha256:../../etc/passwd" }] },
      "corrupt",
      /is not a digest/,
    ],
    "a negative size": [
      { ...good, layers: [{ ...good.layers[0], size: -1 }] },
      "corrupt",
      /not a number of bytes/,
    ],
    "too many layers": [
      { ...good, layers: Array(2000).fill(good.layers[0]) },
      "corrupt",
      /more than 1000 layers/,
    ],
    "other layers than its config": [
      { ...good, layers: good.layers.slice(1) },
      "corrupt",
      /names 2 layers where the manifest has 1/,
    ],
    "layers that are no tars": [
      { ...good, layers: [{ ...good.layers[0], mediaType: "application/x-helm" }, good.layers[1]] },
      "unsupported",
      /Is this an image|of the type "application\/x-helm"/,
    ],
  };
  for (const [name, [document, kind, message]] of Object.entries(documents)) {
    it(`${name}: is refused by name, not by an exception of the language`, async () => {
      const content = contentOf({ "1": image });
      const bytes = document === undefined ? Buffer.from("{]") : encode(document);
      content.addManifest("team/app", "bad", bytes, MEDIA.ociManifest);
      const { error, files } = await fail({}, content, "bad");
      expect(error).toMatchObject({ kind });
      expect(error.message).toMatch(message);
      expect(files).toEqual({});
    });
  }

  it("larger than 4 MiB: is not read to its end", async () => {
    const content = contentOf({});
    content.addManifest("team/app", "1", encode({ ...good, filler: "x".repeat(5 << 20) }));
    const { error } = await fail({}, content);
    expect(error.message).toMatch(/larger than 4 MiB/);
  });

  it("a config with the wrong types, or of no image, is refused", async () => {
    const configs: [unknown, RegExp][] = [
      [{ os: "linux", architecture: "amd64", rootfs: { diff_ids: "x" } }, /names 0 layers/],
      [{ mediaType: "helm" }, /is not an image that can run/],
      [
        {
          os: "linux",
          architecture: "amd64",
          rootfs: { diff_ids: image.diffIds },
          config: { Env: [1] },
        },
        /"Env" is not a list of texts/,
      ],
    ];
    for (const [config, message] of configs) {
      const content = contentOf({ "1": image });
      const bytes = encode(config);
      content.addBlob(bytes);
      const descriptor = { ...good.config, digest: sha256(bytes), size: bytes.length };
      content.addManifest("team/app", "bad", encode({ ...good, config: descriptor }));
      const { error, files } = await fail({}, content, "bad");
      expect(error.message).toMatch(message);
      expect(files).toEqual({});
    }
  });

  it("a config that names another diff ID: says both", async () => {
    const lying: BuiltImage = sampleImage({ seed: 2 });
    const config = JSON.parse(Buffer.from(image.blobs.get(image.id)!).toString());
    const bytes = encode({ ...config, rootfs: { type: "layers", diff_ids: [...lying.diffIds] } });
    const content = contentOf({ "1": image });
    content.addBlob(bytes);
    const descriptor = { ...good.config, digest: sha256(bytes), size: bytes.length };
    content.addManifest("team/app", "bad", encode({ ...good, config: descriptor }));
    const { error, files } = await fail({}, content, "bad");
    expect(error).toMatchObject({ kind: "corrupt" });
    expect(error.message).toContain(`but the image's config says ${lying.diffIds[0]}`);
    expect(files).toEqual({});
  });

  it("an index without this platform: says what there is", async () => {
    const content = contentOf({ "1": image });
    const platform = { os: "linux", architecture: "s390x" };
    content.addManifest("team/app", "index", buildIndex([{ image, platform }]));
    const { error } = await fail({}, content, "index");
    expect(error).toMatchObject({ kind: "not-found" });
    expect(error.message).toMatch(/has nothing for linux\/amd64/);
    expect(error.advice).toMatch(/linux\/s390x/);
    expect(AMD64.architecture).toBe("amd64");
  });
});
