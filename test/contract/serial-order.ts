// Whether what commands answered that were given at once can be explained by some order in which
// they are done one after the other. Which came first is not known: any order will do.

import {
  type LifeAnswer,
  type LifeCommand,
  type LifeKind,
  type LifeStatus,
  lifeStep,
} from "./life-model.ts";

export interface Observed {
  readonly command: LifeCommand;
  /** `lost`: it was in the midst of something that another command ended. */
  readonly answer: LifeAnswer | "lost";
}

/** The states after a command that gave this answer; none if it cannot have. */
function after(status: LifeStatus, { command, answer }: Observed, kind: LifeKind): LifeStatus[] {
  const step = lifeStep(status, command, kind);
  if (step?.answer === answer)
    return [step.next, ...endedWhileKept(status, { command, answer }, kind)];
  switch (`${command}: ${answer}`) {
    // As the command line has it: one that runs is what was asked for.
    case "start: done":
      return status === "running" ? [status] : [];
    // As the command line has it: what is not there is as good as removed.
    case "rm -f: done":
      return status === "absent" ? [status] : [];
    // Somebody else started it between its end and its start.
    case "restart: conflict":
      if (kind.autoRemove && status === "running") return [status, "exited", "absent"];
      return status === "running" || status === "absent" ? [status] : [];
    // It has ended it, and then somebody removed it.
    case "restart: not-found":
      return kind.autoRemove && status === "running" ? ["exited"] : [];
    // Its signal met one that another had sent to its end, and that was not there yet.
    case "kill: done":
      return status === "exited" || status === "absent" ? [status] : [];
    case "stop: done":
      return status === "absent" ? [status] : [];
    // It ended under its hands.
    case "exec: lost":
      return status === "running" ? [status] : [];
    default:
      // It is being removed: nothing can be done with it any more.
      return answer === "conflict" && status === "absent" ? [status] : [];
  }
}

/** One that removes itself outlives its end where somebody restarts it, for as long as that takes. */
function endedWhileKept(
  status: LifeStatus,
  { command, answer }: Observed,
  { autoRemove }: LifeKind,
): LifeStatus[] {
  const ends = answer === "done" && (command === "stop" || command === "kill");
  return autoRemove && ends && (status === "running" || status === "paused") ? ["exited"] : [];
}

const IDLE: readonly LifeCommand[] = ["rename", "update", "exec", "wait"];
/** A restart may have ended it before it was refused. */
const changesNothing = ({ command, answer }: Observed): boolean =>
  command !== "restart" && (answer !== "done" || IDLE.includes(command));

/**
 * An order of the commands that explains their answers and the last state; undefined if none does.
 * Commands that ask the same and were told the same are interchangeable, so that 200 of them have
 * few orders to be tried.
 */
export function serialOrder(
  first: LifeStatus,
  observed: readonly Observed[],
  last: LifeStatus,
  kind: LifeKind,
): Observed[] | undefined {
  const kinds = new Map<string, { readonly one: Observed; count: number }>();
  for (const one of observed) {
    const key = `${one.command} ${one.answer}`;
    const known = kinds.get(key) ?? { one, count: 0 };
    known.count++;
    kinds.set(key, known);
  }
  const groups = [...kinds.values()];
  const failed = new Set<string>();
  const order: Observed[] = [];
  const search = (status: LifeStatus, left: number): boolean => {
    if (left === 0) return status === last;
    const seen = `${status} ${groups.map(({ count }) => count).join(",")}`;
    if (failed.has(seen)) return false;
    for (const group of groups) {
      if (group.count === 0) continue;
      for (const next of after(status, group.one, kind)) {
        // What never changes anything can be done as soon as it can be, all of it.
        const idle = changesNothing(group.one);
        const taken = idle ? group.count : 1;
        group.count -= taken;
        for (let i = 0; i < taken; i++) order.push(group.one);
        if (search(next, left - taken)) return true;
        order.length -= taken;
        group.count += taken;
        if (idle) return remember(failed, seen);
      }
    }
    return remember(failed, seen);
  };
  return search(first, observed.length) ? order : undefined;
}

function remember(failed: Set<string>, seen: string): false {
  failed.add(seen);
  return false;
}
