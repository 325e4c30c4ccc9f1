import type { Command } from "./command.ts";

/** A command by its name. */
export interface Entry {
  /** One or two words. */
  readonly name: string;
  /** Other names, as docker has them. */
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly group: "Containers" | "Images" | "Volumes" | "Secrets" | "Kernel" | "System" | "";
  readonly load: () => Promise<{ readonly default: Command }>;
}
