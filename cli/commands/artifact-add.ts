import { command } from "../command.ts";
import { text } from "../options.ts";

export default command({
  usage: "[OPTIONS] NAME FILE [FILE...]",
  description:
    "Makes an artifact of files, under a name by which it can be pushed. Prints its digest.",
  options: { type: text(["type"], "string", "Media type that says what it is") },
  operands: { least: 2, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre artifact add registry.example/team/model:1 weights.bin", "then push it"]],
  async run({ host, engine }, { type }, [name, ...paths]) {
    const { artifacts } = await engine();
    const files = [];
    for (const path of paths) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of host.inputBytes(path)) chunks.push(chunk);
      files.push({ name: path.slice(path.lastIndexOf("/") + 1), bytes: Buffer.concat(chunks) });
    }
    const options = type === undefined ? {} : { type };
    host.print(`${await artifacts.add(name!, files, options)}\n`);
    return 0;
  },
});
