import { NacreError } from "@nacre/core/error.ts";
import { command } from "../command.ts";

export default command({
  usage: "INDEX",
  description: "Whether there is an index of this name here: 0 if so, 1 if not. Prints nothing.",
  options: {},
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: ["images"],
  failure: 125,
  examples: [["nacre manifest exists team/app:1 || nacre manifest create team/app:1", "once"]],
  async run({ engine }, _, [name]) {
    const { indexes } = await engine();
    try {
      await indexes.get(name!);
      return 0;
    } catch (error) {
      if (error instanceof NacreError && error.kind === "not-found") return 1;
      throw error;
    }
  },
});
