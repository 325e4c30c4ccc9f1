// What nacre-init leaves behind when a container's first process has ended: lines of text, then
// the files that the program asked to collect.
//
//   code 137
//   signal 9
//   finished 1700000000.123456789
//   file /sys/fs/cgroup/memory/nacre/3f9c/memory.oom_control 61
//   …61 bytes…

import { NacreError } from "../error.ts";
import type { ExitStatus } from "../ports/kernel.ts";

/** Counts kills in memory.oom_control (v1) or memory.events (v2): both say `oom_kill N`. */
const oomKills = (text: string): number => Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);

/** NacreError `corrupt` where the record was cut short or is none. */
export function parseExitRecord(text: string): ExitStatus {
  const head = /^code (\d+)\nsignal (\d+)\nfinished (\d+)\.(\d{9})\n/.exec(text);
  if (!head) throw new NacreError("corrupt", "the container's exit record cannot be read");
  return {
    code: Number(head[1]),
    signal: Number(head[2]),
    oomKilled: oomKills(text.slice(head[0].length)) > 0,
    finishedAtMs: Number(head[3]) * 1000 + Math.floor(Number(head[4]) / 1e6),
  };
}
