import { spawnSync } from "node:child_process";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { sha256 } from "@nacre/plugin-registry/content.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import { tar } from "../images/tar.ts";
import { dockerArchive } from "./docker-archive.ts";
import { contentOf, type Machine, machine, sampleImage } from "./pull-machine.ts";
import { pushRegistry } from "./push-registry.ts";

const image = sampleImage();
const other = sampleImage({ seed: 7 });

/** A machine with both images, under these names. */
async function holding(): Promise<Machine> {
  await using registry = await serveRegistry(contentOf({ "1": image, "2": other }));
  const here = machine();
  for (const tag of ["1", "2"]) {
    const { reference } = await here.images.pull(`${registry.address}/team/app:${tag}`);
    here.images.tag(reference, `app:${tag}`);
    await here.images.remove(reference);
  }
  return here;
}

async function collected(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

/** In chunks that begin and end anywhere. */
async function* inChunks(bytes: Uint8Array, size = 7919): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("saving and loading", () => {
  it("brings images to another machine under the same names and digests", async () => {
    await using here = await holding();
    const archive = await collected(here.sharing.save(["app:1", "app:2", "app:1"]));
    await using there = machine();
    const loaded = await there.sharing.load(inChunks(archive));
    expect(loaded).toMatchObject([
      { id: image.id, references: ["docker.io/library/app:1"] },
      { id: other.id, references: ["docker.io/library/app:2"] },
    ]);
    const { image: record, references } = there.images.get("app:1");
    expect(record).toMatchObject({ id: image.id, passwd: expect.stringContaining("ada:x") });
    expect(references[0]!.digest).toBe(image.manifestDescriptor.digest);
    expect(there.files()).toEqual(here.files());
    expect(await collected(there.sharing.save(["app:1", "app:2"]))).toEqual(archive);
    expect(there.state.events(0, 9).map(({ action }) => action)).toEqual([
      "load",
      "load",
      "save",
      "save",
    ]);
  });

  it.each([
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
  ] as const)("reads an archive that is compressed with %s", async (_, compress) => {
    await using here = await holding();
    const archive = compress(await collected(here.sharing.save(["app:1"])));
    await using there = machine();
    expect(await there.sharing.load(inChunks(archive))).toHaveLength(1);
  });

  it("takes what is here already as it is", async () => {
    await using here = await holding();
    const archive = await collected(here.sharing.save(["app:1"]));
    const before = here.files();
    await here.images.remove("app:2");
    await here.sharing.load(inChunks(archive));
    expect(here.images.list()).toHaveLength(1);
    for (const path of Object.keys(here.files())) expect(before).toHaveProperty([path]);
  });

  it("loads docker's archives, keeps each layer once, and compresses it when it is pushed", async () => {
    await using here = machine();
    await using registry = await pushRegistry();
    const tags = ["old:1", `${registry.address}/old/app:1`];
    const archive = dockerArchive(image, tags);
    const [loaded] = await here.sharing.load(inChunks(archive));
    expect(loaded).toMatchObject({
      id: image.id,
      references: ["docker.io/library/old:1", tags[1]],
    });
    const paths = Object.keys(here.files());
    expect(paths.filter((path) => path.startsWith("layers/"))).toHaveLength(4);
    // Config and manifest: no blob is the same bytes as a tar.
    expect(paths.filter((path) => path.startsWith("blobs/"))).toHaveLength(2);
    const { digest } = await here.sharing.push(tags[1]!);
    const manifest = await registry.repositories.manifest("old/app", "1");
    expect(manifest!.digest).toBe(digest);
    const types = JSON.parse(Buffer.from(manifest!.bytes).toString()).layers;
    expect(types[0].mediaType).toMatch(/tar\+gzip$/);
    const again = await collected(here.sharing.save(["old:1"]));
    await using there = machine();
    expect((await there.sharing.load(inChunks(again)))[0]!.id).toBe(image.id);
  });

  it("keeps the manifest of an image that was pulled when docker's archive of it is loaded", async () => {
    await using here = await holding();
    await here.sharing.load(inChunks(dockerArchive(image)));
    const { image: record, references } = here.images.get("old:1");
    expect(record.manifestDigest).toBe(image.manifestDescriptor.digest);
    expect(references.map(({ digest }) => digest)).toEqual(
      references.map(() => image.manifestDescriptor.digest),
    );
  });

  it("saves an OCI layout alone, and layers as they are asked for", async () => {
    await using here = await holding();
    const options = { format: "oci-archive", compression: "zstd" } as const;
    const archive = await collected(here.sharing.save(["app:1"], options));
    expect(archive.includes("manifest.json")).toBe(false);
    await using there = machine();
    await there.sharing.load(inChunks(archive));
    const { image: record } = there.images.get("app:1");
    expect(record.id).toBe(image.id);
    expect(record.layers[0]!.mediaType).toMatch(/\+zstd$/);
  });
});

describe("an archive that is compressed as a whole", () => {
  const pack = (program: string, bytes: Uint8Array): Buffer => {
    const packed = spawnSync(program, ["-c"], { input: bytes, maxBuffer: 1 << 28 });
    if (packed.error) throw packed.error;
    return packed.stdout;
  };

  // xz-utils and bzip2 are there on every Debian; zstd has its own test above.
  it.each(["gzip", "xz", "bzip2"])("by %s is loaded", async (program) => {
    await using here = await holding();
    const packed = pack(program, await collected(here.sharing.save(["app:1"])));
    await using there = machine();
    expect(await there.sharing.load(inChunks(packed))).toMatchObject([{ id: image.id }]);
    expect((await there.check()).found).toEqual([]);
  });

  it.each([
    ["a cut one", (packed: Buffer) => packed.subarray(0, packed.length - 200), "corrupt"],
    [
      "a damaged one",
      (packed: Buffer) => {
        const bytes = Buffer.from(packed);
        bytes[bytes.length >> 1]! ^= 1;
        return bytes;
      },
      "corrupt",
    ],
  ])("by xz, %s, leaves nothing", async (_, harm, kind) => {
    await using here = await holding();
    const packed = pack("xz", await collected(here.sharing.save(["app:1"])));
    await using there = machine();
    await expect(there.sharing.load(inChunks(harm(packed)))).rejects.toMatchObject({ kind });
    expect(there.files()).toEqual({});
  });

  it("by xz in several streams is loaded", async () => {
    await using here = await holding();
    const whole = await collected(here.sharing.save(["app:1"]));
    const half = whole.length >> 1;
    const parts = [whole.subarray(0, half), whole.subarray(half)].map((part) => pack("xz", part));
    await using there = machine();
    const loaded = await there.sharing.load(inChunks(Buffer.concat(parts)));
    expect(loaded).toMatchObject([{ id: image.id }]);
    expect((await there.check()).found).toEqual([]);
  });

  it("by bzip2, cut, leaves nothing", async () => {
    await using there = machine();
    const packed = pack("bzip2", new Uint8Array(100_000).fill(7)).subarray(0, -4);
    await expect(there.sharing.load(inChunks(packed))).rejects.toMatchObject({ kind: "corrupt" });
    expect(there.files()).toEqual({});
  });
});

describe("a bad archive", () => {
  const layout = (files: Readonly<Record<string, string | Uint8Array>>): Uint8Array =>
    tar(Object.entries(files).map(([name, content]) => ({ name, content: Buffer.from(content) })));
  const blob = (digest: string) => `blobs/${digest.replace(":", "/")}`;
  const index = (manifests: unknown) => JSON.stringify({ schemaVersion: 2, manifests });

  it.each<[string, Uint8Array, string]>([
    ["nothing", new Uint8Array(), "is no tar|not a tar"],
    ["text", Buffer.from("no archive\n".repeat(100)), "not a tar"],
    ["an empty tar", tar([]), "not a tar"],
    ["a tar of something else", tar([{ name: "etc/motd", content: "x" }]), "not an image archive"],
    ["a text", new TextEncoder().encode("hello\n"), "not an image archive"],
    ["garbage for an index", layout({ "index.json": "{" }), "index.json is malformed"],
    ["an index of nothing", layout({ "index.json": index("x") }), "names no manifests"],
    ["descriptors without a digest", layout({ "index.json": index([{}]) }), "lacks its digest"],
    ["a list that is none", layout({ "manifest.json": '{"a":1}' }), "is no list"],
    [
      "names of files that it lacks",
      layout({ "manifest.json": '[{"Config":"../x","Layers":["y"]}]' }),
      'lacks "../x"',
    ],
    [
      "a blob with other contents",
      layout({
        "index.json": index([{ mediaType: "a/b", size: 1, digest: sha256(Buffer.from("a")) }]),
        [blob(sha256(Buffer.from("a")))]: "b",
      }),
      "has other contents",
    ],
  ])("with %s is refused", async (_, archive, message) => {
    await using here = machine();
    const failed = here.sharing.load(inChunks(archive));
    await expect(failed).rejects.toMatchObject({
      kind: "corrupt",
      message: expect.stringMatching(message),
    });
    expect(here.images.list()).toEqual([]);
    expect(Object.keys(here.files())).toEqual([]);
  });

  it("that is cut anywhere leaves nothing behind", async () => {
    await using here = await holding();
    const archive = await collected(here.sharing.save(["app:1"]));
    await using there = machine();
    const ends = Array.from({ length: 20 }, (_, part) => Math.floor((archive.length * part) / 20));
    for (const end of [...ends.slice(1), archive.length - 1600, archive.length - 3000]) {
      const cut = archive.subarray(0, end);
      await expect(there.sharing.load(inChunks(cut))).rejects.toMatchObject({ kind: "corrupt" });
    }
    expect(Object.keys(there.files())).toEqual([]);
  });

  it("whose layer is damaged says which, and leaves nothing behind", async () => {
    await using here = await holding();
    const archive = await collected(here.sharing.save(["app:1"]));
    const at = archive.indexOf(image.blobs.get(image.layers[0]!.digest)!.subarray(0, 64));
    archive[at + 100_000]! ^= 1;
    await using there = machine();
    await expect(there.sharing.load(inChunks(archive))).rejects.toMatchObject({ kind: "corrupt" });
    expect(Object.keys(there.files())).toEqual([]);
  });

  it("stops where it is told to", async () => {
    await using here = await holding();
    const archive = await collected(here.sharing.save(["app:1"]));
    await using there = machine();
    const stop = new AbortController();
    async function* stopping(): AsyncGenerator<Uint8Array> {
      for await (const chunk of inChunks(archive)) {
        yield chunk;
        stop.abort();
      }
    }
    const failed = there.sharing.load(stopping(), { signal: stop.signal });
    await expect(failed).rejects.toMatchObject({ kind: "interrupted" });
    expect(Object.keys(there.files())).toEqual([]);
  });
});
