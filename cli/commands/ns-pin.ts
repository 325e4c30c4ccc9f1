import { command } from "../command.ts";
import { printedProgram } from "../explained.ts";
import { KIND_OPTION } from "../namespace-options.ts";
import { flag } from "../options.ts";

export default command({
  usage: "[OPTIONS] NAME CONTAINER|PID",
  description:
    "A namespace goes with the last that holds it. A pin binds the files of /proc/PID/ns below the state root: so they live on when the process, and the container, are gone, and can be joined by the pin's name (nacre ns exec). The mounts lie on a private tmpfs, so that they spread to no other mount namespace. Without --kind, every namespace is pinned that is not this command's own.\n\nA pid namespace that is pinned is dead all the same when its first process ends. Pins end with the machine; nacre ns unpin and system prune let go of them.",
  options: {
    explain: flag(["explain"], "Print the program and do nothing"),
    kind: KIND_OPTION,
  },
  operands: { least: 2, most: 2 },
  interspersed: true,
  suggest: [[], "running"],
  failure: 1,
  examples: [
    ["nacre ns pin lab --kind net web", "the network of web outlives it"],
    ["nacre ns pin saved 4711", "whatever process 4711 has for its own"],
  ],
  async run(context, { explain, kind }, operands) {
    const [name, target] = operands as [string, string];
    const { host } = context;
    const { namespaces } = await context.engine();
    if (explain) {
      host.print(printedProgram(await namespaces.pinProgram(name, target, kind), host));
      return 0;
    }
    await namespaces.pin(name, target, kind);
    host.print(`${name}\n`);
    return 0;
  },
});
