// Lists of CPUs and memory nodes: "0-3,7" and the numbers 0, 1, 2, 3, 7.

import { NacreError } from "./error.ts";

/** One more than the highest number in a list. */
const CPUSET_LIMIT = 1024;

/**
 * The numbers of `list`, ascending, each once. Empty parts are skipped, as the kernel does.
 * @throws NacreError `invalid` for what is no list, or beyond 1023
 */
export function parseCpusetList(list: string): number[] {
  const numbers = new Set<number>();
  for (const part of list.split(/[,\s]+/).filter((part) => part !== "")) {
    const [, low, high = low] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    const first = Number(low);
    const last = Number(high);
    if (low === undefined || last < first || last >= CPUSET_LIMIT) throw notAList(list, part);
    for (let n = first; n <= last; n++) numbers.add(n);
  }
  return [...numbers].sort((a, b) => a - b);
}

function notAList(list: string, part: string): NacreError {
  return new NacreError(
    "invalid",
    `${JSON.stringify(list)} is not a list of CPUs or memory nodes: ${JSON.stringify(part)}`,
    { advice: `Write numbers below ${CPUSET_LIMIT} and ranges, such as 0-3,7.` },
  );
}

/** The shortest list of `numbers`, as the kernel prints it. */
export function formatCpusetList(numbers: Iterable<number>): string {
  const ranges: [first: number, last: number][] = [];
  for (const n of [...new Set(numbers)].sort((a, b) => a - b)) {
    const open = ranges.at(-1);
    if (open && open[1] === n - 1) open[1] = n;
    else ranges.push([n, n]);
  }
  return ranges.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(",");
}
