// The scripts (completions/) only carry words to `nacre __complete` and candidates back: what can
// be completed is known in one place, and a new command needs no new script.

import { join } from "node:path";
import { command } from "../command.ts";
import { FlagError } from "../flag-error.ts";
import { packageRoot } from "../package-root.ts";

const SHELLS = ["bash", "zsh", "fish"];

export default command({
  usage: "bash|zsh|fish",
  description:
    "Completes commands, options, and the containers and images of this machine. The script's first lines say where to put it.",
  options: {},
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: [SHELLS],
  failure: 1,
  examples: [["source <(nacre completion bash)", "in this shell, now"]],
  async run({ host }, _, [shell]) {
    if (!SHELLS.includes(shell!)) {
      throw new FlagError(`no completion for ${JSON.stringify(shell)}: bash, zsh or fish`);
    }
    host.print(host.readText(join(packageRoot(), "completions", `nacre.${shell}`)));
    return 0;
  },
});
