// prlimit(2): what a process may use at most. A soft limit holds; the hard one is how far it can be
// raised again (getrlimit(2)).

import { capable } from "./credentials.ts";
import { fail } from "./errno.ts";
import type { Process, ResourceLimit } from "./process.ts";

const RESOURCES = 16;
const NOFILE = 7;
/** fs.nr_open: the most that RLIMIT_NOFILE can be, also for root. */
const MOST_FILES = 1048576n;
const UNLIMITED: ResourceLimit = { soft: 2n ** 64n - 1n, hard: 2n ** 64n - 1n };

/** Without one: 2^64 - 1, RLIM_INFINITY. EINVAL for a number that is no resource. */
export const getLimit = (process: Process, resource: number): ResourceLimit => {
  if (resource < 0 || resource >= RESOURCES) fail("EINVAL");
  return process.limits.get(resource) ?? UNLIMITED;
};

/** `who` asks: the process itself, or another. */
export function setLimit(
  process: Process,
  resource: number,
  limit: ResourceLimit,
  who = process.credentials,
): void {
  const { hard } = getLimit(process, resource);
  if (limit.soft > limit.hard) fail("EINVAL");
  if (resource === NOFILE && limit.hard > MOST_FILES) fail("EPERM");
  if (limit.hard > hard && !capable(who, "CAP_SYS_RESOURCE")) fail("EPERM");
  process.limits.set(resource, limit);
}
