import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import { describe, expect, it } from "vitest";
import { filesContract } from "../contract/files.ts";
import { wasmCore } from "../core/wasm-core.ts";

filesContract("the simulated machine's tree", async () => {
  const kernel = new SimulatedKernel(new SimulatedClock(), { core: wasmCore() });
  const files = kernel.hostFiles();
  files.makeDirectory("/srv/files");
  return { files, root: "/srv/files" };
});

describe("the engine's files on the simulated machine", () => {
  const files = new SimulatedKernel(new SimulatedClock(), { core: wasmCore() }).hostFiles();

  it("are cgroupfs and procfs too, with their refusals", () => {
    files.makeDirectory("/sys/fs/cgroup/pids/own");
    files.control("/sys/fs/cgroup/pids/own/pids.max", "7");
    expect(files.readText("/sys/fs/cgroup/pids/own/pids.max")).toBe("7\n");
    expect(() => files.control("/sys/fs/cgroup/pids/own/pids.max", "x")).toThrow(
      expect.objectContaining({ kind: "kernel", errno: "EINVAL" }),
    );
    files.remove("/sys/fs/cgroup/pids/own");
    expect(files.status("/sys/fs/cgroup/pids/own")).toBeUndefined();
    expect(files.readText("/proc/self/stat")).toMatch(/^2 \(nacre\) /);
  });
});
