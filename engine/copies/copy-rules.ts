// Where a copy goes and what it is called there, the same in both directions: docker's rules, which
// are those of cp(1) but for `SRC/.`, the contents of a directory.
// https://docs.docker.com/reference/cli/docker/container/cp/

import { NacreError } from "@nacre/core/error.ts";

/** What is copied. `name`: under which it is found, if that is not the path's last one. */
export interface CopySource {
  readonly path: string;
  readonly isDirectory: boolean;
  readonly name?: string;
}

export interface CopyDestination {
  readonly path: string;
  /** Undefined where there is nothing. */
  readonly isDirectory: boolean | undefined;
}

export interface CopyPlan {
  /** What it is put into; whether it is there shows when that is done. */
  readonly directory: string;
  /** What it is called there; `.` for the contents of a directory. */
  readonly name: string;
}

/** The directory part of a path and its last name, which is `.` for `DIR/.`. */
export function splitPath(path: string): CopyPlan {
  if (path.endsWith("/.")) return { directory: path.slice(0, -1), name: "." };
  const bare = path.replace(/\/+$/, "");
  if (bare === "" && path !== "") return { directory: "/", name: "/" };
  const slash = bare.lastIndexOf("/");
  const directory = slash < 0 ? "." : bare.slice(0, slash) || "/";
  return { directory, name: bare.slice(slash + 1) };
}

/** Whether a path says that it is a directory. */
const asksForDirectory = (path: string): boolean =>
  path === "." || path.endsWith("/") || path.endsWith("/.");

/** @throws NacreError `invalid`, `not-found` */
export function planCopy(source: CopySource, destination: CopyDestination): CopyPlan {
  const { path } = destination;
  const name = source.name ?? splitPath(source.path).name;
  if (destination.isDirectory) return { directory: path, name };
  if (source.isDirectory && destination.isDirectory === false) {
    throw new NacreError("invalid", `cannot copy directory: ${path} is a file`, {
      advice: "Name a directory, or something that is not there yet.",
    });
  }
  if (!source.isDirectory && asksForDirectory(path)) {
    throw new NacreError("not-found", `no such directory: ${path}`, {
      advice: "Make it first, or leave out the slash to give the copy that name.",
    });
  }
  const { directory, name: last } = splitPath(path);
  return last === "." ? splitPath(path.slice(0, -2)) : { directory, name: last };
}
