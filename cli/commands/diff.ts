import { command } from "../command.ts";
import { isSelected, LATEST, withLatest } from "../container-selection.ts";
import { choice } from "../options.ts";
import { neutralise } from "../text/escape.ts";

export default command({
  usage: "[OPTIONS] CONTAINER",
  description:
    "What the container has changed in its root, a line a path: A for what it added, C for what it changed, D for what it deleted. Works in any state; what is mounted in the container is no part of its root.",
  options: {
    latest: LATEST,
    format: choice(["format"], ["json"] as const, "json: paths by what was done, as podman has it"),
  },
  operands: { least: 1, most: 1 },
  instead: isSelected,
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [["nacre diff web", "what the container has written"]],
  async run(context, { format, latest }, operands) {
    const engine = await context.engine();
    const { archives } = engine;
    const [container] = withLatest(latest, operands, engine);
    const changes = await archives.changes(container!);
    if (format === "json") {
      const of = (wanted: string) => {
        const paths = changes.filter(({ kind }) => kind === wanted).map(({ path }) => path);
        return paths.length > 0 ? paths : undefined;
      };
      const all = { changed: of("C"), added: of("A"), deleted: of("D") };
      context.host.print(`${JSON.stringify(all)}\n`);
      return 0;
    }
    context.host.print(changes.map(({ kind, path }) => `${kind} ${neutralise(path)}\n`).join(""));
    return 0;
  },
});
