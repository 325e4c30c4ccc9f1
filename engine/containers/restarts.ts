// Starts containers again that have ended, by their policy, with no daemon that watches them.
//
// A detached container's supervisor starts `nacre settle ID` when all is undone; that records the
// end and comes here. A short wait is waited for. A long one is a program like any other: a
// process that sleeps, below a supervisor that starts `nacre settle ID` when it wakes, so that a
// container which fails again and again costs two megabytes between its attempts, and no Node.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Kernel, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import { restartDelayMs, shallBoot, shallRestart } from "@nacre/core/program/restart-policy.ts";
import { SIGNALS } from "@nacre/core/program/signals.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import type { BootReport } from "../engine.ts";
import type { ContainerRecords } from "./container-records.ts";
import { identity } from "./process-identity.ts";
import { canDo } from "./state.ts";
import { waitProgram } from "./wait-program.ts";

/** So long a wait costs less in this process than in one of its own. */
const SHORT_MS = 2000;
const SILENT = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;

export interface RestartsOptions {
  readonly self: ProcessIdentity;
  readonly bootId: string;
  readonly settleCommand: (containerId: string) => readonly string[];
}

export class Restarts {
  readonly #kernel: Kernel;
  readonly #clock: Clock;
  readonly #records: ContainerRecords;
  readonly #start: (id: string) => Promise<unknown>;
  readonly #options: RestartsOptions;

  /** `start`: starts a container in the background, because its policy says so. */
  constructor(
    kernel: Kernel,
    clock: Clock,
    records: ContainerRecords,
    start: (id: string) => Promise<unknown>,
    options: RestartsOptions,
  ) {
    this.#kernel = kernel;
    this.#clock = clock;
    this.#records = records;
    this.#start = start;
    this.#options = options;
  }

  /**
   * Does what a container's policy says now that it has ended, or that its wait is over.
   * `elsewhere`: no wait is so short that this process waits for it.
   */
  async follow(id: string, elsewhere = false): Promise<void> {
    const record = this.#records.find(id);
    if (record?.status === "exited" && isWanted(record)) await this.#wait(record, elsewhere);
    else if (record?.status === "restarting" && !this.#isAwaited(record)) await this.#start(id);
  }

  /** Nothing follows any more. The container is `exited`. */
  cancel(record: ContainerRecord): void {
    this.#records.notRestarted(record.id, true);
    // The supervisor first: it would tell us that the wait is over.
    for (const stored of [record.supervisor, record.process]) {
      if (stored) this.#kernel.signal(identity(stored), SIGNALS.KILL);
    }
  }

  /** After the machine has booted; `all` there are. One that cannot be started keeps no other from its turn. */
  async boot(all: readonly ContainerRecord[]): Promise<BootReport[]> {
    const wanted = all.filter(({ status, request, stopped = false }) => {
      return canDo("start", status) && shallBoot(request.restart, stopped);
    });
    const reports: BootReport[] = [];
    for (const { id, name } of wanted) {
      try {
        await this.#start(id);
        reports.push({ id, name });
      } catch (error) {
        reports.push({ id, name, error });
      }
    }
    return reports;
  }

  async #wait(record: ContainerRecord, elsewhere: boolean): Promise<void> {
    const { self, bootId, settleCommand } = this.#options;
    const ranMs = (record.finishedMs ?? 0) - (record.startedMs ?? 0);
    const delayMs = restartDelayMs(record.restartDelayMs, ranMs);
    const { id } = this.#records.restarting(record.id, self, bootId, delayMs);
    if (elsewhere || delayMs > SHORT_MS) {
      const { process, supervisor } = await this.#kernel.execute(
        waitProgram(
          `wait ${delayMs} ms to restart ${record.name}`,
          delayMs,
          settleCommand(record.id),
        ),
        SILENT,
      );
      this.#records.restartAwaited(id, process, supervisor);
      // Whom it has sent may have looked before that was written, and left it to us.
      if (!this.#kernel.alive(process)) await this.#followOnce(id);
      return;
    }
    await this.#clock.sleep(delayMs);
    // Somebody may have stopped or removed it meanwhile.
    if (this.#records.find(id)?.status === "restarting") await this.#start(id);
  }

  /** Somebody else may be about it. */
  async #followOnce(id: string): Promise<void> {
    try {
      await this.follow(id, true);
    } catch (error) {
      if (!(error instanceof NacreError && error.kind === "conflict")) throw error;
    }
  }

  #isAwaited(record: ContainerRecord): boolean | undefined {
    const held = record.holder && this.#kernel.alive(identity(record.holder));
    return held || (record.process && this.#kernel.alive(identity(record.process)));
  }
}

function isWanted({ request, exitCode = 0, restarts = 0, stopped = false }: ContainerRecord) {
  return shallRestart(request.restart, { exitCode, restarts, stopped });
}
