// What `nacre build` holds each RUN to, by the options that run has for it.

import type { StepLimits } from "@nacre/engine/engine.ts";
import type { Host } from "./host.ts";
import { PROCESS_LIMITS, RESOURCE_LIMITS } from "./limit-options.ts";
import type { Values } from "./options.ts";
import { liveResources, present, unlessEmpty } from "./resource-options.ts";
import { securityOf } from "./security-options.ts";

export const LIMIT_OPTIONS = { ...RESOURCE_LIMITS, ...PROCESS_LIMITS } as const;

/** @throws FlagError */
export function limitsOf(values: Values<typeof LIMIT_OPTIONS>, host: Host): StepLimits {
  const given = Object.keys(LIMIT_OPTIONS).map((name) => values[name as keyof typeof values]);
  // What the others come to is loaded where it is used.
  if (given.every((one) => one === undefined || (Array.isArray(one) && one.length === 0)))
    return {};
  const resources = liveResources(values);
  return present({
    ...securityOf(values.securityOpt, host),
    cgroupParent: values.cgroupParent || undefined,
    limits: unlessEmpty(values.ulimit),
    resources: Object.keys(resources).length > 0 ? resources : undefined,
  });
}
