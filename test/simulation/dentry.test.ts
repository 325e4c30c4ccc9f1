// The dentry cache as it can be observed: what was answered without asking the file system, names
// that are known to be missing, and what makes either of them invalid.

import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { errnoOf } from "@nacre/simulated/errno.ts";
import * as files from "@nacre/simulated/file-calls.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import { lookup } from "@nacre/simulated/path-lookup.ts";
import type { Process } from "@nacre/simulated/process.ts";
import { describe, expect, it } from "vitest";
import { wasmCore } from "../core/wasm-core.ts";

function machine() {
  const kernel = new SimulatedKernel(new SimulatedClock(), { core: wasmCore() });
  const process = kernel.machine.processes.all()[0] as Process;
  files.makeDirectory(process, "/tmp/d", 0o755);
  const { cache } = process.root.mount.superblock;
  const find = (path: string): boolean => {
    try {
      lookup(process, path, { follow: false });
      return true;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      return false;
    }
  };
  /** What one lookup of the last name alone costs. */
  const cost = (path: string) => {
    const before = { ...cache };
    const found = find(path);
    return {
      found,
      hits: cache.hits - before.hits,
      negativeHits: cache.negativeHits - before.negativeHits,
      misses: cache.misses - before.misses,
    };
  };
  return { process, cache, cost, find };
}

describe("the dentry cache", () => {
  it("asks the file system once for a name that is there", () => {
    const { process, cost, find } = machine();
    files.makeDirectory(process, "/tmp/d/x", 0o755);
    find("/tmp/d/x");
    expect(cost("/tmp/d/x")).toEqual({ found: true, hits: 3, negativeHits: 0, misses: 0 });
  });

  it("remembers that a name is missing", () => {
    const { cache, cost, find } = machine();
    find("/tmp/d");
    const negatives = cache.negatives;
    expect(cost("/tmp/d/x")).toMatchObject({ found: false, misses: 1 });
    expect(cache.negatives).toBe(negatives + 1);
    expect(cost("/tmp/d/x")).toMatchObject({ found: false, negativeHits: 1, misses: 0 });
  });

  it("finds a name that was made after it had been missing", () => {
    const { process, cache, find } = machine();
    find("/tmp/d/x");
    const { negatives, invalidations } = cache;
    files.makeDirectory(process, "/tmp/d/x", 0o755);
    expect(find("/tmp/d/x")).toBe(true);
    expect(cache.negatives).toBe(negatives - 1);
    expect(cache.invalidations).toBeGreaterThan(invalidations);
  });

  it("gives up a name that is removed or moved", () => {
    const { process, cache, find } = machine();
    files.makeDirectory(process, "/tmp/d/x", 0o755);
    const before = cache.invalidations;
    files.rename(process, "/tmp/d/x", "/tmp/d/y");
    expect([find("/tmp/d/x"), find("/tmp/d/y")]).toEqual([false, true]);
    files.removeDirectory(process, "/tmp/d/y");
    expect(find("/tmp/d/y")).toBe(false);
    expect(cache.invalidations).toBeGreaterThanOrEqual(before + 2);
  });

  it("keeps nothing as missing in procfs, where processes come by themselves", () => {
    const { process, find } = machine();
    const { cache } = lookup(process, "/proc").mount.superblock;
    expect(find("/proc/99999")).toBe(false);
    expect(cache.negatives).toBe(0);
  });
});
