// The options of a container's health check.

import { HEALTH_ACTIONS, type HealthAction } from "@nacre/core/program/health-action.ts";
import type { HealthRequest } from "@nacre/core/program/health-check.ts";
import { FlagError } from "./flag-error.ts";
import { choice, flag, text, type Values, value } from "./options.ts";
import { parseInteger } from "./parse/number.ts";
import { parseDurationMs } from "./parse/time.ts";
import { present } from "./resource-options.ts";

const duration = (name: string, help: string) => value([name], "duration", help, parseDurationMs);

export const HEALTH_OPTIONS = {
  healthCmd: text(
    ["health-cmd"],
    "command",
    "A shell's line that says by its exit code 0 that all is well",
  ),
  healthInterval: duration("health-interval", "Between two checks (default 30s)"),
  healthOnFailure: choice<HealthAction>(
    ["health-on-failure"],
    HEALTH_ACTIONS,
    "What follows when it turns unhealthy (default none)",
  ),
  healthRetries: value(
    ["health-retries"],
    "int",
    "So many failures in a row make it unhealthy (default 3)",
    parseInteger,
  ),
  healthStartInterval: duration(
    "health-start-interval",
    "Between two checks in the start period (default 5s)",
  ),
  healthStartPeriod: duration(
    "health-start-period",
    "Failures do not count for so long, until the first success (default 0s)",
  ),
  healthTimeout: duration("health-timeout", "What a check may take (default 30s)"),
  noHealthcheck: flag(["no-healthcheck"], "Do not check, whatever the image says"),
};

/** What was asked for, undefined if nothing was. @throws FlagError */
export function healthOf(values: Values<typeof HEALTH_OPTIONS>): HealthRequest | undefined {
  const numbers = {
    interval: values.healthInterval,
    timeout: values.healthTimeout,
    retries: values.healthRetries,
    "start-period": values.healthStartPeriod,
    "start-interval": values.healthStartInterval,
  };
  const given = [values.healthCmd, values.healthOnFailure, ...Object.values(numbers)];
  const any = given.some((one) => one !== undefined);
  if (values.noHealthcheck) {
    if (any) throw new FlagError("--no-healthcheck conflicts with --health-* options");
    return { test: ["NONE"] };
  }
  if (!any) return undefined;
  for (const [name, number = 0] of Object.entries(numbers)) {
    if (number < 0) throw new FlagError(`--health-${name} cannot be negative`);
    if (name !== "retries" && number > 0 && number < 1) {
      throw new FlagError(`--health-${name} cannot be less than 1ms`);
    }
  }
  return present({
    test: values.healthCmd ? ["CMD-SHELL", values.healthCmd] : undefined,
    intervalMs: values.healthInterval,
    timeoutMs: values.healthTimeout,
    startPeriodMs: values.healthStartPeriod,
    startIntervalMs: values.healthStartInterval,
    retries: values.healthRetries,
    onFailure: values.healthOnFailure,
  });
}
