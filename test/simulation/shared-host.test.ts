// Directories of one Files port shown in a simulated machine: what is there is seen as it is now,
// and nobody in the machine changes it.

import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import { SharedFiles } from "@nacre/simulated/shared-files.ts";
import { beforeEach, describe, expect, it } from "vitest";
import { wasmCore } from "../core/wasm-core.ts";

const ROOT = "/state";
const SHARED = "/state/layers";

/** Two machines: the first stands for the host of the second. */
function machines() {
  const host = new SimulatedKernel(new SimulatedClock(), { core: wasmCore() }).hostFiles();
  const kernel = new SimulatedKernel(new SimulatedClock(), { core: wasmCore() });
  kernel.shareDirectory(host, SHARED);
  const machine = kernel.hostFiles();
  const files = new SharedFiles(machine, { files: host, root: ROOT, directories: [SHARED] });
  return { host, machine, files };
}

let { host, machine, files } = machines();
beforeEach(() => {
  ({ host, machine, files } = machines());
});

describe("a directory of the host in a simulated machine", () => {
  it("is empty while the host has none", () => {
    expect(machine.list(SHARED)).toEqual([]);
    expect(host.status(SHARED)).toBeUndefined();
  });

  it("shows what the host writes, replaces and removes", () => {
    host.makeDirectory(`${SHARED}/below`);
    host.replace(`${SHARED}/below/one`, "first");
    expect(machine.readText(`${SHARED}/below/one`)).toBe("first");
    host.replace(`${SHARED}/below/one`, "second, longer");
    expect(machine.readText(`${SHARED}/below/one`)).toBe("second, longer");
    expect(machine.status(`${SHARED}/below/one`)?.sizeBytes).toBe(14);
    host.remove(`${SHARED}/below/one`);
    expect(machine.status(`${SHARED}/below/one`)).toBeUndefined();
    expect(machine.list(SHARED)).toEqual(["below"]);
  });

  it("reads of a large file what is asked for", async () => {
    host.makeDirectory(SHARED);
    host.replace(`${SHARED}/file`, "x".repeat(1 << 20));
    const reads: number[] = [];
    const watched = new Proxy(host, {
      get: (target, name) => {
        if (name !== "readRange") return Reflect.get(target, name).bind(target);
        return (path: string, offset: number, length: number) => {
          reads.push(length);
          return target.readRange(path, offset, length);
        };
      },
    });
    const kernel = new SimulatedKernel(new SimulatedClock(), { core: wasmCore() });
    kernel.shareDirectory(watched, SHARED);
    const reader = await kernel.hostFiles().open(`${SHARED}/file`);
    expect(await reader.read(500_000, 10)).toHaveLength(10);
    expect(await reader.read((1 << 20) - 4, 10)).toHaveLength(4);
    expect(await reader.read(1 << 21, 10)).toHaveLength(0);
    expect(reads).toEqual([10, 4, 0]);
  });

  it("cannot be changed from inside", () => {
    host.makeDirectory(SHARED);
    host.replace(`${SHARED}/file`, "kept");
    expect(() => machine.replace(`${SHARED}/file`, "lost")).toThrow("read-only file system");
    expect(() => machine.makeDirectory(`${SHARED}/more`)).toThrow("read-only file system");
    expect(() => machine.remove(`${SHARED}/file`)).toThrow("read-only file system");
    expect(host.readText(`${SHARED}/file`)).toBe("kept");
  });
});

describe("the engine's files over a shared directory", () => {
  it("are the host's there, and the machine's everywhere else", () => {
    files.makeDirectory(SHARED);
    files.replace(`${SHARED}/layer`, "real");
    files.makeDirectory("/state/containers");
    files.replace("/state/containers/log", "simulated");
    expect(host.readText(`${SHARED}/layer`)).toBe("real");
    expect(host.status("/state/containers")).toBeUndefined();
    expect(machine.readText("/state/containers/log")).toBe("simulated");
    expect(files.readText("/proc/self/mountinfo")).toContain(` ${SHARED} `);
  });

  it("are not renamed from one to the other", () => {
    files.makeDirectory(SHARED);
    files.replace(`${SHARED}/layer`, "real");
    expect(() => files.rename(`${SHARED}/layer`, "/state/layer")).toThrow("EXDEV");
  });
});
