import { join } from "node:path";
import type { Engine } from "@nacre/engine/engine.ts";
import { checkTerminal, SignalRelay, streamsOf } from "../attachment.ts";
import { type Context, command } from "../command.ts";
import { CONTAINER_OPTIONS, type ContainerValues, requestOf } from "../container-options.ts";
import { showPull } from "../pull-display.ts";

export default command({
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  description:
    "The image is pulled first if it is not here. Options end at the image's name: what follows it is the container's own. The image 'host' is this machine's own root under a layer that takes all changes. The exit code is the command's; 125 is an error of Nacre, 126 a command that cannot be executed, 127 one that is not there.",
  options: CONTAINER_OPTIONS,
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: false,
  suggest: ["images"],
  failure: 125,
  examples: [
    ["nacre run --rm -it debian bash", "a shell in a fresh Debian, gone when it ends"],
    ["nacre run -d --name web --memory 64m nginx", "a server in the background, limited to 64 MiB"],
    ["nacre run --rm host sh -c 'rm -rf /etc; ls /'", "this machine keeps its /etc"],
  ],
  async run(context, values, operands) {
    const { host } = context;
    checkTerminal(values, host);
    const request = requestOf(values, operands, host);
    const engine = await context.engine();
    tellDefaultNetwork(context, values);
    const pulling = showPull(engine, host, values);
    using signals = new SignalRelay(host);
    if (!values.detach) holdOnceCreated(engine, signals);
    const attached = await engine.containers
      .run(request, streamsOf(values))
      .finally(() => pulling.end());
    if (values.detach) {
      host.print(`${attached.container.id}\n`);
      return 0;
    }
    return await signals.untilExit(attached);
  },
});

/** Says once for a state root what a container gets that did not ask for a network. */
function tellDefaultNetwork({ global, host }: Context, values: ContainerValues): void {
  if (values.network !== undefined || values.quiet) return;
  if (!host.mark(join(global.root, "default-network-told"))) return;
  host.printError(
    "nacre: note: containers have no network but their own lo until bridges come; --network host gives them this machine's. This is said once.\n",
  );
}

/** Until then a signal ends a pull, and with it this process. */
function holdOnceCreated(engine: Engine, signals: SignalRelay): void {
  const subscription = engine.events.subscribe((event) => {
    if (event.type !== "record" || event.event.action !== "create") return;
    signals.hold();
    subscription.unsubscribe();
  });
}
