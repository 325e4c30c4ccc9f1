import { LinuxFiles } from "@nacre/linux/files.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedFiles } from "@nacre/simulated/files.ts";
import { filesContract } from "./files.ts";
import { temporaryDirectory } from "./temporary.ts";

filesContract("linux", async () => ({ files: new LinuxFiles(), root: temporaryDirectory() }));

filesContract("simulated", async () => {
  const files = new SimulatedFiles(new SimulatedClock());
  files.makeDirectory("/root");
  return { files, root: "/root" };
});
