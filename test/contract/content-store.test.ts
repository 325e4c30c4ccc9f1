import { FileContentStore } from "@nacre/engine/content/content-store.ts";
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { LinuxCodec } from "@nacre/linux/codec.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { SimulatedCodec } from "@nacre/simulated/codec.ts";
import { SimulatedFiles } from "@nacre/simulated/files.ts";
import { wasmCore } from "../core/wasm-core.ts";
import { contentStoreContract } from "./content-store.ts";
import { temporaryDirectory } from "./temporary.ts";

contentStoreContract(
  "files on linux",
  async () =>
    new FileContentStore(
      wasmCore,
      new LinuxFiles(),
      new LinuxCodec(),
      new StatePaths(temporaryDirectory()),
    ),
);

contentStoreContract("simulated files", async () => {
  const files = new SimulatedFiles(new SimulatedClock());
  return new FileContentStore(
    wasmCore,
    files,
    new SimulatedCodec(wasmCore()),
    new StatePaths("/root"),
  );
});
