// Which nodes a process of `exec` joins: the container's own, or some below them, as `--cgroup` says.
// A path that would lead elsewhere is refused, and so is one that is not there: a process that joined
// nothing would be under nobody's limits.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { MountedHierarchy } from "@nacre/core/program/cgroup-plan.ts";

interface Wish {
  /** Of v1; none for all of them. */
  readonly controllers: readonly string[];
  /** Below the container's own node. */
  readonly path: string;
}

function wishOf(word: string, known: readonly string[]): Wish {
  const at = word.indexOf(":");
  const controllers = at < 0 ? [] : word.slice(0, at).split(",");
  const unknown = controllers.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new NacreError("invalid", `unknown controller ${unknown}`);
  const names = word.slice(at + 1).split("/");
  if (names.includes("..")) throw new NacreError("invalid", `bad sub cgroup path: ${word}`);
  return { controllers, path: names.filter((name) => name !== "" && name !== ".").join("/") };
}

/**
 * @param nodes the container's own, one a hierarchy
 * @param words `PATH`, or `CONTROLLER[,CONTROLLER]:PATH`
 */
export function nodesToJoin(
  files: Files,
  hierarchies: readonly MountedHierarchy[],
  nodes: readonly string[],
  words: readonly string[],
): string[] {
  const known = hierarchies.flatMap(({ controllers }) => controllers);
  const wishes = words.map((word) => wishOf(word, known));
  return nodes.flatMap((node) => {
    const own = hierarchies.find(({ mountpoint }) => node.startsWith(`${mountpoint}/`));
    const wish = wishes.find(
      ({ controllers }) =>
        controllers.length === 0 || controllers.some((name) => own?.controllers.includes(name)),
    );
    const wanted = wish && wish.path !== "" ? `${node}/${wish.path}` : node;
    if (files.status(wanted)) return [wanted];
    if (wanted === node) return [];
    throw new NacreError("not-found", `${wanted}: no such file or directory`, {
      advice: "Make the cgroup first: --cgroup names one that is there.",
    });
  });
}
