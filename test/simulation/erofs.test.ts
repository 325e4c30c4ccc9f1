// The simulated kernel reads the very bytes that the core makes, over the tars: what it shows is
// the tree that the core says, and damage is found where Linux finds it.

import { createHash } from "node:crypto";
import type { ImageTree } from "@nacre/core/image-tree.ts";
import type { LayerEntry } from "@nacre/core/layer-entry.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tidyLayer } from "../core/layer-arbitrary.ts";
import { tarOf } from "../core/tar-writer.ts";
import { DAMAGES, HIDDEN_DAMAGES } from "./erofs-damage.ts";
import { factsOfInode, imageOf, mountImage } from "./erofs-machine.ts";

const KINDS: Readonly<Record<string, string>> = {
  "character-device": "character",
  "block-device": "block",
};

function contentOf(entry: LayerEntry, tars: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.alloc(entry.size);
  for (const { offset, size, tarOffset } of entry.segments()) {
    const tar = tars[entry.layer as number] as Uint8Array;
    bytes.set(tar.subarray(tarOffset, tarOffset + size), offset);
  }
  return bytes;
}

/** What the core says of its tree, in the words of factsOfInode. */
function factsOfTree(tree: ImageTree, tars: readonly Uint8Array[]): Record<string, unknown>[] {
  return [...tree.entries()].map((found) => {
    const linked = found.kind === "hard-link" ? tree.lookup(found.targetBytes) : undefined;
    const entry = linked ?? found;
    const { kind, uid, gid, mode } = entry;
    const seconds = BigInt(entry.mtimeSeconds) * 1_000_000_000n;
    const xattrs = entry
      .xattrs()
      .map(({ name, value }) => [name, Buffer.from(value).toString("hex")]);
    return {
      path: found.path === "" ? "2e" : Buffer.from(found.pathBytes).toString("hex"),
      kind: KINDS[kind] ?? kind,
      mode: `0o${(kind === "symlink" ? 0o777 : mode).toString(8)}`,
      owner: `${uid}:${gid}`,
      mtime: String(seconds + BigInt(entry.mtimeNanoseconds)),
      xattrs: Object.fromEntries(xattrs),
      ...(kind !== "directory" && { links: entry.links }),
      ...(kind === "file" && {
        size: entry.size,
        sha256: createHash("sha256").update(contentOf(entry, tars)).digest("hex"),
      }),
      ...(kind === "symlink" && { target: Buffer.from(entry.targetBytes).toString("hex") }),
      ...(kind in KINDS && { device: `${entry.deviceMajor}:${entry.deviceMinor}` }),
    };
  });
}

const byPath = (facts: readonly Record<string, unknown>[]) =>
  facts
    .map(({ group: _, ...rest }) => rest)
    .sort((a, b) => (String(a.path) < String(b.path) ? -1 : 1));

describe("an image on the simulated kernel", () => {
  it("shows the tree that the core says, whatever the layers", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(tidyLayer, { minLength: 1, maxLength: 4 }), async (layers) => {
        const tars = layers.map((entries) => tarOf(...entries));
        const { tree, image, devices } = imageOf(...tars);
        const shown = factsOfInode(await mountImage(image, devices));
        expect(byPath(shown)).toEqual(byPath(factsOfTree(tree, tars)));
      }),
      { numRuns: 60 },
    );
  });

  it("finds each of many names, and no other", async () => {
    const names = Array.from({ length: 300 }, (_, n) => `name ${n * 7919}`);
    const { image, devices } = imageOf(tarOf(...names.map((name) => ({ name, content: name }))));
    const root = await mountImage(image, devices);
    expect(root.names()).toHaveLength(300);
    for (const name of names) {
      expect(Buffer.from(root.lookup(name)?.read(0, 100) ?? []).toString()).toBe(name);
      expect(root.lookup(`${name}x`)).toBeUndefined();
      expect(root.lookup(name.slice(0, -1) || "n")?.kind ?? "nothing").toBe(
        names.includes(name.slice(0, -1)) ? "file" : "nothing",
      );
    }
    for (const name of ["", "!", "zzz", "."]) expect(names).not.toContain(name);
    expect(root.lookup("!")).toBeUndefined();
    expect(root.lookup("zzz")).toBeUndefined();
  });

  it("shows a name that is no UTF-8 by what it is shown as", async () => {
    const { image, devices } = imageOf(tarOf({ name: Buffer.from([0x61, 0xff]), content: "x" }));
    const root = await mountImage(image, devices);
    expect(root.names()).toEqual(["a\ufffd"]);
    expect(root.lookup("a\ufffd")?.size).toBe(1);
  });
});

describe("a damaged image on the simulated kernel", () => {
  it.each(DAMAGES)("is refused for $what", async ({ image, devices, errno }) => {
    await expect(mountImage(image, devices)).rejects.toMatchObject({ errno });
  });

  it.each(HIDDEN_DAMAGES)("is mounted, and found out by who looks at $what", async (damage) => {
    const root = await mountImage(damage.image, damage.devices);
    const use = () => (damage.use === "list" ? root.names() : root.lookup("f")?.read(0, 100));
    expect(use).toThrow(expect.objectContaining({ errno: damage.errno }));
  });
});
