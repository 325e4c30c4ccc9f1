import { command } from "../command.ts";
import { isSelected, LATEST, withLatest } from "../container-selection.ts";
import { neutralise } from "../text/escape.ts";

export default command({
  usage: "[OPTIONS] CONTAINER",
  description:
    "What the container has changed in its root, a line a path: A for what it added, C for what it changed, D for what it deleted. Works in any state; what is mounted in the container is no part of its root.",
  options: { latest: LATEST },
  operands: { least: 1, most: 1 },
  instead: isSelected,
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [["nacre diff web", "what the container has written"]],
  async run(context, { latest }, operands) {
    const engine = await context.engine();
    const { archives } = engine;
    const [container] = withLatest(latest, operands, engine);
    const changes = await archives.changes(container!);
    context.host.print(changes.map(({ kind, path }) => `${kind} ${neutralise(path)}\n`).join(""));
    return 0;
  },
});
