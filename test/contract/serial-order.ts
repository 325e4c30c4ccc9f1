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

/**
 * A restart ends a container and starts it, and others may come in between: docker's, too. Then it
 * is two steps. One that is refused may have been refused after the first.
 */
interface Step {
  readonly command: LifeCommand | "restart ends it" | "restart starts it";
  readonly answer: Observed["answer"];
}

const ENDS: Step = { command: "restart ends it", answer: "done" };
const STARTS: Step = { command: "restart starts it", answer: "done" };
const RESTART: Observed = { command: "restart", answer: "done" };
const isRestart = ({ command, answer }: Step): boolean =>
  command === "restart" && answer === "done";
/** With so many restarts in two at most an order is looked for. */
const MOST_IN_TWO = 3;

const runs = (status: LifeStatus): boolean => status === "running" || status === "paused";

/** The states after a restart that was refused, or after one of its steps. */
function afterRestart(status: LifeStatus, { command, answer }: Step, kind: LifeKind): LifeStatus[] {
  if (command === "restart ends it") {
    if (status === "absent") return [];
    return runs(status) ? ["exited"] : [status];
  }
  if (command === "restart starts it")
    return status === "exited" || status === "created" ? ["running"] : [];
  if (!runs(status)) return status === "absent" ? [status] : [];
  // It has ended it, and somebody removes it, has removed it, or has started it.
  if (answer === "not-found") return ["exited"];
  return [status, "exited", ...(kind.autoRemove ? ["absent" as const] : [])];
}

/** The states after a command that gave this answer; none if it cannot have. */
function after(status: LifeStatus, given: Step, kind: LifeKind): LifeStatus[] {
  const { command, answer } = given;
  const partly = command === "restart ends it" || command === "restart starts it";
  if (partly || (command === "restart" && answer !== "done"))
    return afterRestart(status, given, kind);
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
  { command, answer }: Step,
  { autoRemove }: LifeKind,
): LifeStatus[] {
  const ends = answer === "done" && (command === "stop" || command === "kill");
  return autoRemove && ends && runs(status) ? ["exited"] : [];
}

const IDLE: readonly Step["command"][] = ["rename", "update", "exec", "wait"];
const changesNothing = ({ command, answer }: Step): boolean =>
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
  const restarts = observed.filter(isRestart);
  const rest = observed.filter((one) => !isRestart(one));
  for (let inTwo = 0; inTwo <= Math.min(restarts.length, MOST_IN_TWO); inTwo++) {
    const parts = Array.from({ length: inTwo }, () => [ENDS, STARTS]).flat();
    const found = order(first, [...rest, ...restarts.slice(inTwo), ...parts], last, kind);
    if (!found) continue;
    const whole = found.filter((one) => one !== ENDS);
    return whole.map((one) => (one === STARTS ? RESTART : (one as Observed)));
  }
  return undefined;
}

function order(
  first: LifeStatus,
  steps: readonly Step[],
  last: LifeStatus,
  kind: LifeKind,
): Step[] | undefined {
  const kinds = new Map<string, { readonly one: Step; count: number }>();
  for (const one of steps) {
    const key = `${one.command} ${one.answer}`;
    const known = kinds.get(key) ?? { one, count: 0 };
    known.count++;
    kinds.set(key, known);
  }
  const groups = [...kinds.values()];
  const failed = new Set<string>();
  const found: Step[] = [];
  const ends = groups.find(({ one }) => one === ENDS);
  const search = (status: LifeStatus, more: number): boolean => {
    if (more === 0) return status === last;
    const seen = `${status} ${groups.map(({ count }) => count).join(",")}`;
    if (failed.has(seen)) return false;
    for (const group of groups) {
      if (group.count === 0) continue;
      // Each has ended it before it starts it.
      if (group.one === STARTS && (ends?.count ?? 0) >= group.count) continue;
      for (const next of after(status, group.one, kind)) {
        // What never changes anything can be done as soon as it can be, all of it.
        const idle = changesNothing(group.one);
        const taken = idle ? group.count : 1;
        group.count -= taken;
        for (let i = 0; i < taken; i++) found.push(group.one);
        if (search(next, more - taken)) return true;
        found.length -= taken;
        group.count += taken;
        if (idle) return remember(failed, seen);
      }
    }
    return remember(failed, seen);
  };
  return search(first, steps.length) ? found : undefined;
}

function remember(failed: Set<string>, seen: string): false {
  failed.add(seen);
  return false;
}
