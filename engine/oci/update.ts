// Changes the limits of an OCI container while it runs: all of them, or none.

import { NacreError } from "@nacre/core/error.ts";
import type { SpecResources } from "@nacre/core/oci/runtime-spec.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { MountedHierarchy } from "@nacre/core/program/cgroup-plan.ts";
import type { WriteFile } from "@nacre/core/program/operation.ts";
import { hasNoFile } from "@nacre/core/program/resource-fields.ts";
import { leftOutLimits, limitWrites } from "@nacre/core/program/runtime-cgroups.ts";

/** Files that take a whole value and give it back; others are lists that are added to. */
const isReadBack = (path: string): boolean => !/\/(devices\.|memory\.oom_control$)/.test(path);

function inOrder(files: Files, writes: readonly WriteFile[]): WriteFile[] {
  const limit = writes.find(({ path }) => path.endsWith("/memory.limit_in_bytes"));
  const swap = writes.find(({ path }) => path.endsWith("/memory.memsw.limit_in_bytes"));
  if (!limit || !swap) return [...writes];
  // Neither may be past the other at any time: where both grow, the larger one goes first.
  const now = Number(files.readText(swap.path));
  const grows = Number(swap.data) === -1 || Number(swap.data) > now;
  const rest = writes.filter((one) => one !== limit && one !== swap);
  return [...(grows ? [swap, limit] : [limit, swap]), ...rest];
}

/** @throws NacreError with the field that the kernel refused */
export function changeLimits(
  files: Files,
  hierarchies: readonly MountedHierarchy[],
  path: string,
  resources: SpecResources,
  warn: (message: string) => void,
): void {
  for (const field of leftOutLimits(hierarchies, resources)) warn(hasNoFile(field));
  const writes = limitWrites(hierarchies, path, resources) as WriteFile[];
  const before: { readonly path: string; readonly text: string }[] = [];
  for (const { path: file, data, field } of inOrder(files, writes)) {
    try {
      const text = isReadBack(file) ? files.readText(file).trim() : undefined;
      files.control(file, data);
      if (text !== undefined) before.unshift({ path: file, text });
    } catch (error) {
      for (const old of before) files.control(old.path, old.text);
      if (!(error instanceof NacreError)) throw error;
      const { kind, errno } = error;
      throw new NacreError(kind, `${field}: ${error.message}`, {
        ...(errno !== undefined && { errno }),
        cause: error,
      });
    }
  }
}
