import { command } from "../command.ts";

export default command({
  usage: "INDEX DIGEST",
  description: "Takes one manifest out of an index, by its digest. Prints the index's digest.",
  options: {},
  operands: { least: 2, most: 2 },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [["nacre manifest remove team/app:1 sha256:…", "one platform less"]],
  async run({ host, engine }, _, [name, digest]) {
    const { indexes } = await engine();
    host.print(`${(await indexes.takeOut(name!, digest!)).digest}\n`);
    return 0;
  },
});
