// A store of a thousand images: what is asked of it as a whole reads it once, not once an image.

import { createHash } from "node:crypto";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import { diskUsage } from "@nacre/engine/disk-usage.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { describe, expect, it } from "vitest";
import { machine } from "./pull-machine.ts";

const IMAGES = 1000;
/** Each image has a layer that ten share in turns, and one of its own. */
const BASES = 100;

const digestOf = (text: string): string =>
  `sha256:${createHash("sha256").update(text).digest("hex")}`;
type Kind = Parameters<Transaction["list"]>[0];
const fresh = { durable: true, bootId: "this boot" };

function fill(t: Transaction): void {
  const blob = (digest: string, sizeBytes: number): void =>
    t.put("blob", digest, { digest, sizeBytes, mediaType: "application/octet-stream", ...fresh });
  const layer = (name: string) => {
    const [diffId, digest] = [digestOf(`tar ${name}`), digestOf(`blob ${name}`)];
    t.put("layer", diffId, { diffId, digest, tarBytes: 100, ...fresh });
    blob(digest, 10);
    return { diffId, digest };
  };
  for (let i = 0; i < IMAGES; i++) {
    const layers = [layer(`base ${i % BASES}`), layer(`own ${i}`)];
    const [id, manifestDigest, chainId] = [
      digestOf(`config ${i}`),
      digestOf(`manifest ${i}`),
      digestOf(`chain ${i}`),
    ];
    blob(id, 3);
    blob(manifestDigest, 4);
    const diffIds = layers.map(({ diffId }) => diffId);
    t.put("image", id, {
      ...{ id, manifestDigest, manifestMediaType: "application/json", passwd: "", group: "" },
      config: { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: diffIds } },
      layers: layers.map(({ digest }) => ({ mediaType: "application/gzip", digest, size: 10 })),
      ...{ chainIds: [digestOf(`base chain ${i}`), chainId], sizeBytes: 200, pulledMs: 0 },
    });
    const key = `remembering/${chainId}`;
    const snapshot = { key, snapshotter: "remembering", chainId, diffIds, sizeBytes: 7 };
    t.put("snapshot", key, { ...snapshot, ...fresh });
    const reference = `docker.io/library/app-${i}:1`;
    t.put("tag", reference, { reference, imageId: id, digest: manifestDigest, updatedMs: 0 });
  }
}

/** The same state; counts how often records of each kind are listed. */
function counted(state: StateStore) {
  const lists = new Map<Kind, number>();
  const watch = (t: Transaction): Transaction =>
    new Proxy(t, {
      get(target, name) {
        const member = Reflect.get(target, name) as (...of: unknown[]) => unknown;
        return (...words: unknown[]) => {
          const kind = words[0] as Kind;
          if (name === "list") lists.set(kind, (lists.get(kind) ?? 0) + 1);
          return member.apply(target, words);
        };
      },
    });
  const read = <T>(work: (t: Transaction) => T): T => state.read((t) => work(watch(t)));
  return { lists, state: { read } as unknown as StateStore };
}

const none = { list: () => [], size: () => ({ writtenBytes: 0 }) };

describe("a thousand images", () => {
  it("are counted exactly, what is shared once, in one look at each kind of record", async () => {
    await using here = machine();
    here.state.write(fill);
    const { lists, state } = counted(here.state);
    const volumes = { list: async () => [] };
    const usage = await diskUsage(new LinuxFiles(), state, none as never, volumes, here.paths);
    const own = 100 + 10 + 3 + 4 + 7;
    expect(usage.imageBytes).toBe(IMAGES * own + BASES * 110);
    expect(usage.unusedBytes).toBe(usage.imageBytes);
    expect(usage.images).toHaveLength(IMAGES);
    for (const { references, sharedBytes, uniqueBytes } of usage.images) {
      expect([references.length, sharedBytes, uniqueBytes]).toEqual([1, 110, own]);
    }
    expect(Math.max(...lists.values())).toBe(1);
  });

  it("are pruned in as many transactions as one", async () => {
    await using here = machine();
    let writes = 0;
    const { write } = here.state;
    here.state.write = (...of) => {
      writes++;
      return write.apply(here.state, of) as never;
    };
    const prune = async () => {
      writes = 0;
      const report = await here.sharing.prune({ all: true });
      return { ...report, writes };
    };
    const nothing = await prune();
    here.state.write(fill);
    const { untagged, deleted, reclaimedBytes, writes: all } = await prune();
    expect(untagged).toHaveLength(IMAGES);
    // Each with its ID and its own layer, and the shared ones.
    expect(new Set(deleted).size).toBe(deleted.length);
    expect(deleted).toHaveLength(2 * IMAGES + BASES);
    expect(reclaimedBytes).toBe(IMAGES * (100 + 10 + 3 + 4 + 7) + BASES * 110);
    expect(all).toBeLessThanOrEqual(nothing.writes + 2);
    const left = here.state.read((t) =>
      (["image", "tag", "layer", "blob", "snapshot"] as const).flatMap((kind) => t.list(kind)),
    );
    expect(left).toEqual([]);
  });
});
