// The runtime's own help.

import type { OptionTable } from "../options.ts";
import { formatTable } from "../text/table.ts";
import type { OciCommand } from "./command.ts";

function options(table: OptionTable): string {
  const rows = Object.values(table).map(({ long, short, takes, help }) => {
    const name = `${short === undefined ? "    " : `-${short}, `}--${long}`;
    return [`  ${name}${takes === undefined ? "" : ` ${takes}`}`, help];
  });
  return rows.length === 0 ? "" : `\nOptions:\n${formatTable(rows)}`;
}

export function runtimeHelp(
  name: string,
  table: OptionTable,
  commands: Readonly<Record<string, OciCommand>>,
): string {
  const rows = Object.entries(commands).map(([command, { summary }]) => [`  ${command}`, summary]);
  return `Usage: ${name} [OPTIONS] COMMAND\n\nAn OCI runtime: it makes containers of bundles, for podman, docker and containerd.\n\nCommands:\n${formatTable(rows)}${options(table)}`;
}

export function commandHelp(
  name: string,
  command: string,
  { usage, summary, options: table }: OciCommand,
): string {
  return `Usage: ${name} ${command} [OPTIONS] ${usage}\n\n${summary}\n${options(table)}`;
}
