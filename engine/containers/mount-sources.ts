// Mounts that nobody named one by one: those of other containers, and the image's volumes.

import { NacreError } from "@nacre/core/error.ts";
import type { ContainerMount, RequestedMount, TmpfsRequest } from "@nacre/core/program/request.ts";
import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";

const place = (target: string): string => target.replace(/\/+/g, "/").replace(/(?<=.)\/$/, "");

/** Those whose place no mount of `taking` takes, and of one place the last. */
export function withoutTaken<T extends { readonly target: string }>(
  mounts: readonly T[],
  taking: readonly { readonly target: string }[],
): T[] {
  const taken = new Set(taking.map(({ target }) => place(target)));
  const byPlace = new Map(mounts.map((mount) => [place(mount.target), mount]));
  return [...byPlace].filter(([target]) => !taken.has(target)).map(([, mount]) => mount);
}

type BorrowedMount = Exclude<ContainerMount, TmpfsRequest>;

/**
 * Binds, volumes and images of another container, as `--volumes-from NAME[:MODE]` has it; with `ro`
 * all of them are read-only. What is in memory is nobody else's.
 */
export function borrowedMounts(
  word: string,
  find: (container: string) => ContainerRecord,
): BorrowedMount[] {
  const [name = "", mode = "rw"] = word.split(":");
  if (!["ro", "rw", "z", "Z"].includes(mode)) {
    throw new NacreError("invalid", `invalid mode of --volumes-from ${word}: ro or rw`);
  }
  return find(name).mounts.flatMap((mount): BorrowedMount[] => {
    if (mount.type === "tmpfs") return [];
    if (mount.type === "image") return [mount];
    return [{ ...mount, readOnly: mount.readOnly || mode === "ro" }];
  });
}

/** What the image says is to be kept apart from its layers (VOLUME). */
export function imageVolumes(image: ImageRecord | undefined): RequestedMount[] {
  const targets = Object.keys(image?.config.config?.Volumes ?? {});
  return targets
    .filter((target) => target.startsWith("/"))
    .map((target) => ({ type: "volume", target, readOnly: false }));
}
