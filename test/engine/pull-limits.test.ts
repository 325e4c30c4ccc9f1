import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { NacreError } from "@nacre/core/error.ts";
import type { FileWriter } from "@nacre/core/ports/files.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { buildImage } from "@nacre/plugin-registry/image-builder.ts";
import { serveRegistry } from "@nacre/plugin-registry/server.ts";
import { describe, expect, it } from "vitest";
import { TAR_END, tar, tarEntry } from "../images/tar.ts";
import { OWN_NODE } from "../own-node.ts";
import { AMD64, contentOf, machine, noise, sampleImage } from "./pull-machine.ts";

/** A disk that says how much is free, and is full after so many bytes were written. */
class SmallDisk extends LinuxFiles {
  readonly #free: number;
  #left: number;
  constructor(freeBytes: number, fullAfterBytes: number = Number.POSITIVE_INFINITY) {
    super();
    this.#free = freeBytes;
    this.#left = fullAfterBytes;
  }
  override freeBytes(): number {
    return this.#free;
  }
  override async create(path: string, options?: { resume?: boolean }): Promise<FileWriter> {
    const writer = await super.create(path, options);
    const write = writer.write.bind(writer);
    writer.write = async (bytes) => {
      this.#left -= bytes.length;
      if (this.#left < 0) throw new NacreError("no-space", `no space left to write ${path}`);
      await write(bytes);
    };
    return writer;
  }
}

async function fail(image: ReturnType<typeof buildImage>, files = new LinuxFiles()) {
  await using registry = await serveRegistry(contentOf({ "1": image }));
  await using here = machine({ files });
  const error = await here.images.pull(`${registry.address}/team/app:1`).then(
    () => expect.fail("the pull succeeded"),
    (reason) => reason,
  );
  return { error, files: here.files() };
}

describe("the limits of a pull", () => {
  it("a bomb: stops long before the disk is full", async () => {
    const bomb = buildImage({
      layers: [{ tar: tar([{ name: "zeros", content: Buffer.alloc(30_000_000) }]) }],
      platform: AMD64,
    });
    const { error, files } = await fail(bomb, new SmallDisk(8_000_000));
    expect(error).toMatchObject({ kind: "no-space" });
    expect(error.message).toMatch(/of \d{5} bytes decompresses to more than the disk can hold/);
    expect(files).toEqual({});
  });

  it("an image that cannot fit: is not begun", async () => {
    const { error, files } = await fail(sampleImage(), new SmallDisk(100_000));
    expect(error).toMatchObject({ kind: "no-space" });
    expect(error.message).toMatch(/does not fit on the disk, which has 100000 bytes free/);
    expect(files).toEqual({});
  });

  it("a disk that is full in the middle: one message, nothing left", async () => {
    for (const after of [50_000, 400_000]) {
      const { error, files } = await fail(sampleImage(), new SmallDisk(1e9, after));
      expect(error).toMatchObject({ kind: "no-space" });
      expect(files).toEqual({});
    }
  });

  it("a layer that would leave its root: is refused by the entry's name", async () => {
    const hostile = {
      "../../etc/shadow": [{ name: "../../etc/shadow", content: "x" }],
      link: [{ name: "link", type: "hardlink" as const, link: "../../etc/shadow" }],
    };
    for (const [name, entries] of Object.entries(hostile)) {
      const image = buildImage({ layers: [{ tar: tar(entries) }], platform: AMD64 });
      const { error, files } = await fail(image);
      expect(error).toMatchObject({ kind: "invalid" });
      expect(error.message).toContain(JSON.stringify(name));
      expect(error.message).toMatch(/leaves the root/);
      expect(files).toEqual({});
    }
  });

  it("a layer that is no tar, or ends in the middle of a file: is refused", async () => {
    const half = tarEntry({ name: "a", content: noise(5000) }).subarray(0, 2048);
    for (const bytes of [Buffer.from("hello, I am no tar at all".repeat(100)), half]) {
      const image = buildImage({ layers: [{ tar: bytes }], platform: AMD64 });
      const { error, files } = await fail(image);
      expect(error).toMatchObject({ kind: "corrupt" });
      expect(files).toEqual({});
    }
  });

  it("a file of accounts that is huge, a device, or a link out of the root: is as if absent", async () => {
    const passwds = [
      [{ name: "etc/passwd", content: Buffer.alloc((1 << 20) + 1, "x") }],
      [
        {
          name: "etc/passwd",
          type: "symlink" as const,
          link: "../../../../../../proc/self/status",
        },
      ],
      [{ name: "etc/passwd", type: "character" as const, device: [1, 5] as const }],
      [{ name: "etc", type: "symlink" as const, link: "etc" }],
    ];
    for (const entries of passwds) {
      const image = buildImage({ layers: [{ tar: tar(entries) }], platform: AMD64 });
      await using registry = await serveRegistry(contentOf({ "1": image }));
      await using here = machine();
      const pulled = await here.images.pull(`${registry.address}/team/app:1`);
      expect(pulled.image.passwd).toBe("");
    }
  });

  it("an empty layer, and an image without any, are images too", async () => {
    const empty = buildImage({ layers: [{ tar: TAR_END }], platform: AMD64 });
    const scratch = buildImage({ layers: [], platform: AMD64 });
    await using registry = await serveRegistry(contentOf({ empty, scratch }));
    await using here = machine();
    for (const tag of ["empty", "scratch"]) {
      const pulled = await here.images.pull(`${registry.address}/team/app:${tag}`);
      expect(pulled.image.passwd).toBe("");
    }
  });
});

/** Another process that pulls into `root`. */
function pullElsewhere(root: string, reference: string): ChildProcess {
  const script = fileURLToPath(new URL("pull-process.ts", import.meta.url));
  return spawn(OWN_NODE, [script, root, reference], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}

describe("a pull whose process is killed", () => {
  it("leaves parts that the next one takes up, and nothing else for long", async () => {
    const image = sampleImage({ sizeBytes: 4_000_000 });
    const bottom = image.layers[0]!;
    const held = Promise.withResolvers<void>();
    await using registry = await serveRegistry(contentOf({ "1": image }), {
      faults: [
        { on: "blob", of: bottom.digest, do: "drop", afterBytes: 2_000_000, times: 1 },
        { on: "blob", of: bottom.digest, do: "wait", until: held.promise },
      ],
    });
    const reference = `${registry.address}/team/app:1`;
    await using here = machine({ alive: ({ pid }) => pid === process.pid });
    const child = pullElsewhere(here.root, reference);
    const gone = new Promise((resolve) => child.on("exit", resolve));
    const partial = () =>
      Object.entries(here.files()).find(([name]) => /blobs\/.*\.partial$/.test(name));
    while ((partial()?.[1] ?? 0) < 1_500_000) {
      expect(child.exitCode).toBeNull();
      await here.clock.sleep(1);
    }
    child.kill("SIGKILL");
    await gone;
    expect(here.state.read((t) => t.list("intent"))).toHaveLength(1);
    expect(Object.keys(here.files()).some((name) => name.endsWith(".tmp"))).toBe(true);
    const [, kept] = partial()!;
    held.resolve();
    const asked = registry.requests.length;
    const pulled = await here.images.pull(reference);
    expect(pulled.image.id).toBe(image.id);
    const ranges = registry.requests.slice(asked).flatMap(({ range }) => range ?? []);
    expect(ranges).toContain(`bytes=${kept}-`);
    expect(Object.keys(here.files()).filter((name) => /tmp|partial/.test(name))).toEqual([]);
    expect(here.state.read((t) => t.list("intent"))).toEqual([]);
  });
});
