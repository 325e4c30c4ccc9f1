// Which descriptors this process has of who started it.

import { fstatSync, readdirSync, readlinkSync } from "node:fs";

/**
 * The first of these numbers that is none of them. Node's own, which it has had since its start, are
 * anonymous inodes, and pipes both of whose ends it has itself.
 */
export function missingDescriptor(wanted: readonly number[]): number | undefined {
  const targets = new Map(
    readdirSync("/proc/self/fd").map((name) => [Number(name), targetOf(Number(name))] as const),
  );
  const isOwn = (number: number, target: string): boolean =>
    target.startsWith("anon_inode:") ||
    (target.startsWith("pipe:") &&
      [...targets].some(
        ([other, same]) => same === target && other !== number && !wanted.includes(other),
      ));
  return wanted.find((number) => {
    const target = targets.get(number);
    return target === undefined || !isOpen(number) || isOwn(number, target);
  });
}

function targetOf(number: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${number}`);
  } catch {
    return undefined; // it was open for as long as the directory was read
  }
}

function isOpen(number: number): boolean {
  try {
    fstatSync(number);
    return true;
  } catch {
    return false;
  }
}
