import { LinuxFiles } from "@nacre/linux/files.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedFiles } from "@nacre/simulated/files.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import { filesContract } from "./files.ts";
import { temporaryDirectory } from "./temporary.ts";

filesContract("linux", async () => ({ files: new LinuxFiles(), root: temporaryDirectory() }));

filesContract("simulated", async () => {
  const files = new SimulatedFiles(new SimulatedClock());
  files.makeDirectory("/root");
  return { files, root: "/root" };
});

filesContract("simulated machine", async () => {
  const files = new SimulatedKernel(new SimulatedClock()).hostFiles();
  files.makeDirectory("/srv/root");
  return { files, root: "/srv/root" };
});
