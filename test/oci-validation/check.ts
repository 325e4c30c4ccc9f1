import type { ValidationBench } from "./bench.ts";

/** One demand on a runtime. */
export interface Check {
  /** The program of opencontainers/runtime-tools' validation/ that asks for the same. */
  readonly name: string;
  /** What it asks, in our words. */
  readonly asks: string;
  /** Why this machine's kernel cannot have it, whichever runtime is asked. */
  readonly missing?: () => string | undefined;
  /** Throws what is wrong. */
  readonly holds: (bench: ValidationBench) => Promise<void>;
}
