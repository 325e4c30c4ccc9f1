// Restart policies, `on-failure:3`, with docker's words for those that are none.

import type { RestartPolicy } from "@nacre/core/program/restart-policy.ts";
import { FlagError } from "../flag-error.ts";

const NAMES = ["no", "on-failure", "always", "unless-stopped"] as const;

/** @throws FlagError */
export function parseRestartPolicy(text: string): RestartPolicy {
  const at = text.indexOf(":");
  const word = at < 0 ? text : text.slice(0, at);
  const count = at < 0 ? undefined : text.slice(at + 1);
  const wrong = "invalid restart policy format";
  if (at === 0) throw new FlagError(`${wrong}: no policy provided before colon`);
  if (count !== undefined && !/^[+-]?\d+$/.test(count)) {
    throw new FlagError(`${wrong}: maximum retry count must be an integer`);
  }
  const name = word === "" ? "no" : NAMES.find((each) => each === word);
  if (name === undefined) {
    throw new FlagError(
      `invalid restart policy: unknown policy '${word}'; use one of ${NAMES.join(", ")}`,
    );
  }
  if (count !== undefined && Number(count) < 0) {
    throw new FlagError("invalid restart policy: maximum retry count cannot be negative");
  }
  if (count !== undefined && name !== "on-failure") {
    throw new FlagError(
      `invalid restart policy: maximum retry count cannot be used with restart policy '${name}'`,
    );
  }
  return count === undefined ? { name } : { name, maximumRetries: Number(count) };
}
