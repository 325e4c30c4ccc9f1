import { token } from "./token.ts";

export interface LogLine {
  readonly stream: "stdout" | "stderr";
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  /** RFC 3339 with nanoseconds, as written. */
  readonly time: string;
  /** With its newline, if it had one. */
  readonly text: string;
}

/**
 * Reads what a container's supervisor logged. `read` yields lines in order, oldest first, then,
 * with `follow`, waits for more until `ended` resolves true or the signal aborts.
 */
export interface LogDriver {
  readonly name: string;
  read(
    path: string,
    options: {
      readonly follow: boolean;
      readonly signal: AbortSignal;
      /** Whether nothing more will be written. */
      readonly ended: () => boolean;
    },
  ): AsyncIterable<LogLine>;
}

export const LogDriver = token<LogDriver>("LogDriver");
