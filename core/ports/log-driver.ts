import type { LogRequest } from "../program/log-options.ts";
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

export interface LogReadOptions {
  /** Whose log it is. */
  readonly containerId: string;
  /** Whether to wait for more. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Whether nothing more will be written. */
  readonly ended: () => boolean;
}

/**
 * Reads what a container's supervisor logged. `read` yields lines in order, oldest first; then
 * undefined, once, where those end that were there; then, with `follow`, waits for more until
 * `ended` returns true or the signal aborts. Of a log that is not there it yields nothing.
 *
 * The supervisor writes docker's json-file form to the path. Once that has grown to its limit
 * (`max-size`) it becomes path.1, what was that path.2, and so on, and a new one is begun.
 */
export interface LogDriver {
  readonly name: string;
  /** Asked before a container is made. NacreError that says why it cannot keep such a log; absent: it always can. */
  check?(log: LogRequest): void;
  read(path: string, options: LogReadOptions): AsyncIterable<LogLine | undefined>;
}

export const LogDriver = token<LogDriver>("LogDriver");
