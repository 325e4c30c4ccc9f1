import { NacreError } from "@nacre/core/error.ts";
import { checkTerminal, SignalRelay, streamsOf } from "../attachment.ts";
import { type Context, command } from "../command.ts";
import { FILTER, isSelected, LATEST, LONG_ALL, selected } from "../container-selection.ts";
import { DETACH_KEYS, detachKeysOf } from "../detach-keys.ts";
import { forEachOperand } from "../each-operand.ts";
import { noticing } from "../notices.ts";
import { flag } from "../options.ts";

interface Values {
  readonly attach: boolean;
  readonly interactive: boolean;
  readonly detachKeys: readonly number[] | undefined;
  readonly sigProxy: boolean;
}

export default command({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  description:
    "Starts containers that were created or have ended, with all that was written in them. In the background, unless -a or -i is given: then the exit code is the container's.",
  options: {
    all: LONG_ALL,
    filter: FILTER,
    latest: LATEST,
    attach: flag(["attach", "a"], "Stay with it: its output is ours, our signals are its"),
    detachKeys: DETACH_KEYS,
    interactive: flag(["interactive", "i"], "Stay with it, and give it our standard input"),
    sigProxy: { ...flag(["sig-proxy"], "Hand our signals on, where we stay"), initial: true },
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  instead: isSelected,
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [["nacre start web", "again, in the background"]],
  async run(context, values, operands) {
    const { host, global } = context;
    const stays = values.attach || values.interactive;
    if (stays && operands.length > 1) throw severalAtOnce();
    const engine = await context.engine();
    const { containers } = engine;
    const chosen = selected(values, operands, engine, host, ["created", "exited"]);
    if (stays) return await attached(context, values, chosen);
    return forEachOperand(chosen, host, global.logLevel === "debug", async (name) => {
      // One that runs already is what was asked for.
      const { status } = containers.get(name);
      if (status !== "running") {
        await noticing(engine, host, () => containers.start(name, undefined, { detached: true }));
      }
      host.print(`${name}\n`);
    });
  },
});

function severalAtOnce(): NacreError {
  return new NacreError("invalid", "you cannot start and attach multiple containers at once", {
    advice: "Name one, or leave out -a and -i.",
  });
}

async function attached(
  context: Context,
  { interactive, detachKeys, sigProxy }: Values,
  [name, ...others]: readonly string[],
): Promise<number> {
  if (name === undefined) return 0;
  if (others.length > 0) throw severalAtOnce();
  const engine = await context.engine();
  const { containers } = engine;
  const { request, status } = containers.get(name);
  if (status === "running") {
    // One that runs already is what was asked for: it is joined, as docker does.
    const { default: attach } = await import("./attach.ts");
    const values = { detachKeys, noStdin: !interactive, sigProxy, latest: false };
    return attach.run(context, values, [name]);
  }
  const foreground = { interactive, tty: request.terminal, detach: false };
  checkTerminal(foreground, context.host);
  using signals = new SignalRelay(context.host);
  if (sigProxy) signals.hold();
  const options = { detached: false, ...detachKeysOf({ ...foreground, detachKeys }) };
  const running = await noticing(engine, context.host, () =>
    containers.start(name, streamsOf(foreground), options),
  );
  return await (sigProxy ? signals.untilExit(running) : running.exited);
}
