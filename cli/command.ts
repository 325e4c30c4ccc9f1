// What a command is: its words, its help, and what it does. Each stands in a file of commands/,
// which is loaded only when it is called, asked for help, or completed.

import type { Engine } from "@nacre/engine/engine.ts";
import type { Host } from "./host.ts";
import type { OptionTable, Suggestion, Values } from "./options.ts";
import type { PluginGiven } from "./plugins.ts";

/** Options that stand before the command's name, settled with environment and defaults. */
export interface GlobalOptions {
  readonly root: string;
  readonly backend: "linux" | "simulated";
  /** Absent: the best that this kernel can do. */
  readonly snapshotter?: string;
  readonly usernsRemap?: string;
  /** Packages by name or path, each with who named it. */
  readonly plugins: readonly PluginGiven[];
  readonly logLevel: LogLevel;
  /** Whether a root that is missing is an error: for commands that nobody types. */
  readonly existingRoot?: boolean;
}

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a command may use. */
export interface Context {
  readonly global: GlobalOptions;
  readonly host: Host;
  /** The engine of this call; made when first asked for, disposed when the command ends. */
  engine(more?: Pick<GlobalOptions, "existingRoot">): Promise<Engine>;
}

export interface Command<O extends OptionTable = OptionTable> {
  /** What follows the name: `[OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  readonly usage: string;
  /** What it does and what is worth knowing, in a few sentences. */
  readonly description: string;
  readonly options: O;
  /** How many operands it takes. */
  readonly operands: { readonly least: number; readonly most: number };
  /** Whether these options stand for one operand. */
  readonly instead?: (options: Values<O>) => boolean;
  /** Whether options may follow operands; not where the rest is a container's command. */
  readonly interspersed: boolean;
  readonly examples: readonly (readonly [line: string, says: string])[];
  /** What an operand may be, by its place; the last one holds for those that follow. */
  readonly suggest: readonly Suggestion[];
  /** The exit code of an error of Nacre's own: 125 where 1 could be the container's. */
  readonly failure: 1 | 125;
  run(context: Context, options: Values<O>, operands: readonly string[]): Promise<number>;
}

/** Checks a command against its own options' types, and forgets them for the catalog. */
export function command<const O extends OptionTable>(definition: Command<O>): Command {
  return definition as unknown as Command;
}
