// What an engine gives to others and takes from them, on whatever kernel: part of engineContract.

import { expect, it } from "vitest";
import { type Bench, refusal } from "./engine.ts";

async function collected(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

export function sharingCases(bench: () => Bench): void {
  const names = (path: string) => `${bench().subject.registry}/${path}`;

  it("pushes an image that others pull under the same digest, and that runs", async () => {
    const { images } = bench().subject.engine;
    const { image } = images.get(bench().subject.image);
    const name = images.tag(bench().subject.image, names("pushed/app:1"));
    const pushed = await images.push(name);
    expect(pushed).toMatchObject({ reference: name, digest: image.manifestDigest });
    await images.remove(name);
    const pulled = await images.pull(name);
    expect(pulled).toMatchObject({ digest: image.manifestDigest, image: { id: image.id } });
    const { digest } = await images.push(name, { compression: "zstd" });
    expect(digest).not.toBe(image.manifestDigest);
    await images.remove(name);
    expect((await images.pull(name)).image.id).toBe(image.id);
    expect((await bench().sh("echo runs", { image: name })).stdout).toBe("runs\n");
    await images.remove(name);
  });

  it("saves images that are loaded as they were, and run", async () => {
    const { images } = bench().subject.engine;
    const { id } = images.get(bench().subject.image).image;
    const names = ["saved:1", "saved:2"].map((name) => images.tag(id, name));
    const archive = await collected(images.save(names));
    for (const name of names) await images.remove(name);
    expect(await images.load(inChunks(archive))).toMatchObject([{ id, references: names }]);
    expect(await collected(images.save(names))).toEqual(archive);
    const run = await bench().sh("echo runs", { image: "saved:2" });
    expect(run).toMatchObject({ code: 0, stdout: "runs\n" });
    for (const name of names) await images.remove(name);
  });

  it("loads nothing of an archive that is none, or is cut", async () => {
    const { images } = bench().subject.engine;
    const archive = await collected(images.save([bench().subject.image]));
    const before = images.list();
    for (const bytes of [archive.subarray(0, archive.length - 9000), archive.subarray(3)]) {
      expect((await refusal(images.load(inChunks(bytes)))).kind).toBe("corrupt");
    }
    expect(images.list()).toEqual(before);
  });

  it("tells what each layer added, changed and deleted, and what later ones hid", async () => {
    const { images, archives } = bench().subject.engine;
    await bench().start("changing", "rm /bin/broken; echo new >/sub/old; echo x >/added");
    await bench().containers.wait("changing");
    const id = await archives.commit("changing");
    const { layers } = await images.explore(id);
    const last = layers.at(-1)!;
    const said = last.changes.map(({ what, path }) => `${what} ${path}`);
    for (const line of ["deleted /bin/broken", "changed /sub/old", "added /added"]) {
      expect(said).toContain(line);
    }
    const below = layers.slice(0, -1).flatMap(({ changes }) => changes);
    for (const path of ["/bin/broken", "/sub/old"]) {
      expect(below.find((one) => one.path === path)?.hiddenBy).toBe(last.number);
    }
    expect(layers.reduce((sum, one) => sum + (one.hiddenBytes ?? 0), 0)).toBeGreaterThan(0);
    await images.remove(id);
  });

  it("runs an image for another platform than the one that is asked for neither from here nor fetched", async () => {
    const { containers, images } = bench().subject.engine;
    const { image } = bench().subject;
    const before = images.list();
    for (const pull of ["never", "missing"] as const) {
      const other = { image, platform: "linux/riscv64", command: ["true"], pull } as const;
      const made = containers.create(other);
      const { kind, message } = await refusal(made);
      expect({ kind, message }).toMatchObject({
        kind: "not-found",
        message: expect.stringContaining("does not provide the specified platform (linux/riscv64)"),
      });
    }
    expect(images.list().map((one) => one.image.id)).toEqual(before.map((one) => one.image.id));
    const { os, architecture } = images.get(image).image.config;
    const own = { image, platform: `${os}/${architecture}`, pull: "never" } as const;
    const { id } = await containers.create({ ...own, command: ["true"] });
    await containers.remove(id);
  });

  it("makes an index that is run by its name, and keeps what it names", async () => {
    const { images, indexes } = bench().subject.engine;
    const { image } = images.get(bench().subject.image);
    const name = names("made/list:1");
    const { entries } = await indexes.create(name, [bench().subject.image]);
    expect((await bench().sh("echo runs", { image: name })).stdout).toBe("runs\n");
    const { digest } = await indexes.push(name);
    await indexes.remove(name);
    expect((await refusal(indexes.get(name))).kind).toBe("not-found");
    const pulled = await images.pull(name);
    expect(pulled).toMatchObject({ digest, image: { id: image.id } });
    expect(entries.map((one) => one.digest)).toContain(pulled.image.manifestDigest);
    await images.remove(name);
  });

  it("checks the store, which is as it should be", async () => {
    const { system } = bench().subject.engine;
    expect((await system.check()).found).toEqual([]);
    expect((await system.check({ repair: true })).left).toEqual([]);
  });

  it("refuses to push what is not here, and to nowhere", async () => {
    const { images } = bench().subject.engine;
    expect((await refusal(images.push("nobody/app"))).kind).toBe("not-found");
    const { id } = images.get(bench().subject.image).image;
    expect((await refusal(images.push(id))).kind).toBe("invalid");
  });
}
