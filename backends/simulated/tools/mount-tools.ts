// mount(8) and umount(8).

import type { MountAttribute } from "@nacre/core/program/mount-description.ts";
import type { ProgramContext } from "../program.ts";
import { parseOptions, UsageFault } from "./options.ts";
import { forEach, tool } from "./tool.ts";

const ATTRIBUTES: readonly MountAttribute[] = ["ro", "nosuid", "nodev", "noexec", "noatime"];

/** Every mount in a line: `SOURCE on TARGET type TYPE (OPTIONS)`. Fields as in proc_pid_mountinfo(5). */
async function list(context: ProgramContext): Promise<void> {
  for (const line of context.files.readText("/proc/self/mountinfo").trimEnd().split("\n")) {
    const [fields = "", rest = ""] = line.split(" - ");
    const [, , , , target, options] = fields.split(" ");
    const [type, source] = rest.split(" ");
    await context.stdout.write(`${source} on ${target} type ${type} (${options})\n`);
  }
}

export const mount = tool(async (context) => {
  const words = context.arguments
    .slice(1)
    .map((word) => word.replace(/^--r?bind$/, (b) => `-o${b.slice(2)}`));
  const { values, operands, flags } = parseOptions(words, "arwnv", "to");
  if (operands.length === 0) return list(context);
  const [source = "", target = source] = operands;
  const options = (values.get("o") ?? "").split(",").filter(Boolean);
  if (flags.has("r")) options.push("ro");
  if (options.includes("bind") || options.includes("rbind")) {
    context.system.bind(source, target, { recursive: options.includes("rbind") });
    return;
  }
  const type = values.get("t");
  if (type === undefined) throw new UsageFault(`${source}: unknown filesystem type`);
  const isAttribute = (option: string): option is MountAttribute =>
    (ATTRIBUTES as readonly string[]).includes(option);
  context.system.mount(
    {
      type,
      source,
      options: options.filter((option) => !isAttribute(option) || option === "ro"),
      attributes: options.filter(isAttribute),
    },
    target,
  );
});

export const umount = tool((context) => {
  const { flags, operands } = parseOptions(context.arguments.slice(1), "lfrnv", "", { lazy: "l" });
  return forEach(context, operands, (path) =>
    context.system.unmount(path, { detach: flags.has("l") }),
  );
});
