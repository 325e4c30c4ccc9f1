// The life of a container as one machine: which command is possible in which state. Everything
// that changes a container asks here, inside the transaction that changes it.
//
// One whose policy starts it again waits as `restarting`, between exited and starting.
//
//   created ──start──▶ starting ──began──▶ running ──ended──▶ exited ──start──▶ starting …
//      ▲                  │                 │   ▲               │
//      └────── failed ────┘            pause   unpause          │
//      │                                    ▼   │               │
//      │                                   paused               │
//      └───── remove ───────────────(force)───┴─────────────────┴──▶ removing ──▶ gone
//
// One with `--rm` whose end is seen in the foreground is `removing` from that moment on.
//
// Forced, a removal kills what runs first. One that fails leaves the container `dead`: all that can
// be done with it is to try again, which every look does. One that is killed leaves it `removing`,
// held by nobody, and is finished by the next look. A container whose starter was killed stays
// `starting`; whoever comes next sees that the starter is gone and puts it back (reconcile.ts).

import { NacreError } from "@nacre/core/error.ts";
import type { ContainerRecord, ContainerStatus } from "@nacre/core/state/records.ts";

export type ContainerCommand =
  | "start"
  /** The start succeeded, or failed. */
  | "began"
  | "ended"
  | "signal"
  | "pause"
  | "unpause"
  | "exec"
  | "attach"
  /** Its files, in or out. */
  | "copy"
  | "list"
  | "rename"
  | "update"
  /** Its policy starts it again after a wait. */
  | "restart"
  /** From its own removal at its end, for somebody who restarts it. */
  | "keep"
  | "remove";

const POSSIBLE: Readonly<Record<ContainerCommand, readonly ContainerStatus[]>> = {
  start: ["created", "restarting", "exited"],
  began: ["starting"],
  ended: ["starting", "running", "paused", "exited"],
  signal: ["running", "paused"],
  pause: ["running"],
  unpause: ["paused"],
  exec: ["running"],
  attach: ["running"],
  copy: ["created", "running", "paused", "restarting", "exited"],
  list: ["running", "paused"],
  rename: ["created", "starting", "running", "paused", "restarting", "exited"],
  update: ["created", "running", "paused", "restarting", "exited"],
  restart: ["exited"],
  keep: ["created", "starting", "running", "paused", "exited"],
  // A removal that was killed is finished by the next one.
  remove: ["created", "exited", "removing", "dead"],
};

const ADVICE: Partial<Record<ContainerCommand, (name: string) => string>> = {
  start: () => "It runs already: exec into it, or stop it first.",
  signal: () => "Only a running container takes signals; nacre ps lists those.",
  pause: () => "Only a running container can be held; nacre ps lists those.",
  unpause: () => "Only a paused container can be let go; nacre ps lists those.",
  exec: () => "Only a running container can be joined; a paused one after nacre unpause.",
  attach: () => "Only a running container has streams; a paused one after nacre unpause.",
  remove: (name) => `Stop it first, or force its removal: nacre rm -f ${name}`,
};

const VERBS: Readonly<Record<ContainerCommand, string>> = {
  start: "start",
  began: "begin",
  ended: "end",
  signal: "signal",
  pause: "pause",
  unpause: "unpause",
  exec: "execute in",
  attach: "attach to",
  copy: "copy files of",
  list: "list the processes of",
  rename: "rename",
  update: "update",
  restart: "restart",
  keep: "restart",
  remove: "remove",
};

export const canDo = (command: ContainerCommand, status: ContainerStatus): boolean =>
  POSSIBLE[command].includes(status);

/** Throws NacreError `conflict` where the container's state does not allow the command. */
export function mustAllow(command: ContainerCommand, container: ContainerRecord): void {
  if (canDo(command, container.status)) return;
  const { name, status } = container;
  const advice = ADVICE[command]?.(name);
  throw new NacreError("conflict", `cannot ${VERBS[command]} container ${name}: it is ${status}`, {
    ...(advice !== undefined && { advice }),
  });
}
