import { resolve } from "node:path";
import { command } from "../command.ts";
import { printedProgram } from "../explained.ts";
import { FlagError } from "../flag-error.ts";
import { choice, flag, text } from "../options.ts";

const TYPES = ["cgroup", "cgroup2"] as const;

export default command({
  usage: "[OPTIONS] NAME TARGET",
  description:
    "As 'mount -t cgroup -o OPTIONS NAME TARGET' does it, and says why where the kernel says EBUSY. NAME means nothing: it stands in /proc/self/mountinfo as the source. A TARGET that is missing is made.\n\nOPTIONS are controllers of cgroup version 1 (cpu,cpuacct,memory), or none; name=NAME for a hierarchy that has a name; all for every controller. A controller is in one hierarchy only. The same controllers again show the same hierarchy at one more place. With remount the hierarchy at TARGET gets these controllers instead, as long as it has no nodes.",
  options: {
    explain: flag(["explain"], "Print the program and do nothing"),
    options: text(["options", "o"], "list", "Controllers, name=NAME, none, all, remount, ro"),
    type: choice(["types", "t"], TYPES, "The file system (default cgroup)"),
  },
  operands: { least: 1, most: 2 },
  interspersed: true,
  suggest: [[], "files"],
  failure: 1,
  examples: [
    ["nacre cgroup mount -o none,name=teams teams /cgroup/teams", "a hierarchy of your own"],
    ["nacre cgroup mount -o cpu,cpuacct,memory name /cgroup/name", "three controllers together"],
    ["nacre cgroup mount -o remount,cpu /cgroup/name", "and only one of them from now on"],
    ["nacre cgroup mount -t cgroup2 unified /cgroup/unified", "the hierarchy of version 2"],
  ],
  async run(context, { explain, options = "", type = "cgroup" }, operands) {
    const { host } = context;
    const words = options.split(",").filter((word) => word !== "");
    if (operands.length === 1 && !words.includes("remount")) {
      throw new FlagError("NAME and TARGET are needed; TARGET alone is enough for -o remount");
    }
    const target = resolve(host.workingDirectory, operands.at(-1)!);
    const request = { type, options: words, source: operands[0]!, target };
    const { cgroups } = await context.engine();
    if (explain) host.print(printedProgram(await cgroups.mountProgram(request), host));
    else await cgroups.mount(request);
    return 0;
  },
});
