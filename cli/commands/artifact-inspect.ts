import { command } from "../command.ts";

export default command({
  usage: "NAME",
  description: "Everything about an artifact, as JSON.",
  options: {},
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre artifact inspect registry.example/team/model:1", "its files"]],
  async run({ host, engine }, _, [name]) {
    host.print(`${JSON.stringify(await (await engine()).artifacts.get(name!), null, 4)}\n`);
    return 0;
  },
});
