import type { Files } from "@nacre/core/ports/files.ts";
import { Durability } from "@nacre/engine/images/durability.ts";
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { SimulatedStateStore } from "@nacre/simulated/state-store.ts";
import { describe, expect, it } from "vitest";

const BOOT = "this boot";
const paths = new StatePaths("/state");
const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;

/** Flushes that end when they are told to, and the paths that were flushed. */
function disk() {
  const begun: string[] = [];
  const waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  const files = {
    list: () => [],
    sync: (path: string) =>
      new Promise<void>((resolve, reject) => {
        begun.push(path);
        waiting.push({ resolve, reject });
      }),
  } as unknown as Files;
  /** With an error, so many of them fail. */
  const settle = async (error?: unknown, failures = 1): Promise<void> => {
    let left = error === undefined ? 0 : failures;
    for (let quiet = 0; quiet < 20; quiet++) {
      const one = waiting.shift();
      if (one) {
        if (left-- > 0) one.reject(error);
        else one.resolve();
        quiet = 0;
      }
      await Promise.resolve();
    }
  };
  return { files, begun, settle };
}

function store() {
  const state = new SimulatedStateStore();
  const add = (digit: string, bootId = BOOT): void =>
    state.write((t) =>
      t.put("layer", digestOf(digit), {
        ...{ diffId: digestOf(digit), digest: digestOf("0"), tarBytes: 1 },
        ...{ durable: false, bootId },
      }),
    );
  const durable = (digit: string): boolean | undefined =>
    state.read((t) => t.get("layer", digestOf(digit))?.durable);
  return { state, add, durable };
}

describe("what a pull has written", () => {
  it("is flushed while more comes, and marked when it was", async () => {
    const { files, begun, settle } = disk();
    const { state, add, durable } = store();
    const durability = new Durability(files, state, paths, BOOT);
    add("1");
    durability.begin();
    expect(begun).toEqual([paths.layerTar(digestOf("1"))]);
    expect(durable("1")).toBe(false);
    add("2");
    durability.begin();
    await settle();
    await durability.settled();
    expect(durable("1")).toBe(true);
    expect(durable("2")).toBe(true);
    expect(new Set(begun)).toEqual(
      new Set([
        ...["1", "2"].flatMap((digit) => [
          paths.layerTar(digestOf(digit)),
          paths.layerIndex(digestOf(digit)),
        ]),
        paths.layers,
      ]),
    );
  });

  it("is no longer believed where the disk refuses it, and the rest is flushed", async () => {
    const { files, begun, settle } = disk();
    const { state, add, durable } = store();
    const durability = new Durability(files, state, paths, BOOT);
    add("1");
    durability.begin();
    add("2");
    durability.begin();
    await settle(new Error("EIO"));
    await durability.settled();
    expect(durable("1")).toBe(false);
    expect(state.read((t) => t.get("layer", digestOf("1")))?.bootId).not.toBe(BOOT);
    expect(durable("2")).toBe(true);
    // The kernel tells an error once: a second flush would say that all is well.
    const times = begun.length;
    durability.begin();
    await settle();
    await durability.settled();
    expect(begun.slice(times)).not.toContain(paths.layerTar(digestOf("1")));
    expect(durable("1")).toBe(false);
  });

  it("in an earlier boot is left to whoever verifies it", async () => {
    const { files, begun } = disk();
    const { state, add, durable } = store();
    add("1", "an earlier boot");
    const durability = new Durability(files, state, paths, BOOT);
    durability.begin();
    await durability.settled();
    expect(begun).toEqual([]);
    expect(durable("1")).toBe(false);
  });
});
