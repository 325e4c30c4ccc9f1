import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import { ociRuntimeContract } from "../contract/oci-runtime.ts";
import { wasmCore } from "../core/wasm-core.ts";

ociRuntimeContract("the simulated kernel", async () => {
  const clock = new SimulatedClock();
  const kernel = new SimulatedKernel(clock, { core: wasmCore() });
  const files = kernel.hostFiles();
  const bundle = "/srv/bundle";
  for (const name of ["bin", "proc", "dev", "tmp"]) {
    files.makeDirectory(`${bundle}/rootfs/${name}`, 0o755);
  }
  for (const name of ["true", "false", "echo", "cat", "sleep"]) {
    kernel.installProgram(`${bundle}/rootfs/bin/${name}`);
  }
  files.makeDirectory("/srv/scratch", 0o755);
  return {
    ...{ kernel, files, clock, bundle, scratch: "/srv/scratch", pid: 1 },
    state: () => ({ ...kernel.state(), files: files.list("/srv/scratch/state") }),
    pass: (ms) => clock.advance(ms),
  };
});
