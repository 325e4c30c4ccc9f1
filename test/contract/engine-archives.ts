// What an engine tells of containers' roots, on whatever kernel: part of engineContract.

import { ImageTree } from "@nacre/core/image-tree.ts";
import { LayerIndexer } from "@nacre/core/layer-index.ts";
import { expect, it } from "vitest";
import { wasmCore } from "../core/wasm-core.ts";
import { type Bench, refusal } from "./engine.ts";

/** Makes, changes and removes something of each kind that the tools of both kernels can make. */
const CHANGES = [
  "mkdir -p /made/deep",
  "echo new >/made/deep/file",
  "ln /made/deep/file /made/twin",
  "ln -s ../made /made/link",
  "rm /bin/broken",
  "mkdir /tmp/gone; rmdir /tmp/gone",
].join("; ");

/** What an archive holds, by path: read by the core as a layer of its own. */
export async function contentsOf(
  archive: AsyncIterable<Uint8Array>,
  core = wasmCore(),
): Promise<{ readonly tree: ImageTree; readonly text: (path: string) => string | undefined }> {
  const chunks: Uint8Array[] = [];
  const indexer = new LayerIndexer(core);
  for await (const chunk of archive) {
    chunks.push(chunk);
    indexer.write(chunk);
  }
  const tar = Buffer.concat(chunks);
  const layer = { index: indexer.finish(), diffId: `sha256:${"0".repeat(64)}` };
  const tree = ImageTree.merge(core, [{ ...layer, tarBytes: tar.length }]);
  const text = (path: string): string | undefined => {
    const entry = tree.lookup(path);
    return entry && tar.subarray(entry.tarOffset, entry.tarOffset + entry.size).toString();
  };
  return { tree, text };
}

async function changed(bench: Bench, name: string, script: string): Promise<string[]> {
  await bench.start(name, script);
  await bench.containers.wait(name);
  const changes = await bench.subject.engine.archives.changes(name);
  return changes.map(({ kind, path }) => `${kind} ${path}`);
}

export function archiveCases(bench: () => Bench): void {
  it("tells what a container has added, changed and deleted, and nothing of what was there", async () => {
    expect(await changed(bench(), "idle", "exit 0")).toEqual([]);
    const changes = await changed(bench(), "changed", CHANGES);
    expect(changes.filter((line) => !line.endsWith(" /tmp"))).toEqual([
      "C /bin",
      "D /bin/broken",
      "A /made",
      "A /made/deep",
      "A /made/deep/file",
      "A /made/link",
      "A /made/twin",
    ]);
  });

  it("tells what became of a directory that was removed and made anew", async () => {
    const changes = await changed(bench(), "anew", "cp -r /bin /kept; rm -r /bin");
    expect(changes).toContain("D /bin");
    expect(changes.filter((line) => line.includes(" /bin/"))).toEqual([]);
  });

  it("exports the root as it is seen in the container, in any state of it", async () => {
    const { archives } = bench().subject.engine;
    await bench().containers.create({ image: bench().subject.image, name: "new", command: ["sh"] });
    expect((await contentsOf(archives.export("new"))).text("bin/broken")).toBe("no program\n");
    await bench().start("busy", `${CHANGES}; echo ready; while :; do sleep 0.05; done`);
    await bench().says("busy", "ready");
    const { tree, text } = await contentsOf(archives.export("busy"));
    expect(text("made/deep/file")).toBe("new\n");
    expect(tree.lookup("bin/broken")).toBeUndefined();
    expect(tree.lookup("made/link")).toMatchObject({ kind: "symlink", target: "../made" });
    const [twin, file] = [tree.lookup("made/twin"), tree.lookup("made/deep/file")];
    expect(twin?.identity).toBe(file?.identity);
    expect(twin?.links).toBe(2);
    const { stdout } = await bench().exec("busy", { command: ["ls", "-1", "/bin"] });
    const names = [...(tree.list("bin") ?? [])].map(({ path }) => path.slice("bin/".length));
    expect(names).toEqual(stdout.trimEnd().split("\n").sort());
  });

  it("exports the same bytes again where nothing has changed", async () => {
    const { archives } = bench().subject.engine;
    await changed(bench(), "still", CHANGES);
    const all = () => new Response(ReadableStream.from(archives.export("still"))).arrayBuffer();
    expect(Buffer.from(await all()).equals(Buffer.from(await all()))).toBe(true);
  });

  it("makes an image of a container, which runs, and the same again for the same changes", async () => {
    const { archives, images } = bench().subject.engine;
    await changed(bench(), "patched", `${CHANGES}; rm -r /sub; mkdir /sub; echo s >/sub/only`);
    const options = { reference: "patched:1", createdMs: 0, changes: ["ENV A=1"], message: "m" };
    const id = await archives.commit("patched", options);
    expect(await archives.commit("patched", { ...options, reference: "patched:2" })).toBe(id);
    const { image } = images.get("patched:1");
    expect(image).toMatchObject({ id, config: { created: "1970-01-01T00:00:00.000Z" } });
    expect(image.config.history?.at(-1)).toMatchObject({ comment: "m" });
    expect(image.layers).toHaveLength(images.get(bench().subject.image).image.layers.length + 1);
    const script = "cat /made/twin /sub/only; ls /sub; ls /bin/broken; echo $A";
    const made = await bench().sh(script, { image: "patched:1" });
    expect(made.stdout).toBe("new\ns\nonly\n1\n");
    await bench().containers.create({ image: "patched:1", name: "of-patched", command: ["sh"] });
    const { tree } = await contentsOf(archives.export("of-patched"));
    expect(tree.lookup("made/twin")?.identity).toBe(tree.lookup("made/deep/file")?.identity);
    await bench().containers.remove("of-patched");
    expect(await images.path("patched:1", "/made/deep/file")).toMatchObject({
      layer: image.layers.length,
    });
    await images.remove("patched:1");
    await images.remove("patched:2");
  });

  it("commits a container that runs without disturbing it", async () => {
    const { archives, images } = bench().subject.engine;
    await bench().start("busy", `echo x >/x; echo ready; ${"while :; do sleep 0.05; done"}`);
    await bench().says("busy", "ready");
    const id = await archives.commit("busy");
    expect(bench().containers.get("busy").status).toBe("running");
    expect((await bench().sh("cat /x", { image: id })).stdout).toBe("x\n");
    await images.remove(id);
  });

  it("makes an image of an archive, which has what the container had", async () => {
    const { archives, images } = bench().subject.engine;
    await changed(bench(), "flat", CHANGES);
    const changes = ['CMD ["cat", "/made/twin"]', "ENV PATH=/bin"];
    const options = { reference: "flat", changes, createdMs: 0 };
    const id = await archives.import(archives.export("flat"), options);
    const { image } = images.get("flat:latest");
    expect(image).toMatchObject({ id, layers: [{}] });
    expect(await bench().run([], { image: "flat" })).toMatchObject({ code: 0, stdout: "new\n" });
    await images.remove("flat");
  });

  it("refuses what is no tar and what is no name, and keeps nothing of it", async () => {
    const { archives, images } = bench().subject.engine;
    const before = images.list().length;
    const bytes = async function* (text: string) {
      yield new TextEncoder().encode(text.repeat(2000));
    };
    expect((await refusal(archives.import(bytes("no tar")))).kind).toBe("corrupt");
    expect((await refusal(archives.import(bytes("\u00fd7zXZ")))).kind).toBe("corrupt");
    await bench().start("named", "exit 0");
    for (const options of [{ reference: "No/Name" }, { changes: ["RUN x"] }]) {
      expect((await refusal(archives.commit("named", options))).kind).toBe("invalid");
      expect((await refusal(archives.import(bytes(""), options))).kind).toBe("invalid");
    }
    expect(images.list()).toHaveLength(before);
  });

  it("gives an image more names, and a name to another image", async () => {
    const { archives, images } = bench().subject.engine;
    const { id } = images.get(bench().subject.image).image;
    expect(images.tag(bench().subject.image, "second")).toBe("docker.io/library/second:latest");
    expect(images.get("second:latest").image.id).toBe(id);
    await bench().start("other", "echo x >/x");
    await bench().containers.wait("other");
    const other = await archives.commit("other");
    images.tag(other.slice(7, 19), "second");
    expect(images.get("second").image.id).toBe(other);
    expect(images.get(bench().subject.image).image.id).toBe(id);
    expect(() => images.tag("nobody", "x")).toThrow(expect.objectContaining({ kind: "not-found" }));
    expect(() => images.tag(id, "No/Name")).toThrow(expect.objectContaining({ kind: "invalid" }));
    await images.remove("second");
  });

  it("counts what images share once, and what containers wrote", async () => {
    const { archives, images, system } = bench().subject.engine;
    const before = await system.diskUsage();
    await bench().start("writer", "echo 12345 >/written; ln /written /twice");
    await bench().containers.wait("writer");
    const id = await archives.commit("writer", { reference: "child" });
    const usage = await system.diskUsage();
    const base = images.get(bench().subject.image).image.id;
    const [parent, child] = [base, id].map((one) => usage.images.find((i) => i.image.id === one)!);
    expect(child).toMatchObject({ references: ["docker.io/library/child:latest"], containers: 0 });
    expect(parent?.containers).toBe(1);
    expect(child?.sharedBytes).toBe(parent?.sharedBytes);
    expect(child?.sharedBytes).toBeGreaterThan(0);
    expect(usage.imageBytes).toBe(before.imageBytes + child!.uniqueBytes);
    expect(usage.unusedBytes).toBe(usage.imageBytes - (parent!.sharedBytes + parent!.uniqueBytes));
    const written = usage.containers.find(({ container }) => container.name === "writer");
    expect(written?.writtenBytes).toBe("12345\n".length);
    await images.remove("child");
    expect((await system.diskUsage()).imageBytes).toBe(before.imageBytes);
  });
}
