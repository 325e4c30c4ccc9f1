// How a container ended that is gone: its events outlive it.

import type { StateStore } from "@nacre/core/ports/state-store.ts";

const EVENT_BATCH = 1024;

/** As its last event of that kind says; undefined where there is none. */
export function lastExitCode(state: StateStore, id: string): number | undefined {
  let code: number | undefined;
  for (let after = 0; ; ) {
    const batch = state.events(after, EVENT_BATCH);
    for (const { subject, action, attributes, sequence } of batch) {
      if (subject === id && action === "die") code = Number(attributes.exitCode);
      after = sequence;
    }
    if (batch.length < EVENT_BATCH) return code;
  }
}
