// What every implementation of Snapshotter does. For plugin authors as for our own:
//
//   snapshotterContract("my snapshotter", async () => ({ snapshotter, layer, chainId, storage }));
//
// Where a subject can `look`, the plans are executed and what a container would see is compared;
// a subject without a kernel is held to the rest.

import type {
  RootPlan,
  Snapshotter,
  StorageLayer,
  StoredLayer,
} from "@nacre/core/ports/snapshotter.ts";
import { beforeEach, describe, expect, it } from "vitest";
import type { TarEntry } from "../images/tar.ts";

/** What is seen at a path: a file's contents, a link's target behind an arrow, or the kind. */
export type Seen = Readonly<Record<string, string>>;

/** Something that a container does to its root: removes a tree, or writes a file. */
export type Change =
  | { readonly remove: string }
  | { readonly write: string; readonly text: string };

export interface SnapshotterSubject {
  readonly snapshotter: Snapshotter;
  /** Stores a layer as the engine does: a tar and its index. */
  readonly layer: (entries: readonly TarEntry[]) => Promise<StoredLayer>;
  readonly chainId: (layers: readonly StoredLayer[]) => string;
  /** A fresh storage layer. */
  readonly storage: () => StorageLayer;
  /** Makes a stored layer's tar one byte shorter. */
  readonly truncate: (layer: StoredLayer) => void;
  /** Executes a plan, makes the changes in its root, and says what is there then. */
  readonly look?: (plan: RootPlan, changes?: readonly Change[]) => Promise<Seen>;
}

const BASE: readonly TarEntry[] = [
  { name: "etc/", type: "directory" },
  { name: "etc/passwd", content: "root" },
  { name: "etc/group", content: "wheel" },
  { name: "bin", type: "symlink", link: "usr/bin" },
  { name: "usr/bin/", type: "directory" },
  { name: "usr/bin/tool", content: "1".repeat(5000), mode: 0o755 },
];
const CHANGE: readonly TarEntry[] = [
  { name: "etc/.wh.group" },
  { name: "etc/passwd", content: "root and you" },
  { name: "srv/new", content: "new" },
];
const MERGED: Seen = {
  etc: "directory",
  "etc/passwd": "root and you",
  bin: "-> usr/bin",
  usr: "directory",
  "usr/bin": "directory",
  "usr/bin/tool": "1".repeat(5000),
  srv: "directory",
  "srv/new": "new",
};

export function snapshotterContract(
  name: string,
  makeSubject: () => Promise<SnapshotterSubject>,
): void {
  describe(`${name} as Snapshotter`, () => {
    let subject: SnapshotterSubject;
    let snapshotter: Snapshotter;
    let layers: StoredLayer[];
    let id: string;
    beforeEach(async () => {
      subject = await makeSubject();
      snapshotter = subject.snapshotter;
      layers = [await subject.layer(BASE), await subject.layer(CHANGE)];
      id = subject.chainId(layers);
    });
    const diffIds = () => layers.map((layer) => layer.diffId);
    const root = (readOnly = false) =>
      snapshotter.root(id, layers, subject.storage(), { readOnly });

    it("can do its work here", () => {
      expect(snapshotter.unsupported()).toBeUndefined();
    });

    it("has what it committed, once and for all", async () => {
      expect(snapshotter.has(id)).toBe(false);
      const first = await snapshotter.commit(id, layers);
      expect(first.sizeBytes).toBeGreaterThan(0);
      expect(snapshotter.has(id)).toBe(true);
      expect((await snapshotter.commit(id, layers)).sizeBytes).toBe(first.sizeBytes);
    });

    it("has each image for itself", async () => {
      await snapshotter.commit(id, layers);
      expect(snapshotter.has(subject.chainId(layers.slice(0, 1)))).toBe(false);
    });

    it("can be asked to commit one image twice at the same time", async () => {
      await Promise.all([snapshotter.commit(id, layers), snapshotter.commit(id, layers)]);
      expect(snapshotter.has(id)).toBe(true);
    });

    it("forgets what it removed, and lets it be removed again and made again", async () => {
      await snapshotter.commit(id, layers);
      await snapshotter.remove(id, diffIds());
      await snapshotter.remove(id, diffIds());
      expect(snapshotter.has(id)).toBe(false);
      await snapshotter.commit(id, layers);
      expect(snapshotter.has(id)).toBe(true);
    });

    it("says corrupt, and has nothing, when a tar is not as long as it was", async () => {
      subject.truncate(layers[0] as StoredLayer);
      await expect(snapshotter.commit(id, layers)).rejects.toMatchObject({ kind: "corrupt" });
      expect(snapshotter.has(id)).toBe(false);
    });

    it("gives the same operations every time, and a reason with each", async () => {
      await snapshotter.commit(id, layers);
      const storage = subject.storage();
      const plan = () => snapshotter.root(id, layers, storage, { readOnly: false });
      expect(plan()).toEqual(plan());
      for (const operation of [...plan().host, ...plan().child]) {
        expect(operation.why, operation.op).toBeTypeOf("string");
      }
    });

    it("mounts the root at the storage layer's rootfs, in the child", async () => {
      await snapshotter.commit(id, layers);
      const storage = subject.storage();
      const { child } = snapshotter.root(id, layers, storage, { readOnly: false });
      const targets = child.map((o) => (o.op === "mount" ? o.target : undefined));
      expect(targets).toContain(storage.rootfs);
    });

    it("shows the merged layers, and keeps writes in the storage layer", async (context) => {
      if (!subject.look) return context.skip("the subject has no kernel to look with");
      await snapshotter.commit(id, layers);
      expect(await subject.look(root())).toEqual(MERGED);
      const changed = await subject.look(root(), [
        { remove: "usr" },
        { write: "etc/passwd", text: "me" },
      ]);
      expect(changed).toEqual({
        etc: "directory",
        "etc/passwd": "me",
        bin: "-> usr/bin",
        srv: "directory",
        "srv/new": "new",
      });
      expect(await subject.look(root())).toEqual(MERGED);
    });

    it("gives a storage layer back with what was written to it", async (context) => {
      if (!subject.look) return context.skip("the subject has no kernel to look with");
      await snapshotter.commit(id, layers);
      const storage = subject.storage();
      const plan = () => snapshotter.root(id, layers, storage, { readOnly: false });
      const changes = ["etc", "usr", "srv", "bin"].map((remove) => ({ remove }));
      await subject.look(plan(), [...changes, { write: "kept", text: "1" }]);
      expect(await subject.look(plan())).toEqual({ kept: "1" });
    });

    it("shows 64 layers in their order", async (context) => {
      if (!subject.look) return context.skip("the subject has no kernel to look with");
      const many: StoredLayer[] = [];
      for (let n = 0; n < 64; n++) {
        many.push(
          await subject.layer([
            { name: "all", content: String(n) },
            { name: `own/${n}`, content: String(n) },
            { name: `own/.wh.${n - 2}` },
          ]),
        );
      }
      const chain = subject.chainId(many);
      await snapshotter.commit(chain, many);
      const plan = snapshotter.root(chain, many, subject.storage(), { readOnly: false });
      expect(await subject.look(plan)).toEqual({
        all: "63",
        own: "directory",
        "own/62": "62",
        "own/63": "63",
      });
    });

    it("keeps what images share when one of them goes", async (context) => {
      if (!subject.look) return context.skip("the subject has no kernel to look with");
      const base = layers.slice(0, 1);
      const baseId = subject.chainId(base);
      await snapshotter.commit(baseId, base);
      await snapshotter.commit(id, layers);
      await snapshotter.remove(baseId, []);
      expect(await subject.look(root())).toEqual(MERGED);
    });
  });
}
