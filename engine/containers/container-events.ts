// Which changes of a container are events, as docker names them.

import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { ContainerCommand } from "./state.ts";

/** What a change of state is recorded as. A start that failed leaves its container `created`: no event. */
export function actionsOf(
  action: string | undefined,
  { status, oomKilled }: ContainerRecord,
): string[] {
  if (action === undefined || (status === "created" && action !== "create")) return [];
  return action === "die" && oomKilled ? ["oom", "die"] : [action];
}

/** The event that a command's change is recorded as; none for those that only claim. */
export const ACTIONS: Readonly<Record<ContainerCommand, string | undefined>> = {
  start: undefined,
  began: "start",
  ended: "die",
  signal: undefined,
  pause: "pause",
  unpause: "unpause",
  exec: undefined,
  list: undefined,
  rename: undefined,
  restart: undefined,
  update: undefined,
  remove: undefined,
};
