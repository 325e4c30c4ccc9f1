// Who carries out for a child what the child's user namespace does not let it do: a process of its
// supervisor's powers, in all of the child's namespaces but that of users, there for one row of
// operations. The counterpart of nacre-init's outside.c.

import { because } from "./errno.ts";
import { Execution } from "./execution.ts";
import { noStreams } from "./process.ts";

export class Outsider {
  readonly #child: Execution;
  #made: Execution | undefined;

  constructor(child: Execution) {
    this.#child = child;
  }

  /** Made when it is first needed: fork, setns by the child's pidfd, and fork again to be among its pids. */
  there(): Execution {
    this.#made ??= because("setns", () => this.#make());
    return this.#made;
  }

  #make(): Execution {
    const { machine, process: child, umask } = this.#child;
    const supervisor = child.parent ?? child;
    const { user } = supervisor.namespaces;
    const process = machine.processes.fork(
      supervisor,
      { ...child.namespaces, user },
      {
        ...{ root: child.root, cwd: child.root, command: "nacre-init" },
        credentials: supervisor.credentials,
        streams: noStreams(),
      },
    );
    return new Execution(machine, process, "child", { umask, child });
  }

  leave(): void {
    if (!this.#made) return;
    const { machine, process } = this.#made;
    this.#made = undefined;
    machine.processes.exit(process, { code: 0, signal: 0 });
    machine.processes.reap(process);
  }
}
