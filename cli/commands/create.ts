import { command } from "../command.ts";
import { checkIdFile, writeIdFile } from "../container-id-file.ts";
import { CONTAINER_OPTIONS, requestOf } from "../container-options.ts";
import { showPull } from "../pull-display.ts";
import { checkReplacement, removeReplaced } from "../replacement.ts";

const { detach: _, ...OPTIONS } = CONTAINER_OPTIONS;

export default command({
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  description:
    "As run, but nothing is started: the container's name and storage layer are there, and its ID is printed.",
  options: OPTIONS,
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: false,
  suggest: ["images"],
  failure: 1,
  examples: [["nacre start -a $(nacre create debian date)", "what run does, in two steps"]],
  async run(context, values, operands) {
    const { host } = context;
    const request = requestOf({ ...values, detach: false }, operands, host);
    checkIdFile(values.cidfile, host);
    checkReplacement(values);
    const engine = await context.engine();
    const pulling = showPull(engine, host, values);
    await removeReplaced(values, engine);
    const { id } = await engine.containers.create(request).finally(() => pulling.end());
    writeIdFile(values.cidfile, id, host);
    host.print(`${id}\n`);
    return 0;
  },
});
