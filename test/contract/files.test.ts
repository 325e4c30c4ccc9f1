import { fileURLToPath } from "node:url";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedFiles } from "@nacre/simulated/files.ts";
import { filesContract } from "./files.ts";
import { temporaryDirectory } from "./temporary.ts";

const ADDON = fileURLToPath(new URL("../../backends/linux/dist/addon.node", import.meta.url));

filesContract("linux", async () => ({ files: new LinuxFiles(ADDON), root: temporaryDirectory() }));

filesContract("simulated", async () => {
  const files = new SimulatedFiles(new SimulatedClock());
  files.makeDirectory("/root");
  return { files, root: "/root" };
});
