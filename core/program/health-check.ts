// Health checks: what is asked of a container, by its image or its user, and what its answers make
// of it. Docker's rules and defaults.

import { NacreError } from "../error.ts";
import type { ImageHealthcheck } from "../oci/image.ts";
import type { HealthAction } from "./health-action.ts";

/** What the user says of it; what is absent or 0 is as the image or the default has it. */
export interface HealthRequest {
  /** `NONE`, `CMD` and words, or `CMD-SHELL` and a line. */
  readonly test?: readonly string[];
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly startPeriodMs?: number;
  readonly startIntervalMs?: number;
  readonly retries?: number;
  readonly onFailure?: HealthAction;
}

/** What an image of a container says of its health that was asked for this; nanoseconds, as docker has it. */
export function imageHealthcheck(
  { test, intervalMs, timeoutMs, startPeriodMs, startIntervalMs, retries }: HealthRequest,
  image: ImageHealthcheck | undefined,
): ImageHealthcheck {
  const given = Object.entries({
    Test: test,
    Interval: nanoseconds(intervalMs),
    Timeout: nanoseconds(timeoutMs),
    StartPeriod: nanoseconds(startPeriodMs),
    StartInterval: nanoseconds(startIntervalMs),
    Retries: retries || undefined,
  }).filter(([, value]) => value !== undefined);
  return { ...image, ...Object.fromEntries(given) };
}

const nanoseconds = (ms: number | undefined): number | undefined =>
  ms ? ms * NS_PER_MS : undefined;

export interface HealthCheck extends Required<Omit<HealthRequest, "test">> {
  /** Executed in the container; 0 is healthy. */
  readonly command: readonly string[];
}

export interface HealthResult {
  readonly startMs: number;
  readonly endMs: number;
  /** -1 where it took too long, or could not be carried out. */
  readonly exitCode: number;
  /** Up to HEALTH_OUTPUT_BYTES of what it wrote. */
  readonly output: string;
}

export type HealthStatus = "starting" | "healthy" | "unhealthy";

export interface HealthState {
  readonly status: HealthStatus;
  readonly failingStreak: number;
  /** The last ones, the oldest first. */
  readonly log: readonly HealthResult[];
}

export const HEALTH_OUTPUT_BYTES = 4096;
const LOG_RESULTS = 5;
const NS_PER_MS = 1e6;
const DEFAULTS = {
  intervalMs: 30_000,
  timeoutMs: 30_000,
  startPeriodMs: 0,
  startIntervalMs: 5000,
  retries: 3,
  onFailure: "none",
} as const;

/** Docker's rule: nothing is well that does not run, whatever its last check said. */
export function shownHealth(
  status: string,
  health: HealthState | undefined,
): HealthState | undefined {
  if (!health || ["starting", "running", "paused"].includes(status)) return health;
  return { ...health, status: "unhealthy" };
}

export const NOT_CHECKED: HealthState = { status: "starting", failingStreak: 0, log: [] };

/** An image's in the shape of a request. */
function imageRequest(image: ImageHealthcheck): HealthRequest {
  const ms = (ns: number | undefined) => (ns ?? 0) / NS_PER_MS;
  return {
    test: image.Test ?? [],
    intervalMs: ms(image.Interval),
    timeoutMs: ms(image.Timeout),
    startPeriodMs: ms(image.StartPeriod),
    startIntervalMs: ms(image.StartInterval),
    retries: image.Retries ?? 0,
  };
}

/** The later ones win with what they say. */
function merged(...requests: readonly HealthRequest[]): HealthRequest {
  const said = requests.flatMap((request) =>
    Object.entries(request).filter(([, value]) => value !== 0 && value?.length !== 0),
  );
  return Object.fromEntries(said);
}

/** Undefined where there is none, or it was switched off. NacreError `invalid` for a test that says nothing. */
export function healthCheck(
  request: HealthRequest | undefined,
  image: { readonly Healthcheck?: ImageHealthcheck; readonly Shell?: readonly string[] },
): HealthCheck | undefined {
  const all = { ...DEFAULTS, ...merged(imageRequest(image.Healthcheck ?? {}), request ?? {}) };
  const { test = [], ...rest } = all;
  const [kind, ...words] = test;
  if (kind === undefined || kind === "NONE") return undefined;
  if (kind === "CMD" && words.length > 0) return { ...rest, command: words };
  if (kind === "CMD-SHELL" && words.length === 1) {
    return { ...rest, command: [...(image.Shell ?? ["/bin/sh", "-c"]), ...words] };
  }
  throw new NacreError("invalid", `invalid health check ${JSON.stringify(test)}`, {
    advice: 'It begins with "CMD" and the words of a command, or "CMD-SHELL" and one line.',
  });
}

/** Within the start period failures do not count, until the first success. */
export function afterCheck(
  before: HealthState,
  result: HealthResult,
  check: HealthCheck,
  startedMs: number,
): HealthState {
  const log = [...before.log, result].slice(-LOG_RESULTS);
  if (result.exitCode === 0) return { status: "healthy", failingStreak: 0, log };
  const isStarting =
    before.status === "starting" && result.startMs - startedMs < check.startPeriodMs;
  const failingStreak = before.failingStreak + (isStarting ? 0 : 1);
  const status = !isStarting && failingStreak >= check.retries ? "unhealthy" : before.status;
  return { status, failingStreak, log };
}

/** How long to wait before the next check. */
export function healthDelayMs(
  { status }: HealthState,
  check: HealthCheck,
  startedMs: number,
  nowMs: number,
): number {
  const isStarting = status === "starting" && nowMs - startedMs < check.startPeriodMs;
  return isStarting ? check.startIntervalMs : check.intervalMs;
}
