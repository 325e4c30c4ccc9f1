// What the history says of containers, and of their volumes from a start to an end.

import type { ContainerRecord, EventRecord } from "@nacre/core/state/records.ts";
import type { ContainerCommand } from "./state.ts";

type NewEvent = Omit<EventRecord, "sequence">;

/** Docker's words for actions; the attributes are what filters ask for. */
export function containerEvent(action: string, record: ContainerRecord, timeMs: number): NewEvent {
  return {
    timeMs,
    type: "container",
    action,
    subject: record.id,
    attributes: {
      image: record.request.image,
      name: record.name,
      ...(action === "die" && { exitCode: String(record.exitCode) }),
      ...record.request.labels,
    },
  };
}

/** The same, with its volumes: they are mounted before it starts, and unmounted when it has ended. */
export function containerEvents(
  action: string,
  record: ContainerRecord,
  timeMs: number,
): NewEvent[] {
  return [
    ...(action === "start" ? volumeEvents("mount", record, timeMs) : []),
    containerEvent(action, record, timeMs),
    ...(action === "die" ? volumeEvents("unmount", record, timeMs) : []),
  ];
}

function volumeEvents(
  action: "mount" | "unmount",
  { id, mounts }: ContainerRecord,
  timeMs: number,
): NewEvent[] {
  return mounts.flatMap((mount) => {
    if (mount.type !== "volume") return [];
    const attributes = {
      container: id,
      ...(action === "mount" && {
        destination: mount.target,
        "read/write": String(!mount.readOnly),
      }),
    };
    return [{ timeMs, type: "volume", action, subject: mount.name, attributes }];
  });
}

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
  attach: undefined,
  copy: undefined,
  list: undefined,
  rename: undefined,
  restart: undefined,
  keep: undefined,
  update: undefined,
  remove: undefined,
};
