// Where a container's cgroup stands in each hierarchy: below Nacre's own, or where --cgroup-parent
// says, a path or the name of a systemd slice, `a-b.slice`, which stands for /a.slice/a-b.slice.
// https://www.freedesktop.org/software/systemd/man/latest/systemd.slice.html

import { NacreError } from "../error.ts";

/** What all containers stand below that name nothing else. */
const OWN_PARENT = "/nacre";
const NAME_BYTES = 255;
/** With a container's own name below it a path still has to fit into PATH_MAX. */
const PATH_BYTES = 3000;

/** Absolute within each hierarchy, `/` for the top. @throws NacreError `invalid` */
export function cgroupParentPath(wanted: string): string {
  const names = wanted.split("/").filter((name) => name !== "" && name !== ".");
  if (names.some((name) => !isName(name)) || bytes(wanted) > PATH_BYTES) throw invalid(wanted);
  const [only, ...more] = names;
  const isSlice = more.length === 0 && !wanted.startsWith("/");
  return isSlice && only?.endsWith(".slice") ? slicePath(only) : `/${names.join("/")}`;
}

/** A container's node in every hierarchy. */
export function cgroupPath({
  id,
  cgroupParent,
}: {
  readonly id: string;
  readonly cgroupParent?: string | undefined;
}): string {
  if (!cgroupParent) return `${OWN_PARENT}/${id}`;
  const parent = cgroupParentPath(cgroupParent);
  return `${parent === "/" ? "" : parent}/${id}`;
}

/** The nodes above one, from the top; that of Nacre is no other's. */
export function nodesAbove(path: string): {
  readonly paths: readonly string[];
  readonly own: boolean;
} {
  const names = path.split("/").slice(1, -1);
  const paths = names.map((_, n) => `/${names.slice(0, n + 1).join("/")}`);
  return { paths, own: paths.length === 1 && paths[0] === OWN_PARENT };
}

const bytes = (text: string): number => new TextEncoder().encode(text).length;

/** Whether nodes can be made along a path. */
export const canBeCgroups = (path: string): boolean =>
  bytes(path) <= PATH_BYTES && path.split("/").every(isName);

/** What a directory of a cgroup file system can be called. */
function isName(name: string): boolean {
  return name !== ".." && bytes(name) <= NAME_BYTES && !/[\x00-\x1f\x7f]/.test(name);
}

function slicePath(slice: string): string {
  const name = slice.slice(0, -".slice".length);
  if (name === "-") return "/";
  const parts = name.split("-");
  if (parts.includes("")) throw invalid(slice);
  return parts.map((_, n) => `/${parts.slice(0, n + 1).join("-")}.slice`).join("");
}

function invalid(wanted: string): NacreError {
  return new NacreError("invalid", `invalid --cgroup-parent ${JSON.stringify(wanted)}`, {
    advice:
      "Name a cgroup by its path, /jobs/web, without .., or a slice of systemd, jobs-web.slice.",
  });
}
