// Who is killed by a fault: SIGKILL, from nobody.

import { SIGNALS } from "@nacre/core/program/signals.ts";
import type { Victim } from "./faults.ts";
import type { Machine } from "./machine.ts";
import type { Process } from "./process.ts";

/** What carries out programs for an engine, as the process table shows it. */
const SUPERVISOR = "nacre-init";

const isSupervisor = (process: Process): boolean =>
  process.command === SUPERVISOR && process.session === process;

/** The process itself, its parent, and so on. */
function* lineage(process: Process | undefined): Generator<Process> {
  for (let one = process; one; one = one.parent) yield one;
}

/**
 * `at`: the process whose call it was. An `engine` or a `supervisor` is the nearest of its
 * lineage, or else every one there is but `spared`; a container is every first process of one.
 */
export function kill(
  machine: Machine,
  who: Victim,
  at: Process | undefined,
  spared: Process,
): void {
  const isOne: Readonly<Record<Victim, (process: Process) => boolean>> = {
    engine: (process) => process.command === "nacre" && process !== spared,
    supervisor: isSupervisor,
    container: (process) => process.parent !== undefined && isSupervisor(process.parent),
  };
  const nearest = [...lineage(at)].find((process) => process.alive && isOne[who](process));
  const victims = nearest ? [nearest] : machine.processes.all().filter(isOne[who]);
  for (const victim of victims) machine.processes.exit(victim, { code: 0, signal: SIGNALS.KILL });
}
