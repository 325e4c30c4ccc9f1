// When a container that has ended is started again, and how long that waits: docker's rules.

export interface RestartPolicy {
  readonly name: "no" | "on-failure" | "always" | "unless-stopped";
  /** Of `on-failure`; absent: as often as it takes. */
  readonly maximumRetries?: number;
}

/** What is known of a container that has ended. */
export interface Ended {
  readonly exitCode: number;
  /** How often it was started again by its policy since somebody started it. */
  readonly restarts: number;
  /** Whether somebody wanted it to end. */
  readonly stopped: boolean;
}

/** Whether a container is started again after an end. */
export function shallRestart(policy: RestartPolicy | undefined, ended: Ended): boolean {
  if (ended.stopped) return false;
  switch (policy?.name) {
    case "always":
    case "unless-stopped":
      return true;
    case "on-failure":
      return (
        ended.exitCode !== 0 && ended.restarts < (policy.maximumRetries || Number.POSITIVE_INFINITY)
      );
    default:
      return false;
  }
}

/** When the machine has booted: `always` comes back, `unless-stopped` unless somebody stopped it. */
export function shallBoot(policy: RestartPolicy | undefined, stopped: boolean): boolean {
  return policy?.name === "always" || (policy?.name === "unless-stopped" && !stopped);
}

const FIRST_MS = 100;
const LONGEST_MS = 60_000;
/** Who ran so long has started well: the next wait is short again. */
const WELL_MS = 10_000;

/** Twice the wait before, up to a minute. */
export function restartDelayMs(beforeMs: number | undefined, ranMs: number): number {
  if (beforeMs === undefined || ranMs >= WELL_MS) return FIRST_MS;
  return Math.min(beforeMs * 2, LONGEST_MS);
}
