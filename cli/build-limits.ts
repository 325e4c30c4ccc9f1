// What `nacre build` holds each RUN to, by the options that run has for it.

import type { StepLimits } from "@nacre/engine/engine.ts";
import type { Host } from "./host.ts";
import type { Values } from "./options.ts";
import { PROCESS_OPTIONS } from "./process-options.ts";
import { liveResources, present, RESOURCE_OPTIONS, unlessEmpty } from "./resource-options.ts";
import { securityOf } from "./security-options.ts";

const { cpuPeriod, cpuQuota, cpuShares, cpusetCpus, cpusetMems } = RESOURCE_OPTIONS;
const { memory, memorySwap } = RESOURCE_OPTIONS;
const { cgroupParent, securityOpt, ulimit } = PROCESS_OPTIONS;

export const LIMIT_OPTIONS = {
  ...{ cgroupParent, cpuPeriod, cpuQuota, cpuShares, cpusetCpus, cpusetMems },
  ...{ memory, memorySwap, securityOpt, ulimit },
} as const;

/** @throws FlagError */
export function limitsOf(values: Values<typeof LIMIT_OPTIONS>, host: Host): StepLimits {
  const resources = liveResources(values);
  return present({
    ...securityOf(values.securityOpt, host),
    cgroupParent: values.cgroupParent || undefined,
    limits: unlessEmpty(values.ulimit),
    resources: Object.keys(resources).length > 0 ? resources : undefined,
  });
}
