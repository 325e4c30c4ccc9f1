// stty(1) and tty(1).

import type { ProgramTerminal } from "../program.ts";
import { UsageFault } from "./options.ts";
import { tool } from "./tool.ts";

export const tty = tool(async (context) => {
  await context.stdout.write(`${context.terminal?.path ?? "not a tty"}\n`);
  return context.terminal ? 0 : 1;
});

const SWITCHES: Readonly<Record<string, "echo" | "lines" | "signals">> = {
  echo: "echo",
  icanon: "lines",
  isig: "signals",
};

/** What one word does; `next` is the word behind it. True if that was its value. */
function set(terminal: ProgramTerminal, word: string, next: string | undefined): boolean {
  const on = !word.startsWith("-");
  const name = on ? word : word.slice(1);
  const known = SWITCHES[name];
  if (known) terminal[known] = on;
  else if (word === "raw" || word === "-cooked")
    Object.assign(terminal, { lines: false, signals: false });
  else if (word === "cooked" || word === "-raw")
    Object.assign(terminal, { lines: true, signals: true });
  else if (word === "sane") Object.assign(terminal, { echo: true, lines: true, signals: true });
  else if (/^[01]:[01]:[01]$/.test(word)) {
    const [echo, lines, signals] = word.split(":").map((bit) => bit === "1");
    Object.assign(terminal, { echo, lines, signals });
  } else if (["rows", "cols", "columns"].includes(word)) {
    if (!/^\d+$/.test(next ?? "")) throw new UsageFault(`missing argument to '${word}'`);
    terminal.resize(word === "rows" ? { rows: Number(next) } : { columns: Number(next) });
    return true;
  } else throw new UsageFault(`invalid argument '${word}'`);
  return false;
}

function shown({ rows, columns, echo, lines, signals }: ProgramTerminal): string {
  const word = (name: string, on: boolean): string => (on ? name : `-${name}`);
  const words = [word("isig", signals), word("icanon", lines), word("echo", echo)];
  return `speed 38400 baud; rows ${rows}; columns ${columns}; line = 0;\n${words.join(" ")}\n`;
}

export const stty = tool(async (context) => {
  const { terminal, stdout } = context;
  if (!terminal) throw new UsageFault("'standard input': Inappropriate ioctl for device");
  const words = context.arguments.slice(1);
  const bit = (on: boolean): string => (on ? "1" : "0");
  const { echo, lines, signals } = terminal;
  if (words.length === 0) await stdout.write("speed 38400 baud; line = 0;\n");
  else if (words[0] === "-a" || words[0] === "--all") await stdout.write(shown(terminal));
  else if (words[0] === "-g") await stdout.write(`${[echo, lines, signals].map(bit).join(":")}\n`);
  else if (words[0] === "size") await stdout.write(`${terminal.rows} ${terminal.columns}\n`);
  else {
    for (let at = 0; at < words.length; at++) {
      if (set(terminal, words[at] as string, words[at + 1])) at++;
    }
  }
});
