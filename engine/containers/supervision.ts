// What the supervisor of a container does with its streams, and after its end.

import { DEFAULT_LOG, JOURNAL_LOG, logLimits, NO_LOG } from "@nacre/core/program/log-options.ts";
import type { Supervision } from "@nacre/core/program/program.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { ExecRequest } from "../engine.ts";
import type { StatePaths } from "../images/paths.ts";
import { JOURNAL_SOCKET, journalFields } from "../logs/journal-fields.ts";

/** As StartOptions have it. */
export interface HowStarted {
  readonly detachKeys?: readonly number[] | undefined;
  readonly feeds?: boolean | undefined;
  /** How many descriptors it gets from its starter, from 3 on. */
  readonly descriptors?: number | undefined;
}

/** What its supervisor does beside waiting. `collect` is the plan's, which knows the cgroups. */
export function supervisionOf(
  container: ContainerRecord,
  paths: StatePaths,
  settleCommand: (containerId: string) => readonly string[],
  { detachKeys: leaveKeys = [], feeds = false, descriptors = 0 }: HowStarted,
): Omit<Supervision, "collect"> {
  const { request, id } = container;
  const { attach, log, exit } = paths.container(id);
  const { detached, terminal, interactive, autoRemove, restart } = request;
  const mayBeLeft = terminal && leaveKeys.length > 0;
  // A container that is removed with its exit, before its caller returns, needs neither.
  const kept = detached || !autoRemove || mayBeLeft;
  const { logDriver = DEFAULT_LOG } = request;
  const logged = kept && logDriver !== NO_LOG;
  const limits = logLimits(logDriver, request.log);
  return {
    stdin: !interactive ? "null" : detached && !feeds ? "hold" : "inherit",
    output: detached ? "log" : logged ? "both" : "inherit",
    terminal: !terminal ? "none" : detached ? "detached" : "attached",
    ...(logged && logDriver !== JOURNAL_LOG && { logPath: log }),
    ...(logged && limits && { logLimits: limits }),
    ...(logged && logDriver === JOURNAL_LOG && { journal: journal(container) }),
    ...(kept && { exitPath: exit }),
    ...((detached || mayBeLeft || restart) && { onExit: settleCommand(id) }),
    // What is the caller's own nobody else can have.
    ...((detached || terminal || logged) && { attachPath: attach }),
    ...(mayBeLeft && !detached && { leaveKeys }),
    ...(descriptors > 0 && { descriptors }),
    detached,
  };
}

function journal(container: ContainerRecord): NonNullable<Supervision["journal"]> {
  return {
    socket: JOURNAL_SOCKET,
    fields: journalFields(container, container.request.environment),
  };
}

/**
 * Of a process beside the first: it has no log, no record of its end, and nobody attaches to it.
 */
export function supervisionOfExec(
  { terminal = false, interactive = false, detached = false, detachKeys }: ExecRequest,
  descriptors: number,
): Supervision {
  return {
    stdin: interactive ? "inherit" : "null",
    output: detached ? "log" : "inherit",
    terminal: !terminal ? "none" : detached ? "detached" : "attached",
    ...(terminal && detachKeys && !detached && { leaveKeys: detachKeys }),
    ...(descriptors > 0 && { descriptors }),
    collect: [],
    detached,
  };
}
