// Without a daemon nobody watches a container all the time. Whoever looks next compares what is
// recorded with what is there: a holder that is gone, an exit record, a process that is gone, a
// boot that is another. What is found out at a look is recorded at once; what takes longer (a
// container to be taken down, a storage layer to be deleted) goes on behind the look, and the
// engine waits for it before it ends.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { ExitStatus, Kernel, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { Transaction } from "@nacre/core/ports/state-store.ts";
import { parseExitRecord } from "@nacre/core/program/exit-record.ts";
import type { ContainerRecord, VolumeRecord } from "@nacre/core/state/records.ts";
import type { StatePaths } from "../images/paths.ts";
import { readUnlessGone } from "../vanishing.ts";
import type { VolumeService } from "../volumes/volumes.ts";
import type { ContainerRecords } from "./container-records.ts";
import { noSuchContainer } from "./no-such-container.ts";
import { identity, isSame } from "./process-identity.ts";
import { UNSEEN_EXIT_CODE } from "./record-changes.ts";
import { isAtRest, isGoing, removesItself } from "./record-refusals.ts";
import { canDo } from "./state.ts";
import type { ContainerStorage } from "./storage.ts";
import type { TakeDown } from "./take-down.ts";

const SIGKILL = 9;
/** How long another process may hold a container: what a command takes where hundreds run at once. */
const PATIENCE_MS = 60_000;

export interface ReconcilerOptions {
  /** This process, recorded as the holder of what it removes. */
  readonly self: ProcessIdentity;
  /** Changes with every boot; a process of an earlier boot is gone. */
  readonly bootId: string;
  /** Does what the restart policy says of a container that has ended, where nobody else will. */
  readonly follow: (id: string) => Promise<void>;
  /** Sees to the next check of a container, where nobody else will. */
  readonly recheck: (record: ContainerRecord) => Promise<void>;
  /** Whether a copy of its files was killed, which is forgotten with it. */
  readonly forgetCopy: (t: Transaction, id: string) => boolean;
  /** Removes the image that went with a container, by the name that it was made from, unless somebody else needs it. */
  readonly removeImage: (reference: string) => Promise<void>;
}

export class Reconciler {
  readonly #kernel: Kernel;
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #records: ContainerRecords;
  readonly #takeDown: TakeDown;
  readonly #storage: ContainerStorage;
  readonly #volumes: VolumeService;
  readonly #paths: StatePaths;
  readonly #options: ReconcilerOptions;
  /** Containers whose end this process was asked to see to: who asked follows their policy. */
  readonly #settling = new Set<string>();
  /** What looks have set going, by container and what it is. */
  readonly #background = new Map<string, Promise<void>>();

  constructor(
    kernel: Kernel,
    files: Files,
    clock: Clock,
    records: ContainerRecords,
    takeDown: TakeDown,
    storage: ContainerStorage,
    volumes: VolumeService,
    paths: StatePaths,
    options: ReconcilerOptions,
  ) {
    this.#kernel = kernel;
    this.#files = files;
    this.#clock = clock;
    this.#records = records;
    this.#takeDown = takeDown;
    this.#storage = storage;
    this.#volumes = volumes;
    this.#paths = paths;
    this.#options = options;
  }

  /** The container as it is now; undefined if all that was left to do was its removal. */
  see(record: ContainerRecord): ContainerRecord | undefined {
    if (this.#isHeld(record)) return record;
    if (record.status === "dead") {
      this.#dismissLater(record);
      return record;
    }
    if (this.#isToBeRemoved(record) || this.#isForgotten(record)) return this.#dismissLater(record);
    if (isAtRest(record)) return record.holder ? this.#takenOver(record) : record;
    if (this.#isAlive(record, record.supervisor)) {
      if (record.build) this.#endStep(record);
      else if (this.#isOverdue(record)) this.#recheckLater(record);
      return record;
    }
    if (record.status === "restarting") return this.#awaited(record);
    const settled = this.#putToRest(record);
    const goes = settled && (this.#isToBeRemoved(settled) || this.#isForgotten(settled));
    if (goes) return this.#dismissLater(settled);
    if (settled) this.#goOn(settled);
    return settled;
  }

  /**
   * Waits until a container is at rest whose processes end, and removes it if it asked for that.
   * `isAnother`: that it has been started again meanwhile, whose end is not waited for.
   */
  async settle(
    id: string,
    isAnother: (record: ContainerRecord) => boolean = () => false,
  ): Promise<void> {
    this.#settling.add(id);
    try {
      await this.#settle(id, isAnother);
    } finally {
      this.#settling.delete(id);
    }
  }

  async #settle(id: string, isAnother: (record: ContainerRecord) => boolean): Promise<void> {
    const until = this.#clock.monotonicMs() + PATIENCE_MS;
    for (let delayMs = 1; ; delayMs = Math.min(delayMs * 2, 100)) {
      const stored = this.#records.find(id);
      const record = stored && this.see(stored);
      await this.#background.get(id);
      if (!record) return;
      const begun = ["starting", "running", "paused"].includes(record.status);
      const ending = begun && !isAnother(record);
      // Held by another process: it is about to be removed, as it asked for.
      const leaving = record.status === "removing" && record.request.autoRemove;
      if (!(ending || leaving) || this.#clock.monotonicMs() > until) return;
      await this.#clock.sleep(delayMs);
    }
  }

  /**
   * Deletes a container's storage layer and its record, and with `volumes` those volumes of its own
   * that nobody else has. What a killed removal left is finished.
   * @throws NacreError `conflict` if it runs, or somebody else removes it; `not-found`
   */
  async remove(id: string, options: { readonly volumes?: boolean } = {}): Promise<void> {
    await this.#background.get(id);
    await this.#delete(id, options.volumes);
  }

  /** Goes on with the removal of one that is `removing`, and that this process holds. */
  async finishRemoval(container: ContainerRecord): Promise<void> {
    const { id, request } = container;
    try {
      await this.#takeDown.run(container);
      if (request.autoRemove) await this.#storage.delete(id);
      else await this.#storage.deleteWhole(id);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#records.released(id, () => ({ status: "dead", error: why }));
      throw error;
    }
    let going: readonly VolumeRecord[] = [];
    let leftByCopy = false;
    this.#records.removed(id, (t, record) => {
      leftByCopy = this.#options.forgetCopy(t, id);
      if (!(record.removesVolumes || record.request.autoRemove)) return;
      going = this.#volumes.removingThoseOf(t, record);
    });
    if (leftByCopy) await this.#takeDown.sweep();
    await this.#volumes.finish(going);
    const goes = request.removeImage && container.imageId !== undefined;
    if (goes) await this.#options.removeImage(request.image);
  }

  /** Sees to it that a container at rest is gone, whoever does it. False if it was somebody else. */
  async dismiss(id: string): Promise<boolean> {
    const until = this.#clock.monotonicMs() + PATIENCE_MS;
    for (let delayMs = 1; ; delayMs = Math.min(delayMs * 2, 100)) {
      try {
        await this.remove(id);
        return true;
      } catch (error) {
        const kind = error instanceof NacreError ? error.kind : undefined;
        if (kind === "not-found") return false;
        if (kind !== "conflict" || this.#clock.monotonicMs() > until) throw error;
      }
      await this.#clock.sleep(delayMs);
    }
  }

  /** What is just being started is waited for, as docker's lock does: then it runs, or does not. */
  async definite(seen: ContainerRecord): Promise<ContainerRecord> {
    const until = this.#clock.monotonicMs() + PATIENCE_MS;
    let record: ContainerRecord | undefined = seen;
    for (let delayMs = 1; record?.status === "starting"; delayMs = Math.min(delayMs * 2, 50)) {
      if (this.#clock.monotonicMs() > until) break;
      await this.#clock.sleep(delayMs);
      const stored = this.#records.find(seen.id);
      record = stored && this.see(stored);
    }
    if (record) return record;
    throw noSuchContainer(seen.name);
  }

  /** Claims a container at rest for a start of this process, once nothing of its last run is left. */
  async claim(id: string, detached: boolean, byPolicy = false): Promise<ContainerRecord> {
    const claimed = await this.#claim(id, { detached, byPolicy });
    // What stands in the way of this stands in the way of the start, which says so.
    if (claimed.startedMs !== undefined) await this.clearUp(claimed).catch(() => {});
    return claimed;
  }

  async #claim(
    id: string,
    how: { readonly detached: boolean; readonly byPolicy: boolean },
  ): Promise<ContainerRecord> {
    const { self, bootId } = this.#options;
    const until = this.#clock.monotonicMs() + PATIENCE_MS;
    for (;;) {
      await this.#background.get(id);
      try {
        return this.#records.claim(id, self, bootId, this.#isHeld, how);
      } catch (error) {
        // Somebody takes it down, or has just done so.
        const record = this.#records.find(id);
        const waits = record && isAtRest(record) && !isGoing(record);
        const again = waits && this.#clock.monotonicMs() < until;
        if (!again) throw error;
      }
      await this.#untilFree(id);
    }
  }

  /** Waits while somebody takes down what is left of a container at rest. */
  async #untilFree(id: string): Promise<void> {
    const until = this.#clock.monotonicMs() + PATIENCE_MS;
    for (let delayMs = 1; this.#clock.monotonicMs() < until; delayMs = Math.min(delayMs * 2, 50)) {
      await this.#background.get(id);
      const record = this.#records.find(id);
      if (!record || !isAtRest(record) || !this.#isHeld(record)) return;
      await this.#clock.sleep(delayMs);
    }
  }

  /** Groups that came with limits that were changed are not its supervisor's to remove; nor is anything where that was killed. For who holds it. */
  clearUp = (record: ContainerRecord): Promise<void> => this.#takeDown.run(record);

  /** Resolves when nothing that a look has set going is under way any more. */
  async settled(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background.values());
  }

  // -- parts ------------------------------------------------------------------------------------

  #isAlive(record: ContainerRecord, stored: ContainerRecord["process"]): boolean {
    if (stored === undefined || record.bootId !== this.#options.bootId) return false;
    return this.#kernel.alive(identity(stored));
  }

  /** One that was removed, which the machine has forgotten as it went down. */
  #isForgotten(record: ContainerRecord): boolean {
    const ran = record.bootId !== undefined && record.bootId !== this.#options.bootId;
    return ran && isAtRest(record) && !this.#storage.has(record.id);
  }

  /** Whether somebody restarts it, who needs it after its end. */
  isKept(record: ContainerRecord): boolean {
    return (record.keepers ?? []).some((keeper) => this.#isAlive(record, keeper));
  }

  #isToBeRemoved(record: ContainerRecord): boolean {
    return record.status === "removing" || (removesItself(record) && !this.isKept(record));
  }

  #isHeld = (record: ContainerRecord): boolean => this.#isAlive(record, record.holder);

  #isOurs({ holder }: ContainerRecord): boolean {
    return isSame(holder, this.#options.self);
  }

  /** Whoever was about to take down what is left of it was killed. */
  #takenOver(record: ContainerRecord): ContainerRecord {
    const { self, bootId } = this.#options;
    if (this.#records.takenOver(record, self, bootId)) this.#takeDownLater(record);
    return this.#records.find(record.id) ?? record;
  }

  #takeDownLater(record: ContainerRecord): void {
    this.#later(record.id, async () => {
      try {
        await this.#takeDown.run(record);
      } finally {
        this.#records.released(record.id);
      }
    });
  }

  /** Its supervisor would have taken it down, and seen to it that its policy is followed. */
  #goOn(settled: ContainerRecord): void {
    if (this.#isOurs(settled)) this.#takeDownLater(settled);
    const followed = settled.request.restart && settled.bootId === this.#options.bootId;
    if (followed) this.#followLater(settled.id);
  }

  #followLater(id: string): void {
    if (this.#settling.has(id)) return;
    // Apart from what is done to the container: a start waits for that.
    this.#later(`${id} again`, async () => {
      await this.#background.get(id);
      await this.#options.follow(id);
    });
  }

  /** Nobody waits to check it, or does, though the time for that is long over. */
  #isOverdue({ status, health }: ContainerRecord): boolean {
    const { overdueMs, process } = health?.waiter ?? {};
    if (status !== "running" || overdueMs === undefined) return false;
    return overdueMs < this.#clock.nowMs() && !this.#kernel.alive(identity(process));
  }

  /** A wait that is over is its supervisor's to follow; if that was killed, ours. One of another boot is followed by nobody. */
  #awaited(record: ContainerRecord): ContainerRecord {
    if (record.bootId === this.#options.bootId) {
      this.#followLater(record.id);
      return record;
    }
    return this.#records.notRestarted(record.id, false) ?? record;
  }

  /** Records the end of a container that nobody watches any more. */
  #putToRest(record: ContainerRecord): ContainerRecord | undefined {
    const { exit } = this.#paths.container(record.id);
    // Nobody would carry its streams, write its log, or tell of its end.
    const orphaned = this.#isAlive(record, record.process);
    // Nobody may start it before that is gone.
    const holder = this.#takeDown.isLeft(record) ? this.#options.self : undefined;
    if (orphaned) this.#kernel.signal(identity(record.process), SIGKILL);
    // Another process may remove the container meanwhile, and then nothing is recorded any more.
    const written = orphaned ? undefined : readUnlessGone(this.#files, exit);
    if (written !== undefined) {
      return this.#records.abandoned(record, parseExitRecord(written), undefined, holder);
    }
    if (record.status === "starting") {
      const why = "the process that started it was killed";
      return this.#records.abandoned(record, undefined, why, holder);
    }
    const unseen = { signal: 0, oomKilled: false, finishedAtMs: this.#clock.nowMs() };
    const end: ExitStatus = orphaned
      ? { ...unseen, code: 128 + SIGKILL, signal: SIGKILL }
      : { ...unseen, code: UNSEEN_EXIT_CODE };
    const why = orphaned ? "its supervisor was killed" : "nobody saw its end";
    return this.#records.abandoned(record, end, why, holder);
  }

  /** A step whose build is gone: nobody wants it to go on. */
  #endStep(record: ContainerRecord): void {
    this.#later(record.id, async () => {
      this.#kernel.signal(identity(record.process), SIGKILL);
      const until = this.#clock.monotonicMs() + PATIENCE_MS;
      while (this.#isAlive(record, record.supervisor) && this.#clock.monotonicMs() < until) {
        await this.#clock.sleep(5);
      }
      if (this.#putToRest(record)) await this.#delete(record.id);
    });
  }

  #dismissLater({ id }: ContainerRecord): undefined {
    this.#later(id, () => this.#delete(id));
    return undefined;
  }

  /** What the container wrote may be what fills the disk: it goes first, then there is room to say so. */
  async #claimRemoval(id: string, volumes: boolean): Promise<ContainerRecord> {
    const { self, bootId } = this.#options;
    const claim = () => this.#records.removing(id, self, bootId, this.#isHeld, volumes);
    try {
      return claim();
    } catch (error) {
      if (!(error instanceof NacreError && error.kind === "no-space")) throw error;
      const record = this.#records.find(id);
      if (!record || !canDo("remove", record.status) || this.#isHeld(record)) throw error;
      await this.#storage.delete(id);
      return claim();
    }
  }

  async #delete(id: string, volumes = false): Promise<void> {
    await this.finishRemoval(await this.#claimRemoval(id, volumes));
  }

  #recheckLater(record: ContainerRecord): void {
    this.#later(`${record.id} check`, () => this.#options.recheck(record));
  }

  #later(id: string, work: () => Promise<void>): void {
    if (this.#background.has(id)) return;
    // What cannot be done stays recorded, and the next look tries it again.
    const done = work()
      .catch(() => {})
      .finally(() => this.#background.delete(id));
    this.#background.set(id, done);
  }
}
