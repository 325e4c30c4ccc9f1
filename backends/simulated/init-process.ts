// An init that stays while the program is its child: native/init.c.

import { SIGNALS } from "@nacre/core/program/signals.ts";
import { because } from "./errno.ts";
import type { Execution } from "./execution.ts";
import { duplicates, type Machine } from "./machine.ts";
import type { Process } from "./process.ts";
import { IGNORE, isForced, LAST_SIGNAL } from "./signals.ts";

const KEPT: readonly number[] = [SIGNALS.CHLD, SIGNALS.TTIN, SIGNALS.TTOU];

export function stayAsInit(self: Execution): void {
  const { machine, process: init } = self;
  const child = because("fork", () => machine.fork(init, duplicates(init.streams)));
  child.group = child;
  if (child.terminal) child.terminal.front = child;
  init.arguments = ["nacre-init", "--init", String(child.pidIn(init.namespaces.pid))];
  handOn(machine, init, child);
  void child.ended.promise.then(({ code, signal }) =>
    machine.processes.exit(init, { code: signal > 0 ? 128 + signal : code, signal: 0 }),
  );
  self.process = child;
}

function handOn(machine: Machine, init: Process, child: Process): void {
  for (let signal = 1; signal <= LAST_SIGNAL; signal++) {
    if (isForced(signal) || KEPT.includes(signal)) continue;
    init.handlers.set(signal, () => machine.processes.signal(child, signal, init.namespaces.pid));
  }
  // Whoever is left to it goes at once.
  init.handlers.set(SIGNALS.CHLD, IGNORE);
}
