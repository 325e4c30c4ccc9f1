import { NacreError } from "@nacre/core/error.ts";
import type { PinRecord } from "@nacre/core/state/records.ts";
import { command } from "../command.ts";
import {
  ALL,
  CIDFILE,
  IGNORE,
  isSelected,
  LATEST,
  LONG_FILTER,
  selected,
  unlessMissing,
} from "../container-selection.ts";
import { forEachOperand } from "../each-operand.ts";
import { FlagError } from "../flag-error.ts";
import { pinWords } from "../namespace-options.ts";
import { alsoNamed, flag, value } from "../options.ts";
import { parseInteger } from "../parse/number.ts";
import { timeoutMsOf } from "../stop-timeout.ts";

export default command({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  description: "A container goes with all that was written in it. A running one needs -f.",
  options: {
    all: ALL,
    cidfile: CIDFILE,
    filter: LONG_FILTER,
    ignore: IGNORE,
    latest: LATEST,
    force: flag(["force", "f"], "Kill it first if it runs"),
    timeout: alsoNamed(
      "timeout",
      value(["time", "t"], "seconds", "With -f: how long it may take to end first", parseInteger),
    ),
    volumes: flag(["volumes", "v"], "Also its volumes that have no name of yours"),
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  instead: isSelected,
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [
    ["nacre rm -f web", "whatever it does"],
    ["nacre rm -a --filter label=ci", "all with that label that do not run"],
  ],
  async run(context, values, operands) {
    const { host, global } = context;
    const { force, volumes, ignore, timeout } = values;
    if (timeout !== undefined && !force) throw new FlagError("--time is for -f (--force) only");
    const engine = await context.engine();
    const { containers, namespaces } = engine;
    const chosen = selected(values, operands, engine, host);
    return forEachOperand(chosen, host, global.logLevel === "debug", async (name) => {
      try {
        const how = { force, volumes, ...timeoutMsOf(timeout) };
        if (!(await unlessMissing(ignore, () => containers.remove(name, how)))) return;
      } catch (error) {
        // As docker has it: what is not there is as good as removed, and said.
        if (!(force && error instanceof NacreError && error.kind === "not-found")) throw error;
        host.printError(`nacre: ${error.message}\n`);
        return;
      }
      host.print(`${name}\n`);
      const left = namespaces.pins().filter(({ of }) => isOf(of.container, name));
      if (left.length === 0) return;
      host.printError(
        `nacre: note: namespaces of ${name} are still pinned: ${left.map(pinWords).join(", ")}. Let go of them: nacre ns unpin ${left.map((pin) => pin.name).join(" ")}\n`,
      );
    });
  },
});

/** Whether what was removed is the container that a pin was made of. */
function isOf(container: PinRecord["of"]["container"], name: string): boolean {
  return container !== undefined && (container.name === name || container.id.startsWith(name));
}
