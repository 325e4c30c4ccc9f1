// A name followed through a tree that is somebody's root, one component after the other, as
// openat2(RESOLVE_IN_ROOT) does it: links lead on inside the root, `..` does not lead above it, and
// only as many links are followed as the kernel follows. What a step looks at is the caller's; no
// name is looked up twice, so that nothing that changes meanwhile leads out of the tree.

import { NacreError } from "./error.ts";
import type { TreeEntry } from "./ports/files.ts";

/** As the kernel has it: MAXSYMLINKS, include/linux/namei.h. */
const MOST_LINKS = 40;

/** What a directory has by a name. */
export interface Step<Place> {
  readonly place: Place;
  readonly kind: TreeEntry["kind"];
  /** What a symlink says. */
  readonly target: string;
}

/** Undefined where a directory has nothing by that name. Links are not followed. */
export type TakeStep<Place> = (directory: Place, name: string) => Step<Place> | undefined;

export interface Walked<Place> {
  /** From the root, without links; empty for the root itself. */
  readonly names: readonly string[];
  /** The directory that the last name is in; the root's own is itself. */
  readonly parent: Place;
  /** Undefined where nothing is there. */
  readonly place: Place | undefined;
}

/**
 * Where `path` leads from `root`. `follow`: also through a link at its end; a slash behind it does
 * the same, and asks for a directory.
 * @returns undefined where something on the way is missing, or no directory
 * @throws NacreError `invalid` for links that lead in a circle
 */
export function walkPath<Place>(
  root: Place,
  path: string,
  follow: boolean,
  step: TakeStep<Place>,
): Walked<Place> | undefined {
  const stack: { readonly name: string; readonly place: Place }[] = [{ name: "", place: root }];
  const pending = namesOf(path).reverse();
  const top = (): Place => stack.at(-1)!.place;
  const names = (): string[] => stack.slice(1).map(({ name }) => name);
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === ".") continue;
    if (name === "..") {
      if (stack.length > 1) stack.pop();
      continue;
    }
    const found = step(top(), name);
    const last = pending.length === 0;
    if (!found) {
      const missing = pending.every((rest) => rest === ".");
      return missing ? { names: [...names(), name], parent: top(), place: undefined } : undefined;
    }
    if (found.kind === "symlink" && (!last || follow)) {
      if (++links > MOST_LINKS) throw circle(path);
      if (found.target.startsWith("/")) stack.length = 1;
      pending.push(...namesOf(found.target).reverse());
    } else if (found.kind === "directory") stack.push({ name, place: found.place });
    else if (!last) return undefined;
    else return { names: [...names(), name], parent: top(), place: found.place };
  }
  return { names: names(), parent: stack.at(-2)?.place ?? root, place: top() };
}

/** A slash at the end stands for the directory itself. */
function namesOf(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "");
  return path.endsWith("/") ? [...names, "."] : names;
}

function circle(path: string): NacreError {
  return new NacreError("invalid", `${path}: too many levels of symbolic links`, {
    advice: "Links that lead in a circle lead nowhere: name what is meant itself.",
  });
}
