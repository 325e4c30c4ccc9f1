// A directory of this machine as the root of a container, podman's --rootfs: written by the container
// itself, or with `overlay` only read, below the container's storage layer.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { KernelFacts } from "@nacre/core/ports/kernel.ts";
import type { RootOptions, RootPlan, StorageLayer } from "@nacre/core/ports/snapshotter.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import { overlayRoot } from "../snapshotters/overlay.ts";

type RootDirectory = NonNullable<ContainerRequest["rootDirectory"]>;

const READ_WHY =
  "a directory of this machine to read; what the container writes goes to its storage layer";
const WRITTEN_WHY = "a directory of this machine, with what is mounted below it";
const HIDDEN_WHY = "so that it does not see the storage of other containers, or its own from below";

/**
 * Where it is, without links. NacreError `not-found`, `invalid` where it is no directory, `conflict`
 * for one that is not to be written, or is Nacre's own.
 */
export function foundRootDirectory(
  { path, overlay }: RootDirectory,
  files: Pick<Files, "find">,
  stateRoot: string,
): string {
  const found = files.find("/", new TextEncoder().encode(path), true);
  if (!found?.entry)
    throw new NacreError("not-found", `--rootfs ${path}: there is no such directory`);
  if (found.entry.kind !== "directory") {
    throw new NacreError(
      "invalid",
      `--rootfs ${path}: it is a ${found.entry.kind}, not a directory`,
    );
  }
  const real = `/${new TextDecoder().decode(found.path)}`;
  if (real === "/" && !overlay) {
    throw new NacreError(
      "conflict",
      "--rootfs /: the container would write this machine's own root",
      {
        advice: "Have it below a layer of the container's: --rootfs /:O, or the image host.",
      },
    );
  }
  if (below(real, stateRoot) === undefined) return real;
  throw new NacreError(
    "conflict",
    `--rootfs ${path}: it lies in ${stateRoot}, where Nacre keeps its own`,
    {
      advice: "Copy it elsewhere, or run an image.",
    },
  );
}

/** The operations that give it to a container. */
export function directoryRoot(
  kernel: Pick<KernelFacts, "release" | "userNamespace">,
  files: Pick<Files, "find">,
  directory: RootDirectory,
  storage: StorageLayer,
  stateRoot: string,
  options: RootOptions,
): RootPlan {
  const state = realPath(stateRoot, files);
  const path = foundRootDirectory(directory, files, state);
  const root = directory.overlay
    ? [overlayRoot(kernel, [path], storage, options, READ_WHY)]
    : bound(path, storage.rootfs);
  return { host: [], child: [...root, ...hidden(below(state, path), storage.rootfs)] };
}

function bound(source: string, rootfs: string): Operation[] {
  const at = rootfs.lastIndexOf("/");
  return [
    { op: "openRoot", path: rootfs.slice(0, at) || "/", why: "where the root is to stand" },
    {
      ...{ op: "bindInRoot", source, target: rootfs.slice(at) },
      ...{ recursive: true, attributes: [], propagation: "private", why: WRITTEN_WHY },
    },
  ];
}

/** What the container must not see: the state root, by its name in the directory. */
function hidden(path: string | undefined, rootfs: string): Operation[] {
  if (path === undefined) return [];
  return [
    {
      ...{ op: "openRoot", path: rootfs },
      why: "so that the next name is resolved inside the container's root",
    },
    { op: "maskInRoot", path: `/${path}`, why: HIDDEN_WHY },
  ];
}

const realPath = (path: string, files: Pick<Files, "find">): string => {
  const found = files.find("/", new TextEncoder().encode(path), true);
  return found?.entry ? `/${new TextDecoder().decode(found.path)}` : path;
};

/** The name of a path below another one, empty for that one itself; undefined where it is elsewhere. */
function below(path: string, directory: string): string | undefined {
  const top = directory === "/" ? "/" : `${directory}/`;
  if (path === directory) return "";
  return path.startsWith(top) ? path.slice(top.length) : undefined;
}
