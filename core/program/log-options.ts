// What a user says of a container's log: its driver, and how large it may become.

import { NacreError } from "../error.ts";
import type { LogLimits } from "./program.ts";

/** The driver of a container that asked for none in particular. */
export const DEFAULT_LOG = "json-file";
/** The driver of a container that has no log. */
export const NO_LOG = "none";

/** The driver that gives the log to journald. */
export const JOURNAL_LOG = "journald";

export interface LogRequest {
  /** Bytes at which another file is begun; -1: never. */
  readonly maxBytes?: number;
  /** The most files there are, the one that grows included. */
  readonly maxFiles?: number;
  /** A template such as `{{.Name}}`. Of journald what stands for the program, `{{.ID}}` by default; of json-file one more detail. */
  readonly tag?: string;
  /** The container's labels and variables that are details of each line, in journald its fields. */
  readonly labels?: readonly string[];
  readonly env?: readonly string[];
}

/** Docker's are unlimited, and fill disks. */
export const LOG_LIMITS: LogLimits = { bytes: 20_000_000, files: 5 };

/** Undefined where nothing limits it. NacreError `invalid`. */
export function logLimits(driver: string, request: LogRequest = {}): LogLimits | undefined {
  const { maxBytes, maxFiles } = request;
  const given = maxBytes !== undefined || maxFiles !== undefined;
  const { tag, labels, env } = request;
  const described = tag !== undefined || labels !== undefined || env !== undefined;
  const keepsFiles = driver !== NO_LOG && driver !== JOURNAL_LOG;
  if ((given && !keepsFiles) || (described && driver !== JOURNAL_LOG && driver !== DEFAULT_LOG)) {
    throw new NacreError("invalid", `invalid logging opts for driver ${driver}`);
  }
  if (!keepsFiles) return undefined;
  const bytes = maxBytes ?? LOG_LIMITS.bytes;
  const files = maxFiles ?? LOG_LIMITS.files;
  if (bytes === 0 || bytes < -1 || !Number.isSafeInteger(bytes)) {
    throw new NacreError("invalid", `invalid max-size ${bytes}: it must be positive, or -1`);
  }
  if (files < 1 || !Number.isSafeInteger(files)) {
    throw new NacreError("invalid", "max-file cannot be less than 1");
  }
  if (bytes > 0) return { bytes, files };
  if (maxFiles !== undefined && maxFiles > 1) {
    throw new NacreError("invalid", "max-size is needed for max-file to be more than 1");
  }
  return undefined;
}
