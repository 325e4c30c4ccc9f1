import { simulate, tools } from "../../cli/simulated.ts";
import { commandLineContract } from "../contract/command-line.ts";

commandLineContract("the simulated kernel", async () => {
  const simulation = await simulate({ images: { shell: { files: tools, command: ["sh"] } } });
  await simulation.engine.images.pull("shell");
  return {
    engine: simulation.engine,
    image: "shell",
    registry: "docker.io",
    dispose: () => Promise.resolve(simulation[Symbol.asyncDispose]()),
  };
});
