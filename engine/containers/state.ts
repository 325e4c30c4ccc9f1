// The life of a container as one machine: which command is possible in which state. Everything
// that changes a container asks here, inside the transaction that changes it.
//
//   created ──start──▶ running ──ends──▶ exited ──start──▶ running
//      │                  │ ▲               │
//      │              pause unpause         │
//      │                  ▼ │               │
//      │                paused              │
//      └────── remove ────┴──(force)────────┴──▶ removing ──▶ gone

import { NacreError } from "@nacre/core/error.ts";
import type { ContainerRecord, ContainerStatus } from "@nacre/core/state/records.ts";

export type ContainerCommand = "start" | "signal" | "exec" | "remove" | "force-remove";

const POSSIBLE: Readonly<Record<ContainerCommand, readonly ContainerStatus[]>> = {
  start: ["created", "exited"],
  signal: ["running", "paused"],
  exec: ["running"],
  // A removal that was killed is finished by the next one.
  remove: ["created", "exited", "removing"],
  "force-remove": ["created", "exited", "removing", "running", "paused"],
};

export const canDo = (command: ContainerCommand, status: ContainerStatus): boolean =>
  POSSIBLE[command].includes(status);

/** Throws NacreError `conflict` where the container's state does not allow the command. */
export function mustAllow(command: ContainerCommand, container: ContainerRecord): void {
  if (canDo(command, container.status)) return;
  const { name, status } = container;
  const advice: Readonly<Record<ContainerCommand, string>> = {
    start: "It is running: stop it first, or exec into it.",
    signal: `Start it first: nacre start ${name}`,
    exec: `Start it first: nacre start ${name}`,
    remove: `Stop it first, or force its removal: nacre rm -f ${name}`,
    "force-remove": "Try again.",
  };
  const what = command === "signal" ? "signal" : command === "exec" ? "execute in" : command;
  throw new NacreError("conflict", `cannot ${what} container ${name}: it is ${status}`, {
    advice: advice[command],
  });
}
