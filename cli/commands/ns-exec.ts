import { SignalRelay } from "../attachment.ts";
import { command } from "../command.ts";
import { printedProgram } from "../explained.ts";
import { KIND_OPTION } from "../namespace-options.ts";
import { flag, text } from "../options.ts";

export default command({
  usage: "[OPTIONS] PIN|CONTAINER|PID COMMAND [ARG...]",
  description:
    "Runs a command in namespaces of others, and in this machine's own for the rest, as nsenter(1) does: with --kind net it sees their network and your files. Its standard streams and environment are yours; it is in no container's cgroups and keeps its powers, so it is for looking and mending. For a command inside a container, with its limits, take nacre exec.\n\nWithout --kind it joins all that the pin holds, or all of the process's that are not this command's own. A user namespace is joined last. The exit code is the command's.",
  options: {
    explain: flag(["explain"], "Print the program and do nothing"),
    kind: KIND_OPTION,
    workdir: text(["workdir", "w"], "directory", "Where it begins"),
  },
  operands: { least: 2, most: Number.POSITIVE_INFINITY },
  interspersed: false,
  suggest: ["joinable"],
  failure: 1,
  examples: [
    ["nacre ns exec --kind net lab ip addr", "the addresses of a pinned network namespace"],
    ["nacre ns exec -k mnt,pid web ps aux", "the container's own ps, without its limits"],
  ],
  async run(context, { explain, kind, workdir }, [target, ...words]) {
    const { host } = context;
    const request = {
      command: words,
      environment: Object.entries(host.environment).flatMap(([name, value]) =>
        value === undefined ? [] : [`${name}=${value}`],
      ),
      kinds: kind,
      outside: host.workingDirectory,
      ...(workdir !== undefined && { workingDirectory: workdir }),
    };
    const { namespaces } = await context.engine();
    if (explain) {
      host.print(printedProgram(await namespaces.execProgram(target!, request), host));
      return 0;
    }
    using signals = new SignalRelay(host);
    signals.hold();
    const streams = { stdin: 0, stdout: 1, stderr: 2 };
    return await signals.untilExit(await namespaces.exec(target!, request, streams));
  },
});
