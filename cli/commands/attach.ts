import { constants } from "node:os";
import { NacreError } from "@nacre/core/error.ts";
import { DetachKeys } from "@nacre/core/program/detach-keys.ts";
import type { Attachment, Containers } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { isSelected, LATEST, withLatest } from "../container-selection.ts";
import { DEFAULT_DETACH_KEYS, DETACH_KEYS, parseDetachKeys } from "../detach-keys.ts";
import type { Host } from "../host.ts";
import { flag } from "../options.ts";

const PROXIED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

interface Values {
  readonly detachKeys: readonly number[] | undefined;
  readonly noStdin: boolean;
  readonly sigProxy: boolean;
}

export default command({
  usage: "[OPTIONS] CONTAINER",
  description:
    "What a container in the background writes from now on is ours, and what we type is its. The exit code is the container's; 0 if it was left running, by ctrl-p ctrl-q.",
  options: {
    detachKeys: DETACH_KEYS,
    latest: LATEST,
    noStdin: flag(["no-stdin"], "Only look"),
    sigProxy: {
      ...flag(["sig-proxy"], "Hand our signals on to the container"),
      initial: true,
    },
  },
  operands: { least: 1, most: 1 },
  instead: isSelected,
  interspersed: true,
  suggest: ["running"],
  failure: 1,
  examples: [["nacre attach web", "see what web writes, until it ends"]],
  async run({ host, engine: made }, values, operands) {
    const engine = await made();
    const { containers } = engine;
    const [name] = withLatest(values.latest, operands, engine);
    const attachment = await containers.attach(name!);
    const { request } = attachment.container;
    const typing = request.interactive && !values.noStdin;
    if (typing && request.terminal && !host.isTerminal(0)) {
      attachment.close();
      throw new NacreError("invalid", "the input device is not a TTY", {
        advice: "The container has a terminal: attach from one, or with --no-stdin.",
      });
    }
    return stay(containers, attachment, host, { ...values, noStdin: !typing });
  },
});

async function stay(
  containers: Containers,
  attachment: Attachment,
  host: Host,
  values: Values,
): Promise<number> {
  const { id, request } = attachment.container;
  let left = false;
  const leave = () => {
    left = true;
    attachment.close();
  };
  const releases = [
    ...(request.terminal ? [followWindow(attachment, host)] : []),
    ...(values.noStdin ? [] : [relayInput(attachment, host, values, leave)]),
    relaySignals(containers, attachment, host, values, leave),
  ];
  try {
    for await (const { stream, bytes } of attachment.output) {
      host.printBytes(bytes, stream === "stdout" ? 1 : 2);
    }
  } finally {
    for (const release of releases) release();
  }
  return left ? 0 : await containers.wait(id);
}

/** The container's terminal is as large as ours, also when ours changes. */
function followWindow(attachment: Attachment, host: Host): () => void {
  const resize = () => {
    const size = host.terminalSize();
    if (size) attachment.resize(size.rows, size.columns);
  };
  resize();
  return host.onSignals(["SIGWINCH"], resize);
}

function relayInput(
  attachment: Attachment,
  host: Host,
  { detachKeys }: Values,
  leave: () => void,
): () => void {
  const { terminal } = attachment.container.request;
  const keys = new DetachKeys(detachKeys ?? parseDetachKeys(DEFAULT_DETACH_KEYS));
  return host.onInput(terminal, async (bytes) => {
    const { passed, left } = terminal ? keys.pass(bytes) : { passed: bytes, left: false };
    if (passed.length > 0) await attachment.write(passed);
    if (left) leave();
  });
}

/** Without a proxy an interrupt only ends our looking. In raw mode ^C is a key like any other. */
function relaySignals(
  containers: Containers,
  { container }: Attachment,
  host: Host,
  { sigProxy }: Values,
  leave: () => void,
): () => void {
  const { terminal, interactive } = container.request;
  if (!sigProxy || (terminal && !interactive)) {
    return host.onSignals(["SIGINT", "SIGTERM", "SIGHUP"], leave);
  }
  return host.onSignals(PROXIED, (number) => {
    // With the terminal gone there is nobody to see it.
    if (terminal && number === constants.signals.SIGHUP) leave();
    else containers.kill(container.id, number).catch(() => {}); // it has just ended
  });
}
