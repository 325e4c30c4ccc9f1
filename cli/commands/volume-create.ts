import { command } from "../command.ts";
import { list, text } from "../options.ts";
import { labelsOf, parseLabel } from "../parse/environment.ts";

export default command({
  usage: "[OPTIONS] [VOLUME]",
  description:
    "A volume outlives the containers that it is mounted in. Without a name it gets one, which is printed, and goes with the last container that has it and is removed with -v. The local driver keeps a directory below the state root, or mounts what mount(8) would mount: -o type=, -o device=, and the rest in -o o=. A volume of that name that is there already is left as it is.",
  options: {
    driver: text(["driver", "d"], "name", "What makes it: local, or a plugin's (default local)", [
      "local",
    ]),
    label: list(["label"], "K=V", "Set metadata on the volume", parseLabel),
    opt: list(["opt", "o"], "K=V", "An option of the driver", String),
  },
  operands: { least: 0, most: 1 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre volume create data", "and then: nacre run -v data:/data …"],
    [
      "nacre volume create -o type=tmpfs -o device=tmpfs -o o=size=100m,uid=1000 cache",
      "a file system in memory that its containers share",
    ],
  ],
  async run(context, { driver, label, opt }, [name]) {
    const { volumes } = await context.engine();
    const made = await volumes.create({
      ...(name && { name }),
      ...(driver !== undefined && { driver }),
      options: Object.fromEntries(opt.map(pair)),
      labels: labelsOf(label),
    });
    context.host.print(`${made.name}\n`);
    return 0;
  },
});

function pair(word: string): [key: string, value: string] {
  const at = word.indexOf("=");
  return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)];
}
