// Something that processes use together over virtual time: the machine's CPUs, a disk. Each job has
// an amount of work; those of one css_set and one weight make a queue in which all progress alike,
// so that a change costs time by queues, not by jobs. Rates come from fair-share.ts and hold until
// something changes; the next change that can be foreseen is the next time to wake up.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { CssSet } from "./cgroups.ts";
import { callAfter } from "./clock.ts";
import { type Bound, type ShareGroup, type ShareLeaf, shareOut } from "./fair-share.ts";
import type { Process } from "./process.ts";
import { NOBODY } from "./timer-queue.ts";

export interface Job {
  readonly process: Process;
  /** The queue's kind of work: 0 but where a resource has several. */
  readonly kind: number;
  /** While it waits for its turn to be queued again: what is left of its work. */
  left: number;
  queue: Queue | undefined;
  /** Of `queue.served`: where it began, and where it ends. */
  begin: number;
  end: number;
  readonly done: () => void;
}

/** Jobs that progress at the same pace. */
export class Queue implements ShareLeaf {
  readonly set: CssSet;
  readonly kind: number;
  readonly group: ShareGroup;
  readonly each: number;
  /** By their end, the next one last. */
  readonly jobs: Job[] = [];
  /** What every job that was here all the time has got. */
  served = 0;
  rate = 0;
  growth = 0;
  settled = false;
  /** What one job can use at most. */
  readonly atMostEach: number;

  constructor(set: CssSet, kind: number, group: ShareGroup, each: number, atMostEach: number) {
    this.set = set;
    this.kind = kind;
    this.group = group;
    this.each = each;
    this.atMostEach = atMostEach;
  }

  get weight(): number {
    return this.each * this.jobs.length;
  }
  get atMost(): number {
    return this.atMostEach * this.jobs.length;
  }

  add(job: Job): void {
    job.queue = this;
    job.begin = this.served;
    job.end = this.served + job.left;
    const at = this.jobs.findLastIndex((other) => other.end >= job.end);
    this.jobs.splice(at + 1, 0, job);
  }

  /** Takes a job out; `left` becomes what it still needs. */
  remove(job: Job): void {
    this.jobs.splice(this.jobs.indexOf(job), 1);
    job.left = Math.max(0, job.end - this.served);
    job.queue = undefined;
  }

  /** Milliseconds until the next job is done, at the present rate. */
  get untilDoneMs(): number {
    const next = this.jobs.at(-1);
    if (!next || this.rate <= 0) return Number.POSITIVE_INFINITY;
    return ((next.end - this.served) * this.jobs.length) / this.rate;
  }
}

/** Work below this is rounding. */
export const NOTHING = 1e-6;

export abstract class SharedResource {
  protected readonly clock: Clock;
  protected nowMs: number;
  /** Those with jobs. */
  readonly #all: Queue[] = [];
  /** Of each css_set, also those that have none at present. */
  readonly #queues = new WeakMap<CssSet, Queue[]>();
  readonly #jobs = new Map<Process, Set<Job>>();
  /** Takes back that it will look again. */
  #cancel: (() => void) | undefined;
  #changed = false;

  constructor(clock: Clock) {
    this.clock = clock;
    this.nowMs = clock.monotonicMs();
  }

  /** A new queue for work of this kind of a process. */
  protected abstract newQueue(process: Process, kind: number): Queue;
  /** Whether an existing queue is the one for this process. */
  protected abstract belongs(queue: Queue, process: Process): boolean;
  /** What holds for the queues that have jobs and may go on. */
  protected abstract boundsOf(queues: readonly Queue[]): readonly Bound[];
  /** `amount` was served to a queue. */
  protected abstract account(queue: Queue, amount: number): void;
  /** Whether a queue may go on. */
  protected mayGoOn(_queue: Queue): boolean {
    return true;
  }
  /** Before rates are made: what is due at this time. */
  protected before(): void {}
  /** After rates are made: milliseconds until something is due beside jobs. */
  protected untilDueMs(_queues: readonly Queue[]): number {
    return Number.POSITIVE_INFINITY;
  }

  /** A queue has lost its last job. */
  protected retire(_queue: Queue): void {}

  /** All with jobs in them. */
  protected get queues(): readonly Queue[] {
    return this.#all;
  }

  /** Resolves when the process has got `amount`; never if it ends before. */
  serve(process: Process, amount: number, kind = 0): Promise<void> {
    if (amount <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const job: Job = {
        process,
        kind,
        left: amount,
        queue: undefined,
        begin: 0,
        end: 0,
        done: resolve,
      };
      const jobs = this.#jobs.get(process) ?? new Set();
      this.#jobs.set(process, jobs.add(job));
      this.update();
      this.#place(job);
      this.change();
    });
  }

  protected hasJobs(process: Process): boolean {
    return this.#jobs.has(process);
  }

  /** What a process has got of jobs that are not done. */
  protected inProgress(process: Process): number {
    let sum = 0;
    for (const { queue, begin } of this.#jobs.get(process) ?? []) {
      if (queue) sum += queue.served - begin;
    }
    return sum;
  }

  /** A process was stopped, frozen, moved, ended, or goes on: its jobs are where they belong. */
  refresh(process: Process, mayRun: boolean): void {
    const jobs = this.#jobs.get(process);
    if (!jobs) return;
    this.update();
    for (const job of jobs) {
      const stays = job.queue && mayRun && this.belongs(job.queue, process);
      if (stays) continue;
      this.#displace(job);
      if (mayRun) this.#place(job);
    }
    if (!process.alive) this.#jobs.delete(process);
    this.change();
  }

  /** What was served up to a moment when a job leaves; see CpuScheduler. */
  protected left(_process: Process, _amount: number): void {}

  #place(job: Job): void {
    const queue = this.#queueFor(job);
    if (queue.jobs.length === 0) {
      queue.served = 0;
      this.#all.push(queue);
    }
    queue.add(job);
  }

  #queueFor({ process, kind }: Job): Queue {
    const queues = this.#queues.get(process.cssSet) ?? [];
    const known = queues.find((one) => one.kind === kind && this.belongs(one, process));
    if (known) return known;
    const made = this.newQueue(process, kind);
    // One without jobs that is not as it would be made now belongs to nobody any more.
    const used = queues.filter((one) => one.jobs.length > 0 || one.kind !== kind);
    this.#queues.set(process.cssSet, [...used, made]);
    return made;
  }

  #displace(job: Job): void {
    const { queue } = job;
    if (!queue) return;
    this.left(job.process, queue.served - job.begin);
    queue.remove(job);
    if (queue.jobs.length > 0) return;
    this.retire(queue);
    this.#all.splice(this.#all.indexOf(queue), 1);
  }

  /** Accounts for the time since it was last done. */
  update(): void {
    const nowMs = this.clock.monotonicMs();
    const spanMs = nowMs - this.nowMs;
    this.nowMs = nowMs;
    if (spanMs <= 0) return;
    for (const queue of this.#all) {
      if (queue.rate <= 0) continue;
      const amount = queue.rate * spanMs;
      queue.served += amount / queue.jobs.length;
      this.account(queue, amount);
    }
  }

  /** Rates are made anew at this instant, once for all that changes in it. */
  change(): void {
    if (this.#changed) return;
    this.#changed = true;
    this.#wakeIn(0);
  }

  /** Takes out what is done. Whether there was anything. */
  #complete(): boolean {
    let some = false;
    for (let at = 0; at < this.#all.length; ) {
      const queue = this.#all[at++] as Queue;
      for (let job = queue.jobs.at(-1); job; job = queue.jobs.at(-1)) {
        if (job.end - queue.served > NOTHING * Math.max(1, job.end - job.begin)) break;
        some = true;
        // With its last job a queue is taken out, and the next one comes to its place.
        if (queue.jobs.length === 1) at--;
        this.#displace(job);
        this.#jobs.get(job.process)?.delete(job);
        if (this.#jobs.get(job.process)?.size === 0) this.#jobs.delete(job.process);
        job.done();
      }
    }
    return some;
  }

  /** Returns NOBODY if nothing was done. */
  #tick(): unknown {
    this.#changed = false;
    this.#cancel = undefined;
    this.update();
    if (this.#complete()) {
      // Who was waiting goes on first, and may well have more work at this same instant.
      this.change();
      return undefined;
    }
    this.before();
    const active: Queue[] = [];
    for (const queue of this.#all) {
      if (this.mayGoOn(queue)) active.push(queue);
      else queue.rate = 0;
    }
    shareOut(active, this.boundsOf(active));
    let nextMs = this.untilDueMs(active);
    for (const queue of active) nextMs = Math.min(nextMs, queue.untilDoneMs);
    // Where nothing is due, nobody shall be kept waiting for it.
    if (nextMs !== Number.POSITIVE_INFINITY) this.#wakeIn(nextMs);
    return NOBODY;
  }

  #wakeIn(delayMs: number): void {
    this.#cancel?.();
    this.#cancel = callAfter(this.clock, delayMs, () => this.#tick());
  }
}
