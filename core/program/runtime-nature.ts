// What an OCI configuration says of a process beside its user and its powers: how it is scheduled,
// where its memory is from, which persona it has.

import type { RuntimeSpec, SpecIoPriority, SpecProcess } from "../oci/runtime-spec.ts";
import type { Operation } from "./operation.ts";

const IO_CLASSES: Readonly<Record<SpecIoPriority["class"], number>> = {
  ...{ IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 },
};

function schedulerOf({ scheduler }: SpecProcess): Operation[] {
  if (!scheduler) return [];
  const { runtime, deadline, period, ...rest } = scheduler;
  return [
    {
      ...{ op: "setScheduler", ...rest, field: "process.scheduler" },
      ...{ runtimeNs: runtime, deadlineNs: deadline, periodNs: period },
    },
  ];
}

/** Words of 64 nodes each. */
function nodeWords(nodes: readonly number[]): bigint[] {
  const words: bigint[] = [];
  for (const node of nodes) {
    while (words.length <= node >> 6) words.push(0n);
    words[node >> 6] = (words[node >> 6] ?? 0n) | (1n << BigInt(node & 63));
  }
  return words;
}

/** What a process is beside its user and its powers: while it may still change it. */
export function natureOf(process: SpecProcess, linux: RuntimeSpec["linux"]): Operation[] {
  const { ioPriority } = process;
  const { persona, memoryPolicy } = linux;
  const own: Operation[] = [];
  if (persona !== undefined)
    own.push({ op: "setPersonality", persona, field: "linux.personality" });
  if (memoryPolicy) {
    const { mode } = memoryPolicy;
    const nodes = nodeWords(memoryPolicy.nodes);
    own.push({ op: "setMemoryPolicy", mode, nodes, field: "linux.memoryPolicy" });
  }
  if (ioPriority) {
    const { priority } = ioPriority;
    const level = IO_CLASSES[ioPriority.class];
    own.push({ op: "setIoPriority", class: level, priority, field: "process.ioPriority" });
  }
  return [...own, ...schedulerOf(process)];
}
