import { join } from "node:path";
import { NacreError } from "@nacre/core/error.ts";
import type { ProcessStreams } from "@nacre/core/ports/kernel.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { Attached, Engine, StartOptions } from "@nacre/engine/engine.ts";
import { checkTerminal, onlyFeeds, SignalRelay, streamsOf } from "../attachment.ts";
import { type Context, command } from "../command.ts";
import { checkIdFile, writeIdFile } from "../container-id-file.ts";
import { CONTAINER_OPTIONS, type ContainerValues, requestOf } from "../container-options.ts";
import { DETACH_KEYS, detachKeysOf } from "../detach-keys.ts";
import { PASSED_OPTIONS, passedOf } from "../entering-options.ts";
import type { Host } from "../host.ts";
import { flag } from "../options.ts";
import { showPull } from "../pull-display.ts";
import { checkReplacement, removeReplaced } from "../replacement.ts";
import { sentenceSize } from "../text/size.ts";

export default command({
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  description:
    "The image is pulled first if it is not here. Options end at the image's name: what follows it is the container's own. The image 'host' is this machine's own root under a layer that takes all changes. The exit code is the command's; 125 is an error of Nacre, 126 a command that cannot be executed, 127 one that is not there.",
  options: {
    ...CONTAINER_OPTIONS,
    detachKeys: DETACH_KEYS,
    ...PASSED_OPTIONS,
    sigProxy: { ...flag(["sig-proxy"], "Hand our signals on to the container"), initial: true },
  },
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
    if (values.detach && values.attach.length > 0) throw bothWays();
    const feeds = onlyFeeds(values);
    const request = requestOf({ ...values, detach: values.detach || feeds }, operands, host);
    checkIdFile(values.cidfile, host);
    checkReplacement(values);
    const streams = { ...streamsOf(values), ...(await passedOf(values, host)) };
    const engine = await context.engine();
    tellDefaultNetwork(context, values);
    const pulling = showPull(engine, host, values);
    const memory = watchMemory(engine);
    await removeReplaced(values, engine);
    using signals = new SignalRelay(host);
    if (!request.detached && values.sigProxy) holdOnceCreated(engine, signals);
    const options = feeds ? { feeds } : detachKeysOf(values);
    const made = onceCreated(engine);
    const attached = await started(engine, request, values, streams, options, host)
      .catch((error) => {
        // As docker has it: who asks for the ID gets it also of what could not be started, if that is still there.
        const stays = request.detached && !request.autoRemove;
        if (stays && made.id !== undefined) host.print(`${made.id}\n`);
        throw error;
      })
      .finally(() => pulling.end());
    if (request.detached) {
      host.print(`${attached.container.id}\n`);
      return 0;
    }
    const code = await (values.sigProxy ? signals.untilExit(attached) : attached.exited);
    memory.end();
    if (memory.wasExceeded) host.printError(outOfMemory(code, attached));
    return code;
  },
});

async function started(
  engine: Engine,
  request: ContainerRequest,
  values: ContainerValues,
  streams: ProcessStreams,
  options: StartOptions,
  host: Host,
): Promise<Attached> {
  const { containers } = engine;
  if (!values.cidfile) return containers.run(request, streams, options);
  const { id } = await containers.create(request);
  writeIdFile(values.cidfile, id, host);
  return containers.start(id, streams, options);
}

function bothWays(): NacreError {
  return new NacreError(
    "invalid",
    "conflicting options: cannot specify both --attach and --detach",
  );
}

/** 137 alone does not say who killed it: the kernel, for its memory limit, or somebody. */
function watchMemory(engine: Engine): { wasExceeded: boolean; end(): void } {
  const watch = { wasExceeded: false, end: () => subscription.unsubscribe() };
  const subscription = engine.events.subscribe((event) => {
    if (event.type === "record" && event.event.action === "oom") watch.wasExceeded = true;
  });
  return watch;
}

function outOfMemory(code: number, { container }: Attached): string {
  const { memoryBytes } = container.request.resources;
  const limit =
    memoryBytes === undefined
      ? "a memory limit"
      : `the memory limit of ${sentenceSize(memoryBytes)}`;
  return `nacre: ${code}: ${limit} was hit\n`;
}

/** Says once for a state root what a container gets that did not ask for a network. */
function tellDefaultNetwork({ global, host }: Context, values: ContainerValues): void {
  if (values.network !== undefined || values.quiet) return;
  if (!host.mark(join(global.root, "default-network-told"))) return;
  host.printError(
    "nacre: note: containers have no network but their own lo until bridges come; --network host gives them this machine's. This is said once.\n",
  );
}

function onceCreated(engine: Engine): { readonly id?: string } {
  const made: { id?: string } = {};
  const subscription = engine.events.subscribe((event) => {
    if (event.type !== "record" || event.event.action !== "create") return;
    if (event.event.type !== "container") return;
    made.id = event.event.subject;
    subscription.unsubscribe();
  });
  return made;
}

/** Until then a signal ends a pull, and with it this process. */
function holdOnceCreated(engine: Engine, signals: SignalRelay): void {
  const subscription = engine.events.subscribe((event) => {
    if (event.type !== "record" || event.event.action !== "create") return;
    signals.hold();
    subscription.unsubscribe();
  });
}
