// Reading what may be gone in the next moment: files of processes and cgroups that end, of
// containers that another process of Nacre removes.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";

/** ESRCH and ENODEV: of a file that was opened before its process or its cgroup went. */
const GONE: readonly string[] = ["ENOENT", "ESRCH", "ENODEV"];

/** Whether a call failed because what it was about is gone. */
export const isGone = (error: unknown): boolean =>
  error instanceof NacreError && (error.kind === "not-found" || GONE.includes(error.errno ?? ""));

/** The text of a file, undefined where it is gone, or was before it was read. */
export function readUnlessGone(files: Files, path: string): string | undefined {
  try {
    return files.readText(path);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Does something with what may be gone; it being gone is as good as done. */
export function unlessGone(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** The same with those of the groups below it, which a container may have made. */
export function pidsWithin(files: Files, cgroup: string): number[] {
  const below = files
    .list(cgroup)
    .map((name) => `${cgroup}/${name}`)
    .filter((path) => files.status(path)?.kind === "directory");
  return [...pidsIn(files, cgroup), ...below.flatMap((path) => pidsWithin(files, path))];
}

/** The numbers in a `cgroup.procs`; none where the cgroup is gone. */
export function pidsIn(files: Files, cgroup: string): number[] {
  const text = readUnlessGone(files, `${cgroup}/cgroup.procs`) ?? "";
  return text.split("\n").filter(Boolean).map(Number);
}
