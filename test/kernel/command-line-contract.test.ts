import { commandLineContract } from "../contract/command-line.ts";
import { pushRegistry } from "../engine/push-registry.ts";
import { Bench } from "./engine-bench.ts";

commandLineContract("the real kernel", async () => {
  const bench = await Bench.make();
  const engine = await bench.engine();
  const image = bench.name();
  await engine.images.pull(image);
  const registry = await pushRegistry();
  return {
    engine,
    image,
    registry: registry.address,
    async dispose() {
      await registry.close();
      await engine[Symbol.asyncDispose]();
      await bench[Symbol.asyncDispose]();
    },
  };
});
