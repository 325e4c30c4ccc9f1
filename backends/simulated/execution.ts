// What an operation works on: the machine, the process that carries it out, and the root that was
// opened. The supervisor has one, and its child a copy, as after fork(2).

import type { Machine } from "./machine.ts";
import type { Path } from "./mount.ts";
import type { Process } from "./process.ts";
import type { StartPoint } from "./start-operations.ts";

export class Execution {
  readonly machine: Machine;
  /** Who carries it out. */
  process: Process;
  /** Who began it: where a child stays as an init, another one goes on. */
  readonly first: Process;
  readonly section: "host" | "parent" | "child";
  /** The opened root: what operations whose name ends in InRoot work on. */
  root: Path | undefined;
  /** What `execute` sets. Until then it is 0, so that modes are what an operation says. */
  umask: number;
  /** The child, for operations of the parent section. */
  child: Process | undefined;
  /** Takes back that the child is killed after a time, where it is to be. */
  killing: (() => void) | undefined;
  /** Where the child waits for its start, if it does. */
  startPoint: StartPoint | undefined;
  /** What `execute` puts before all calls. */
  filter: Uint8Array | undefined;
  /** What execve(2) is to start, once the child has found it. */
  start: (() => void) | undefined;

  constructor(
    machine: Machine,
    process: Process,
    section: Execution["section"],
    from: { readonly umask: number; readonly child?: Process; readonly root?: Path | undefined },
  ) {
    this.machine = machine;
    this.process = process;
    this.first = process;
    this.section = section;
    this.umask = from.umask;
    this.child = from.child;
    this.root = from.root;
  }
}

/** Said by an operation that succeeded without an effect that must be undone. */
export const NOTHING_MADE = "nothing made";
export type Outcome = undefined | typeof NOTHING_MADE;
