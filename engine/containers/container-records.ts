// Containers in the state store: names and prefixes, creation, every change of state with its
// event. Each change is one transaction that first asks the state machine.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { ExitStatus, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { ContainerRecord, EventRecord } from "@nacre/core/state/records.ts";
import type { EventBus } from "../event-bus.ts";
import { ACTIONS, actionsOf, containerEvent, containerEvents } from "./container-events.ts";
import { findContainer } from "./container-lookup.ts";
import { lastExitCode } from "./last-exit-code.ts";
import { checkContainerName, newContainerId, newContainerName } from "./names.ts";
import { goneContainer, noSuchContainer } from "./no-such-container.ts";
import {
  anew,
  atRest,
  going,
  stored,
  UNSEEN_EXIT_CODE,
  unawaited,
  withoutKeeper,
  withoutProcesses,
} from "./record-changes.ts";
import { isGoing, isRemoved, isTakenDown, mustBeFree } from "./record-refusals.ts";
import type { RecordedMounts } from "./recorded-mounts.ts";
import { type ContainerCommand, mustAllow } from "./state.ts";

export class ContainerRecords {
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #bus: EventBus;
  readonly #endWait: (container: ContainerRecord) => void;

  /** `endWait`: ends the processes that wait to check a container which is not to be checked any more. */
  constructor(
    state: StateStore,
    clock: Clock,
    random: Random,
    bus: EventBus,
    endWait: (container: ContainerRecord) => void,
  ) {
    this.#state = state;
    this.#clock = clock;
    this.#random = random;
    this.#bus = bus;
    this.#endWait = endWait;
  }

  list(): ContainerRecord[] {
    return this.#state.read((t) => t.list("container"));
  }

  /** By full ID, name, or a prefix of the ID that only one has. */
  find(reference: string): ContainerRecord | undefined {
    return this.#state.read((t) => findContainer(t, reference));
  }

  get(reference: string): ContainerRecord {
    const found = this.find(reference);
    if (found) return found;
    throw noSuchContainer(reference);
  }

  /** Records a new container under a free name, and what must be recorded with it. NacreError `exists` if the name is taken. */
  create(
    request: ContainerRequest,
    { mounts, claim }: RecordedMounts,
    imageId: string | undefined,
    snapshotter: string,
    more: Partial<ContainerRecord> = {},
  ): ContainerRecord {
    const wanted = request.name === undefined ? undefined : checkContainerName(request.name);
    const id = newContainerId(this.#random);
    const events: EventRecord[] = [];
    const created = this.#change("create", id, (_, t) => {
      const taken = (name: string) => t.get("name", name) !== undefined;
      if (wanted !== undefined) mustBeFree(t, wanted);
      const name = wanted ?? newContainerName(this.#random, taken);
      const record: ContainerRecord = {
        id,
        name,
        request,
        mounts,
        imageId,
        snapshotter,
        ...{ createdMs: this.#clock.nowMs(), status: "created", ...more },
        ...claim(t, events),
      };
      t.put("name", name, { containerId: id });
      return record;
    });
    for (const event of events) this.#emit(event);
    return created as ContainerRecord;
  }

  /**
   * Claims the container for a start by `holder`; nobody else may start it meanwhile. `detached`:
   * how it runs this time.
   * @throws NacreError `conflict` while somebody takes down what is left of its last run
   */
  claim(
    id: string,
    holder: ProcessIdentity,
    bootId: string,
    isHeld: (record: ContainerRecord) => boolean,
    { detached, byPolicy = false }: { readonly detached: boolean; readonly byPolicy?: boolean },
  ): ContainerRecord {
    return this.#update(id, "start", (record) => {
      if (isGoing(record)) throw isRemoved(record);
      if (record.status !== "restarting" && isHeld(record)) throw isTakenDown(record);
      return { ...anew(record, byPolicy, detached), holder: stored(holder), bootId };
    });
  }

  /** A detached container is held by nobody from here on; one in the foreground stays with its starter. */
  started(id: string, process: ProcessIdentity, supervisor: ProcessIdentity): ContainerRecord {
    return this.#update(id, "began", (record) => {
      const { holder, ...rest } = record;
      return {
        ...rest,
        ...(!record.request.detached && holder && { holder }),
        status: "running",
        process: stored(process),
        supervisor: stored(supervisor),
        startedMs: this.#clock.nowMs(),
      };
    });
  }

  /** A start that failed: docker leaves such a container `created`, with code and reason. */
  failed(id: string, exitCode: number, error: string): ContainerRecord {
    return this.#update(id, "began", (record) => {
      return { ...withoutProcesses(record), status: "created", exitCode, error };
    });
  }

  /** Its policy starts it again: `holder` sees to it, after a wait. */
  restarting(
    id: string,
    holder: ProcessIdentity,
    bootId: string,
    restartDelayMs: number,
  ): ContainerRecord {
    return this.#update(id, "restart", (record) => {
      return { ...record, status: "restarting", holder: stored(holder), bootId, restartDelayMs };
    });
  }

  /** Others see to the end of its wait: a process that sleeps, and its supervisor. */
  restartAwaited(id: string, process: ProcessIdentity, supervisor: ProcessIdentity): void {
    this.#change(undefined, id, (record) => {
      if (record?.status !== "restarting") return record;
      const { holder, ...rest } = record;
      return { ...rest, process: stored(process), supervisor: stored(supervisor) };
    });
  }

  /** Nothing comes of its wait: somebody `stopped` it, or the machine went down. */
  notRestarted(id: string, stopped: boolean): ContainerRecord | undefined {
    return this.#change(undefined, id, (record) => {
      if (record?.status !== "restarting") return record;
      return { ...withoutProcesses(record), status: "exited", ...(stopped && { stopped }) };
    });
  }

  /** Somebody wants it to end: no policy shall start it again. */
  stopping(id: string): void {
    this.#change(undefined, id, (record) => record && { ...record, stopped: true });
  }

  /** Does something during which one with `--rm` outlives its end, unless this process, the `keeper`, is killed. */
  async keeping(
    { id, request }: ContainerRecord,
    keeper: ProcessIdentity,
    work: () => Promise<void>,
  ): Promise<void> {
    if (!request.autoRemove) return work();
    this.#update(id, "keep", (record) => {
      if (isGoing(record)) throw isRemoved(record);
      return { ...record, keepers: [...(record.keepers ?? []), stored(keeper)] };
    });
    try {
      await work();
    } finally {
      this.#change(undefined, id, (record) => record && withoutKeeper(record, keeper));
    }
  }

  paused(id: string): ContainerRecord {
    return this.#update(id, "pause", (record) => ({ ...unawaited(record), status: "paused" }));
  }

  resumed(id: string): ContainerRecord {
    return this.#update(id, "unpause", (record) => ({ ...record, status: "running" }));
  }

  /** What its check has found, and who waits for the next. Undefined if it was changed since it was `seen`. */
  checked(
    seen: ContainerRecord,
    health: NonNullable<ContainerRecord["health"]>,
  ): ContainerRecord | undefined {
    const unchanged = JSON.stringify([seen.status, seen.startedMs, seen.health]);
    let record: ContainerRecord | undefined;
    this.#change(undefined, seen.id, (now) => {
      if (JSON.stringify([now?.status, now?.startedMs, now?.health]) !== unchanged) return now;
      record = { ...now!, health };
      return record;
    });
    const turned = record && seen.health && seen.health.status !== health.status;
    if (record && turned) this.note(`health_status: ${health.status}`, record);
    return record;
  }

  /** Its limits, or its restart policy, are others from now on. */
  limited(id: string, change: Pick<ContainerRequest, "resources" | "restart">): ContainerRecord {
    const record = this.#update(id, "update", (record) => {
      return { ...record, request: { ...record.request, ...change } };
    });
    this.note("update", record);
    return record;
  }

  /** Gives the container another name. NacreError `exists` if the name is taken. */
  rename(id: string, wanted: string): ContainerRecord {
    const name = checkContainerName(wanted);
    let before = name;
    const renamed = this.#update(id, "rename", (record, t) => {
      before = record.name;
      mustBeFree(t, name, before);
      t.delete("name", before);
      t.put("name", name, { containerId: id });
      return { ...record, name };
    });
    this.note("rename", renamed, { oldName: `/${before}` });
    return renamed;
  }

  /** Records the end once; a container that somebody else put to rest is returned as it is. */
  ended(id: string, status: ExitStatus): ContainerRecord {
    return this.#update(id, "ended", (record) => atRest(record, status));
  }

  /** The same of one that goes with its end: `holder` removes it. One that somebody keeps is returned as it is. */
  endedForGood(
    id: string,
    status: ExitStatus,
    holder: ProcessIdentity,
    bootId: string,
    isKept: (record: ContainerRecord) => boolean,
  ): ContainerRecord {
    return this.#update(id, "ended", (record) =>
      isKept(record) ? record : going(atRest(record, status), holder, bootId),
    );
  }

  /**
   * Puts a container to rest that nobody holds any more: with `status` as one that has ended, else
   * as one whose start came to nothing. Nothing happens if it was changed since it was `seen`.
   * `holder`: who takes down what is left of it.
   * @returns what it is now, undefined if it is gone
   */
  abandoned(
    seen: ContainerRecord,
    status: ExitStatus | undefined,
    error: string | undefined,
    holder: ProcessIdentity | undefined,
  ): ContainerRecord | undefined {
    const unchanged = JSON.stringify(seen);
    return this.#change("die", seen.id, (record) => {
      if (!record || JSON.stringify(record) !== unchanged) return record;
      const held = holder && { holder: stored(holder) };
      const more = { ...(error !== undefined && { error }), ...held };
      if (status) return { ...atRest(record, status), ...more };
      return {
        ...withoutProcesses(record),
        status: "created",
        exitCode: UNSEEN_EXIT_CODE,
        ...more,
      };
    });
  }

  /** What was to be taken down by a process that is gone is taken down by `holder`. False if it was changed since it was `seen`. */
  takenOver(seen: ContainerRecord, holder: ProcessIdentity, bootId: string): boolean {
    const unchanged = JSON.stringify(seen);
    let taken = false;
    this.#change(undefined, seen.id, (record) => {
      if (!record || JSON.stringify(record) !== unchanged) return record;
      taken = true;
      return { ...record, holder: stored(holder), bootId };
    });
    return taken;
  }

  /**
   * From here on nothing can be done with the container but to remove it, and only by `holder`.
   * @throws NacreError `conflict` where somebody removes it already
   */
  removing(
    id: string,
    holder: ProcessIdentity,
    bootId: string,
    isHeld: (record: ContainerRecord) => boolean,
    removesVolumes: boolean,
  ): ContainerRecord {
    return this.#update(id, "remove", (record) => {
      if (record.status === "removing" && isHeld(record)) {
        throw isRemoved(record);
      }
      return { ...going(record, holder, bootId), ...(removesVolumes && { removesVolumes }) };
    });
  }

  /** Gives up what `claim`, `started` or `removing` took, so that the next who looks may go on. `error`: why a removal failed. */
  released(
    id: string,
    change: (record: ContainerRecord) => Partial<ContainerRecord> = () => ({}),
  ): void {
    this.#change(undefined, id, (record) => {
      if (!record?.holder) return record;
      const { holder, ...rest } = record;
      return { ...rest, ...change(rest) };
    });
  }

  /** Records what was done to a container without changing it. */
  note(action: string, record: ContainerRecord, attributes: Record<string, string> = {}): void {
    const event = containerEvent(action, record, this.#clock.nowMs());
    const full = { ...event, attributes: { ...event.attributes, ...attributes } };
    this.#emit(this.#state.write((t) => t.append(full)));
  }

  /** Of a container that was removed since: as its last event of that kind says. */
  lastExitCode(id: string): number | undefined {
    return lastExitCode(this.#state, id);
  }

  /** `alongside`: what must be recorded in the same transaction. */
  removed(id: string, alongside: (t: Transaction, record: ContainerRecord) => void): void {
    const event = this.#state.write((t) => {
      const record = t.get("container", id);
      if (!record) return undefined;
      alongside(t, record);
      t.delete("container", id);
      t.delete("name", record.name);
      return t.append(containerEvent("destroy", record, this.#clock.nowMs()));
    });
    if (event) this.#emit(event);
  }

  #update(
    id: string,
    command: ContainerCommand,
    change: (record: ContainerRecord, t: Transaction) => ContainerRecord,
  ): ContainerRecord {
    const changed = this.#change(ACTIONS[command], id, (record, t) => {
      if (!record) throw goneContainer(id);
      if (command === "ended" && record.status === "exited") return record;
      mustAllow(command, record);
      return change(record, t);
    });
    return changed as ContainerRecord;
  }

  #change(
    action: string | undefined,
    id: string,
    change: (before: ContainerRecord | undefined, t: Transaction) => ContainerRecord | undefined,
  ): ContainerRecord | undefined {
    type Outcome = { record: ContainerRecord | undefined; events: EventRecord[] };
    let awaited: ContainerRecord | undefined;
    const { record, events } = this.#state.write((t): Outcome => {
      const before = t.get("container", id);
      const record = change(before, t);
      const unchanged = record === before || JSON.stringify(record) === JSON.stringify(before);
      if (!record || unchanged) return { record, events: [] };
      t.put("container", id, record);
      if (before?.health?.waiter && !record.health?.waiter) awaited = before;
      const actions = before?.status === record.status ? [] : actionsOf(action, record);
      const timeMs = this.#clock.nowMs();
      const events = actions.flatMap((one) => containerEvents(one, record, timeMs));
      return { record, events: events.map((one) => t.append(one)) };
    });
    if (awaited) this.#endWait(awaited);
    for (const event of events) this.#emit(event);
    return record;
  }

  #emit(event: EventRecord): void {
    this.#bus.emit({ type: "record", event });
  }
}
