// Resource limits, `nofile=1024:2048`: soft, and hard where it is another.

import type { LimitRequest } from "@nacre/core/program/request.ts";
import { FlagError } from "../flag-error.ts";
import { parseInteger } from "./number.ts";

/** As go-units names them. */
const NAMES = new Set([
  ...["core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc"],
  ...["rss", "rtprio", "rttime", "sigpending", "stack"],
]);

/** @throws FlagError */
export function parseUlimit(text: string): LimitRequest {
  const at = text.indexOf("=");
  if (at < 0) throw new FlagError(`invalid ulimit argument: ${text}`);
  const name = text.slice(0, at);
  if (!NAMES.has(name)) throw new FlagError(`invalid ulimit type: ${name}`);
  const given = text.slice(at + 1);
  const values = given.split(":");
  if (values.length > 2) {
    throw new FlagError(
      `too many limit value arguments - ${given}, can only have up to two, \`soft[:hard]\``,
    );
  }
  const [soft = 0, hard = soft] = values.map(parseInteger);
  const refused = "ulimit soft limit must be less than or equal to hard limit";
  if (hard !== -1 && soft === -1) {
    throw new FlagError(`${refused}: soft: -1 (unlimited), hard: ${hard}`);
  }
  if (hard !== -1 && soft > hard) throw new FlagError(`${refused}: ${soft} > ${hard}`);
  return { name, soft, hard };
}
