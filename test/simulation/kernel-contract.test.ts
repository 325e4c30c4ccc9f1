import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import { kernelContract } from "../contract/kernel.ts";
import { wasmCore } from "../core/wasm-core.ts";

const DIRECTORIES = ["bin", "proc", "dev", "etc", "tmp"];
const PROGRAMS = ["true", "false", "echo", "cat", "sleep"];

kernelContract("the simulated kernel", async () => {
  const clock = new SimulatedClock();
  const kernel = new SimulatedKernel(clock, { core: wasmCore() });
  const files = kernel.hostFiles();
  const rootfs = "/srv/rootfs";
  files.makeDirectory(rootfs, 0o755);
  for (const name of DIRECTORIES) files.makeDirectory(`${rootfs}/${name}`, 0o755);
  for (const name of PROGRAMS) kernel.installProgram(`${rootfs}/bin/${name}`);
  files.replace(`${rootfs}/bin/plain`, "no permission to execute\n");
  kernel.installProgram(`${rootfs}/bin/nonsense`);
  files.makeDirectory("/srv/scratch", 0o755);
  const cgroup = "/sys/fs/cgroup/pids/contract";
  files.makeDirectory(cgroup);
  const unifiedCgroup = "/sys/fs/cgroup/unified/contract";
  files.makeDirectory(unifiedCgroup);
  return {
    kernel,
    scratch: "/srv/scratch",
    rootfs,
    cgroup,
    unifiedCgroup,
    readText: (path) => (files.status(path) ? files.readText(path) : undefined),
    state: () => kernel.state(),
    pass: async (ms) => {
      // Modules that programs are loaded of come by the host's event loop.
      await new Promise((turned) => setImmediate(turned));
      await clock.advance(ms);
    },
  };
});
