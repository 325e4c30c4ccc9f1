import { checkTerminal, SignalRelay, streamsOf } from "../attachment.ts";
import { command } from "../command.ts";
import { isSelected, LATEST, withLatest } from "../container-selection.ts";
import { DETACH_KEYS, detachKeysOf } from "../detach-keys.ts";
import { ENTERING_OPTIONS, environmentOf, PASSED_OPTIONS, passedOf } from "../entering-options.ts";
import { flag } from "../options.ts";

const { env, envFile, user, workdir, interactive, tty } = ENTERING_OPTIONS;

export default command({
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  description:
    "The command joins the namespaces and cgroups of a running container, with its environment and its limits. The exit code is the command's.",
  options: {
    env,
    envFile,
    user,
    workdir,
    privileged: flag(["privileged"], "Give the command all powers of root"),
    interactive,
    latest: LATEST,
    ...PASSED_OPTIONS,
    tty,
    detachKeys: DETACH_KEYS,
    detach: { ...ENTERING_OPTIONS.detach, help: "Run in the background" },
  },
  operands: { least: 2, most: Number.POSITIVE_INFINITY },
  instead: isSelected,
  interspersed: false,
  suggest: ["running"],
  failure: 1,
  examples: [["nacre exec -it web sh", "a shell in the container web"]],
  async run(context, values, operands) {
    const { host } = context;
    checkTerminal(values, host);
    const words = values.latest ? operands : operands.slice(1);
    const request = {
      command: words,
      environment: environmentOf(values, host),
      terminal: values.tty,
      interactive: values.interactive,
      detached: values.detach,
      ...detachKeysOf(values),
      ...(values.privileged && { privileged: true }),
      ...(values.user !== undefined && { user: values.user }),
      ...(values.workdir ? { workingDirectory: values.workdir } : {}),
    };
    const streams = { ...streamsOf(values), ...(await passedOf(values, host)) };
    const engine = await context.engine();
    using signals = new SignalRelay(host);
    if (!values.detach) signals.hold();
    const [container] = withLatest(values.latest, operands, engine);
    const attached = await engine.containers.exec(container!, request, streams);
    return values.detach ? 0 : await signals.untilExit(attached);
  },
});
