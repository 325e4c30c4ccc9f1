// Containers in the state store: names and prefixes, creation, every change of state with its
// event. Each change is one transaction that first asks the state machine.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { ExitStatus, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { ContainerRecord, EventRecord } from "@nacre/core/state/records.ts";
import type { EventBus } from "../event-bus.ts";
import { checkContainerName, newContainerId, newContainerName } from "./names.ts";
import { type ContainerCommand, mustAllow } from "./state.ts";

const stored = (identity: ProcessIdentity) => ({
  pid: identity.pid,
  startTime: identity.startTime.toString(),
});

export class ContainerRecords {
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #bus: EventBus;

  constructor(state: StateStore, clock: Clock, random: Random, bus: EventBus) {
    this.#state = state;
    this.#clock = clock;
    this.#random = random;
    this.#bus = bus;
  }

  list(): ContainerRecord[] {
    return this.#state.read((t) => t.list("container"));
  }

  /** By full ID, name, or a prefix of the ID that only one has. */
  find(reference: string): ContainerRecord | undefined {
    return this.#state.read((t) => this.#find(t, reference));
  }

  get(reference: string): ContainerRecord {
    const found = this.find(reference);
    if (found) return found;
    throw new NacreError("not-found", `no such container: ${reference}`, {
      advice: "nacre ps -a lists them.",
    });
  }

  #find(t: Transaction, reference: string): ContainerRecord | undefined {
    const bare = reference.startsWith("/") ? reference.slice(1) : reference;
    const exact = t.get("container", bare);
    if (exact) return exact;
    const named = t.get("name", bare);
    if (named) return t.get("container", named.containerId);
    if (!/^[0-9a-f]+$/.test(bare)) return undefined;
    const matches = t.list("container", bare);
    if (matches.length > 1) {
      throw new NacreError("invalid", `multiple containers found with ID prefix ${bare}`, {
        advice: "Give more of the ID.",
      });
    }
    return matches[0];
  }

  /** Records a new container under a free name. NacreError `exists` if the name is taken. */
  create(
    request: ContainerRequest,
    imageId: string | undefined,
    snapshotter: string,
  ): ContainerRecord {
    const wanted = request.name === undefined ? undefined : checkContainerName(request.name);
    const id = newContainerId(this.#random);
    return this.#change("create", (t) => {
      const taken = (name: string) => t.get("name", name) !== undefined;
      if (wanted !== undefined && taken(wanted)) {
        const other = t.get("name", wanted)!.containerId.slice(0, 12);
        throw new NacreError(
          "exists",
          `the container name "${wanted}" is already in use by container ${other}`,
          { advice: `Remove that container (nacre rm ${wanted}) or choose another name.` },
        );
      }
      const name = wanted ?? newContainerName(this.#random, taken);
      const record: ContainerRecord = {
        id,
        name,
        request,
        imageId,
        snapshotter,
        createdMs: this.#clock.nowMs(),
        status: "created",
      };
      t.put("name", name, { containerId: id });
      return record;
    });
  }

  /** Claims the container for a start by `starter`; nobody else may start it meanwhile. */
  claim(id: string, starter: ProcessIdentity, bootId: string): ContainerRecord {
    return this.#update(id, "start", (record) => {
      const { exitCode, finishedMs, error, oomKilled, ...rest } = record;
      return { ...rest, status: "starting", supervisor: stored(starter), bootId };
    });
  }

  started(id: string, process: ProcessIdentity, supervisor: ProcessIdentity): ContainerRecord {
    return this.#update(id, "began", (record) => ({
      ...record,
      status: "running",
      process: stored(process),
      supervisor: stored(supervisor),
      startedMs: this.#clock.nowMs(),
    }));
  }

  /** A start that failed: docker leaves such a container `created`, with code and reason. */
  failed(id: string, exitCode: number, error: string): ContainerRecord {
    return this.#update(id, "began", (record) => {
      const { process, supervisor, ...rest } = record;
      return { ...rest, status: "created", exitCode, error };
    });
  }

  /** Records the end once; a container that somebody else put to rest is returned as it is. */
  ended(id: string, status: ExitStatus): ContainerRecord {
    return this.#update(id, "ended", (record) => {
      const { process, supervisor, ...rest } = record;
      return {
        ...rest,
        status: "exited",
        exitCode: status.code,
        oomKilled: status.oomKilled,
        finishedMs: status.finishedAtMs,
      };
    });
  }

  /** From here on nothing can be done with the container but to remove it. */
  removing(id: string, force: boolean): ContainerRecord {
    return this.#update(id, force ? "force-remove" : "remove", (record) => ({
      ...record,
      status: "removing",
    }));
  }

  removed(id: string): void {
    const event = this.#state.write((t) => {
      const record = t.get("container", id);
      if (!record) return undefined;
      t.delete("container", id);
      t.delete("name", record.name);
      return t.append(this.#event("destroy", record));
    });
    if (event) this.#emit(event);
  }

  /** `undefined` from `change` leaves the record as it is and records no event. */
  #update(
    id: string,
    command: ContainerCommand,
    change: (record: ContainerRecord) => ContainerRecord,
  ): ContainerRecord {
    const action = ACTIONS[command];
    return this.#change(action, (t) => {
      const record = t.get("container", id);
      if (!record) throw new NacreError("not-found", `no such container: ${id.slice(0, 12)}`);
      if (command === "ended" && record.status === "exited") return record;
      mustAllow(command, record);
      return change(record);
    });
  }

  #change(action: string | undefined, work: (t: Transaction) => ContainerRecord): ContainerRecord {
    const { record, events } = this.#state.write((t) => {
      const record = work(t);
      const before = t.get("container", record.id);
      const events: EventRecord[] = [];
      if (before !== record) {
        t.put("container", record.id, record);
        const changed = before?.status !== record.status;
        if (action && changed && record.status !== "created") {
          events.push(t.append(this.#event(action, record)));
        } else if (action === "create") events.push(t.append(this.#event(action, record)));
        if (action === "die" && record.oomKilled)
          events.unshift(t.append(this.#event("oom", record)));
      }
      return { record, events };
    });
    for (const event of events) this.#emit(event);
    return record;
  }

  #emit(event: EventRecord): void {
    this.#bus.emit({ type: "record", event });
  }

  #event(action: string, record: ContainerRecord): Omit<EventRecord, "sequence"> {
    return {
      timeMs: this.#clock.nowMs(),
      type: "container",
      action,
      subject: record.id,
      attributes: {
        image: record.request.image,
        name: record.name,
        ...(action === "die" && { exitCode: String(record.exitCode) }),
        ...record.request.labels,
      },
    };
  }
}

/** The event that a command's change is recorded as; none for those that only claim. */
const ACTIONS: Readonly<Record<ContainerCommand, string | undefined>> = {
  start: undefined,
  began: "start",
  ended: "die",
  signal: "kill",
  exec: undefined,
  remove: undefined,
  "force-remove": undefined,
};
