// Checks the health of containers with no daemon that watches them.
//
// Between two checks a process sleeps, below a supervisor that starts `nacre health ID` when it
// wakes. That executes the check in the container, records what it has found, and has the next
// process sleep. Whoever ends or holds the container ends the sleeper with it: a change of its
// record that leaves the sleeper out does so (container-records.ts).

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Kernel, ProcessStreams, RunningProgram } from "@nacre/core/ports/kernel.ts";
import type { HealthAction } from "@nacre/core/program/health-action.ts";
import {
  afterCheck,
  HEALTH_OUTPUT_BYTES,
  type HealthCheck,
  type HealthResult,
  type HealthState,
  healthCheck,
  healthDelayMs,
  NOT_CHECKED,
} from "@nacre/core/program/health-check.ts";
import { SIGNALS } from "@nacre/core/program/signals.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { webStream } from "./attached.ts";
import type { ContainerRecords } from "./container-records.ts";
import type { ContainerLooks } from "./looks.ts";
import type { Planner } from "./planner.ts";
import { identity } from "./process-identity.ts";
import { stored } from "./record-changes.ts";
import { mustAllow } from "./state.ts";
import { waitProgram } from "./wait-program.ts";

const SILENT: ProcessStreams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" };
const PIPES: ProcessStreams = { stdin: "ignore", stdout: "pipe", stderr: "pipe" };
/** For what a check has written last; who else holds its output is not waited for. */
const DRAIN_MS = 100;

/** Ends a sleeper, its supervisor first: that would tell us that the wait is over. */
export function endWait(kernel: Kernel, bootId: string, record: ContainerRecord): void {
  const { waiter } = record.health ?? {};
  if (!waiter || record.bootId !== bootId) return;
  for (const one of [waiter.supervisor, waiter.process]) {
    kernel.signal(identity(one), SIGNALS.KILL);
  }
}

/** What a machine that is busy may take to start a check, and to record what it found. */
const GRACE_MS = 30_000;
/** The wait that follows one which was over before anybody could know of it. */
const ANEW_MS = 1000;

export interface HealthChecksOptions {
  /** The command that a sleeper's supervisor starts when it wakes. */
  readonly healthCommand: (containerId: string) => readonly string[];
  readonly restart: (containerId: string) => Promise<void>;
  readonly stop: (containerId: string) => Promise<void>;
}

export class HealthChecks {
  readonly #kernel: Kernel;
  readonly #clock: Clock;
  readonly #records: ContainerRecords;
  readonly #looks: ContainerLooks;
  readonly #planner: Planner;
  readonly #options: HealthChecksOptions;

  constructor(
    kernel: Kernel,
    clock: Clock,
    records: ContainerRecords,
    looks: ContainerLooks,
    planner: Planner,
    options: HealthChecksOptions,
  ) {
    this.#kernel = kernel;
    this.#clock = clock;
    this.#records = records;
    this.#looks = looks;
    this.#planner = planner;
    this.#options = options;
  }

  /** After a container has started, or goes on: sees to the next check, if it has one. */
  async begin(
    record: ContainerRecord,
    image = this.#looks.imageOf(record),
  ): Promise<ContainerRecord> {
    const check = healthCheck(record.request.health, image?.config.config ?? {});
    if (!check || record.status !== "running" || record.health?.waiter) return record;
    return (await this.#wait(record, record.health ?? NOT_CHECKED, check)) ?? record;
  }

  /** Checks a container whose wait is over. Nothing happens to one that is not to be checked now. */
  async check(container: string): Promise<undefined> {
    const record = this.#records.find(container);
    const check = record && this.#checkOf(record);
    if (!check || record.status !== "running" || !record.health || this.#isAwaited(record)) return;
    const found = await this.#found(record, check);
    if (!found) return;
    const recorded = await this.#wait(record, found, check);
    if (recorded) await this.#follow(record.health, check, recorded);
  }

  /**
   * Checks a container because somebody asks for it, beside the checks that come by themselves.
   * @throws NacreError `invalid` where it has none, `conflict` if it does not run
   */
  async checkNow(record: ContainerRecord): Promise<HealthState> {
    const check = this.#checkOf(record);
    if (!check) throw hasNoCheck(record);
    mustAllow("exec", record);
    const before = record.health ?? NOT_CHECKED;
    const found = await this.#found(record, check);
    if (!found) throw hasEnded(record);
    const { waiter } = record.health ?? {};
    const recorded = this.#records.checked(record, { ...found, ...(waiter && { waiter }) });
    if (recorded) await this.#follow(before, check, recorded);
    return found;
  }

  async #found(record: ContainerRecord, check: HealthCheck): Promise<HealthState | undefined> {
    const result = await this.#result(record, check);
    if (!result) return undefined;
    return afterCheck(record.health ?? NOT_CHECKED, result, check, record.startedMs ?? 0);
  }

  async #follow(before: HealthState, check: HealthCheck, record: ContainerRecord): Promise<void> {
    const turned = before.status !== "unhealthy" && record.health?.status === "unhealthy";
    if (turned) await this.#act(check.onFailure, record);
  }

  /** Whoever waited or checked was killed: somebody else is to check at once. */
  async recheck(record: ContainerRecord): Promise<void> {
    const check = this.#checkOf(record);
    if (check && record.health && !this.#isAwaited(record)) {
      await this.#wait(record, record.health, check, 0);
    }
  }

  #checkOf(record: ContainerRecord): HealthCheck | undefined {
    const image = this.#looks.imageOf(record);
    return healthCheck(record.request.health, image?.config.config ?? {});
  }

  /** Killed, it is one that has failed, and its restart policy may have something to say. */
  async #act(action: HealthAction, { id, process }: ContainerRecord): Promise<void> {
    if (action === "kill") this.#kernel.signal(identity(process), SIGNALS.KILL);
    if (action === "restart") await this.#options.restart(id);
    if (action === "stop") await this.#options.stop(id);
  }

  #isAwaited({ health }: ContainerRecord): boolean {
    return health?.waiter !== undefined && this.#kernel.alive(identity(health.waiter.process));
  }

  /** Records what is known, and who waits for more. Undefined if it was changed since it was `seen`. */
  async #wait(
    seen: ContainerRecord,
    health: HealthState,
    check: HealthCheck,
    wantedMs?: number,
  ): Promise<ContainerRecord | undefined> {
    const { id, name, startedMs = 0, bootId = "" } = seen;
    const nowMs = this.#clock.nowMs();
    const delayMs = wantedMs ?? healthDelayMs(health, check, startedMs, nowMs);
    const overdueMs = nowMs + delayMs + check.timeoutMs + GRACE_MS;
    const title = `wait ${delayMs} ms to check ${name}`;
    const program = waitProgram(title, delayMs, this.#options.healthCommand(id));
    const { process, supervisor } = await this.#kernel.execute(program, SILENT);
    const waiter = { process: stored(process), supervisor: stored(supervisor), overdueMs };
    const { status, failingStreak, log } = health;
    const next = { status, failingStreak, log, waiter };
    const recorded = this.#records.checked(seen, next);
    if (!recorded) endWait(this.#kernel, bootId, { ...seen, health: next });
    if (!recorded || this.#kernel.alive(process)) return recorded;
    // Whom it has sent may have looked before it was written, and found nothing to do: nobody would come.
    return (await this.#wait(recorded, next, check, Math.max(delayMs, ANEW_MS))) ?? recorded;
  }

  /** Undefined where it could not be told: the container has ended meanwhile. */
  async #result(record: ContainerRecord, check: HealthCheck): Promise<HealthResult | undefined> {
    const startMs = this.#clock.nowMs();
    const end = (exitCode: number, output: string) => {
      return { startMs, endMs: this.#clock.nowMs(), exitCode, output };
    };
    try {
      const image = this.#looks.imageOf(record);
      const { request, snapshotter } = record;
      await this.#planner.prepare({ request, snapshotter }, image);
      const program = this.#planner.execProgram(record, image, { command: check.command });
      const running = await this.#kernel.execute(program, PIPES);
      const { code, output } = await this.#outcome(running, check.timeoutMs);
      if (code !== undefined) return end(code, output);
      return end(-1, `Health check exceeded timeout (${check.timeoutMs / 1000}s): ${output}`);
    } catch (error) {
      if (!(error instanceof NacreError)) throw error;
      if (this.#looks.get(record.id).status !== "running") return undefined;
      return end(-1, error.message);
    }
  }

  /** Without a code if the time was up. */
  async #outcome(running: RunningProgram, timeoutMs: number) {
    const output = new Output();
    const drained = Promise.all([
      output.take(webStream(running.stdout)),
      output.take(webStream(running.stderr)),
    ]);
    const ended = new AbortController();
    const late = this.#clock.sleep(timeoutMs, ended.signal).then(
      () => undefined,
      () => undefined,
    );
    const exited = running.exited.then(({ code }) => code);
    const code = await Promise.race([exited, late]);
    ended.abort();
    if (code === undefined) this.#kernel.signal(running.process, SIGNALS.KILL);
    await exited;
    await Promise.race([drained, this.#clock.sleep(DRAIN_MS)]);
    output.end();
    return { code, output: output.text };
  }
}

const hasNoCheck = ({ name }: ContainerRecord): NacreError =>
  new NacreError("invalid", `container ${name} has no health check`, {
    advice: "Give it one with --health-cmd, or its image a HEALTHCHECK.",
  });

const hasEnded = ({ name }: ContainerRecord): NacreError =>
  new NacreError("conflict", `container ${name} has ended while it was checked`);

/** The first bytes of what a check writes; the rest is read and dropped, so that it never waits. */
class Output {
  readonly #bytes = new Uint8Array(HEALTH_OUTPUT_BYTES);
  readonly #readers: ReadableStreamDefaultReader<Uint8Array>[] = [];
  #size = 0;

  async take(stream: ReadableStream<Uint8Array> | undefined): Promise<void> {
    if (!stream) return;
    const reader = stream.getReader();
    this.#readers.push(reader);
    for (;;) {
      const { value } = await reader.read();
      if (!value) return;
      const kept = value.subarray(0, this.#bytes.length - this.#size);
      this.#bytes.set(kept, this.#size);
      this.#size += kept.length;
    }
  }

  end(): void {
    for (const reader of this.#readers) reader.cancel().catch(() => {});
  }

  get text(): string {
    return new TextDecoder().decode(this.#bytes.subarray(0, this.#size));
  }
}
