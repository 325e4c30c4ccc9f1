import { commandLineContract } from "../contract/command-line.ts";
import { Bench } from "./engine-bench.ts";

commandLineContract("the real kernel", async () => {
  const bench = await Bench.make();
  const engine = await bench.engine();
  const image = bench.name();
  await engine.images.pull(image);
  return {
    engine,
    image,
    async dispose() {
      await engine[Symbol.asyncDispose]();
      await bench[Symbol.asyncDispose]();
    },
  };
});
