// Why a change of a container's record is refused, beside what the state machine refuses.

import { NacreError } from "@nacre/core/error.ts";
import type { Transaction } from "@nacre/core/ports/state-store.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";

/**
 * `before`: the name of a container that is to get another.
 * @throws NacreError `exists` that says by whom the name is used
 */
export function mustBeFree(t: Transaction, name: string, before?: string): void {
  if (name === before) {
    throw new NacreError("exists", `container ${name} has that name already`, {
      advice: "Choose another one to rename it.",
    });
  }
  const other = t.get("name", name)?.containerId.slice(0, 12);
  if (other === undefined) return;
  throw new NacreError(
    "exists",
    `the container name "${name}" is already in use by container ${other}`,
    { advice: `Remove that container (nacre rm ${name}) or choose another name.` },
  );
}

export const isTakenDown = ({ name }: ContainerRecord): NacreError =>
  new NacreError("conflict", `cannot start container ${name}: it is being taken down`, {
    advice: "Another process of Nacre is at it. Try again in a moment.",
  });

export const isRemoved = ({ name }: ContainerRecord): NacreError =>
  new NacreError("conflict", `removal of container ${name} is already in progress`);

/** It has not begun, or is over: nothing of it runs. */
export const isAtRest = ({ status }: ContainerRecord): boolean =>
  status === "created" || status === "exited";

/** One with `--rm` that has ended: whoever comes next removes it, and nobody starts it again but who restarts it. */
export const isGoing = ({ status, request, keepers = [] }: ContainerRecord): boolean =>
  status === "exited" && request.autoRemove && keepers.length === 0;

/** One with `--rm` that has ended, or whose start failed. One that was created and has no exit code was not started yet. */
export function removesItself({ status, request, exitCode }: ContainerRecord): boolean {
  const ended = (status === "exited" || status === "created") && exitCode !== undefined;
  return request.autoRemove && ended;
}
