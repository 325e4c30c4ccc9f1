// What --help prints: usage, what the command does, options, examples. 80 columns.

import type { Entry } from "./catalog-entry.ts";
import type { Command } from "./command.ts";
import type { Option, OptionTable } from "./options.ts";

const COLUMNS = 80;
const PURPOSE =
  "Runs containers without a daemon: every container is a program for the kernel, which you can read before it runs (nacre explain run).";

/** `nacre --help`, or with `group` the commands of one first word. */
export function generalHelp(
  entries: readonly Entry[],
  global: OptionTable,
  group?: string,
): string {
  const parts =
    group === undefined
      ? ["Usage:  nacre [OPTIONS] COMMAND [ARG...]\n", `${wrap(PURPOSE, COLUMNS).join("\n")}\n`]
      : [`Usage:  nacre ${group} COMMAND [ARG...]\n`];
  for (const heading of ["Containers", "Images", "Volumes", "Secrets", "Kernel", "System"]) {
    const members = entries.filter((entry) => entry.group === heading);
    if (members.length === 0) continue;
    const rows = members.map((entry) => [entry.name, entry.summary] as const);
    parts.push(`${heading}:\n${columns(rows)}`);
  }
  if (group === undefined) {
    parts.push(`Options:\n${optionRows(global)}`);
    parts.push(examples([["nacre run --rm -it debian bash", "a shell in a fresh Debian"]]));
  }
  parts.push("'nacre COMMAND --help' says more about a command.\n");
  return parts.join("\n");
}

export function commandHelp(entry: Entry, command: Command): string {
  const parts = [
    `Usage:  nacre ${entry.name}${command.usage === "" ? "" : ` ${command.usage}`}\n`,
    `${entry.summary}\n`,
  ];
  if (command.description !== "") parts.push(`${wrap(command.description, COLUMNS).join("\n")}\n`);
  if (entry.aliases) {
    const names = [...entry.aliases, entry.name].map((name) => `nacre ${name}`);
    parts.push(`Aliases:\n  ${names.join(", ")}\n`);
  }
  if (Object.keys(command.options).length > 0) {
    parts.push(`Options:\n${optionRows(command.options)}`);
  }
  if (command.examples.length > 0) parts.push(examples(command.examples));
  return parts.join("\n");
}

function examples(lines: Command["examples"]): string {
  const rows = lines.map(([line, says]) => `  # ${says}\n  ${line}\n`);
  return `Example${lines.length === 1 ? "" : "s"}:\n${rows.join("\n")}`;
}

function optionRows(table: OptionTable): string {
  const options = (Object.values(table) as Option[]).toSorted((a, b) => (a.long < b.long ? -1 : 1));
  return columns(options.map((option) => [optionName(option), option.help] as const));
}

function optionName({ short, long, takes }: Option): string {
  const letter = short === undefined ? "    " : `-${short}, `;
  return `${letter}--${long}${takes === undefined ? "" : ` ${takes}`}`;
}

function columns(rows: readonly (readonly [name: string, says: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 5;
  return rows
    .map(([name, says]) => {
      const [first, ...more] = wrap(says, Math.max(COLUMNS - width, 30));
      const indent = " ".repeat(width);
      const head = `  ${name}`.padEnd(width) + first;
      return `${[head, ...more.map((line) => indent + line)].join("\n")}\n`;
    })
    .join("");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}
