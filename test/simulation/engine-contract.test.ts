import { simulate, tools } from "../../cli/simulated.ts";
import { engineContract } from "../contract/engine.ts";

for (const snapshotter of ["erofs", "directory"] as const) {
  engineContract(`the simulated kernel, with ${snapshotter}`, async () => {
    const files = { ...tools, "/bin/broken": "no program\n", "/sub/old": "old\n" };
    const simulation = await simulate({ images: { shell: { files } }, snapshotter });
    await simulation.engine.images.pull("shell");
    return {
      engine: simulation.engine,
      image: "shell",
      dispose: () => Promise.resolve(simulation[Symbol.asyncDispose]()),
    };
  });
}
