import { command } from "../command.ts";
import { isSelected } from "../container-selection.ts";
import { INSPECT_OPTIONS, inspect } from "./inspect.ts";

export default command({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  description: "Docker's JSON. A name is looked for among containers alone.",
  options: INSPECT_OPTIONS,
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  instead: isSelected,
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [["nacre container inspect -f '{{.State.Status}}' web", "what it is at"]],
  run: (context, values, names) => inspect(context, values, names, "container"),
});
