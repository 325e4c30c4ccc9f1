// Volumes in the state store: who has one, its creation with the container that wants it, and its
// removal in two steps, so that one that was broken off is seen by whoever comes next.

import { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Kernel, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import type { ContainerMount } from "@nacre/core/program/request.ts";
import type { ContainerRecord, EventRecord, VolumeRecord } from "@nacre/core/state/records.ts";
import type { EventBus } from "../event-bus.ts";
import { tellOfPrune } from "../past-event.ts";

/** How a volume is to be made, where it is not there. */
export type VolumeWish = Pick<VolumeRecord, "name" | "anonymous"> &
  Partial<Pick<VolumeRecord, "driver" | "options" | "labels">>;

export interface VolumeRecordsOptions {
  /** This process, recorded as the one that removes. */
  readonly self: ProcessIdentity;
  readonly bootId: string;
}

export const DEFAULT_DRIVER = "local";

/** Names of volumes that a container has. */
export function volumesOf(mounts: readonly ContainerMount[]): string[] {
  return mounts.flatMap((mount) => (mount.type === "volume" ? [mount.name] : []));
}

/** Containers that have a volume, whatever they do. */
export function usersOf(t: Transaction, name: string): ContainerRecord[] {
  return t.list("container").filter(({ mounts }) => volumesOf(mounts).includes(name));
}

const sameOptions = (a: VolumeRecord["options"], b: VolumeRecord["options"]): boolean =>
  Object.keys(a).length === Object.keys(b).length &&
  Object.entries(a).every(([key, value]) => b[key] === value);

export class VolumeRecords {
  readonly #kernel: Pick<Kernel, "alive">;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #bus: EventBus;
  readonly #options: VolumeRecordsOptions;

  constructor(
    kernel: Pick<Kernel, "alive">,
    state: StateStore,
    clock: Clock,
    bus: EventBus,
    options: VolumeRecordsOptions,
  ) {
    this.#kernel = kernel;
    this.#state = state;
    this.#clock = clock;
    this.#bus = bus;
    this.#options = options;
  }

  find(name: string): VolumeRecord | undefined {
    return this.#state.read((t) => t.get("volume", name));
  }

  /** Looks at all records at one moment. */
  read<T>(look: (t: Transaction) => T): T {
    return this.#state.read(look);
  }

  /** All that are there, each with those who have it. */
  list(): { readonly volume: VolumeRecord; readonly users: ContainerRecord[] }[] {
    return this.#state.read((t) =>
      t.list("volume").map((volume) => ({ volume, users: usersOf(t, volume.name) })),
    );
  }

  /** Those whose removal was broken off. */
  abandoned(): VolumeRecord[] {
    const all = this.#state.read((t) => t.list("volume"));
    return all.filter((volume) => volume.removal !== undefined && !this.#isHeld(volume));
  }

  create(wish: VolumeWish): VolumeRecord {
    const events: EventRecord[] = [];
    const record = this.#state.write((t) => this.claim(t, wish, events));
    this.#emit(events);
    return record;
  }

  /**
   * The volume of that name, in a transaction of the caller's, who emits the events; recorded where
   * it is new. NacreError `conflict` where it is another one, or goes.
   */
  claim(t: Transaction, wish: VolumeWish, events: EventRecord[]): VolumeRecord {
    const { name, driver = DEFAULT_DRIVER, options = {}, labels = {}, anonymous } = wish;
    const found = t.get("volume", name);
    if (found?.removal !== undefined) {
      throw new NacreError("conflict", `the volume ${name} is being removed`, {
        advice: "Try again when it is gone.",
      });
    }
    if (found) {
      const asked = wish.options !== undefined && !sameOptions(found.options, options);
      if (asked || (wish.driver !== undefined && found.driver !== driver)) {
        throw new NacreError(
          "conflict",
          `a volume named ${name} exists with the ${found.driver} driver and other options`,
          { advice: `Choose another name, or remove it: nacre volume rm ${name}` },
        );
      }
      return found;
    }
    const createdMs = this.#clock.nowMs();
    const record: VolumeRecord = { name, driver, options, labels, anonymous, createdMs };
    t.put("volume", name, record);
    events.push(this.#append(t, "create", record));
    return record;
  }

  /**
   * From here on nobody gets the volume any more.
   * NacreError `not-found`, `in-use` with those who have it, `conflict` where somebody removes it.
   */
  removing(name: string): VolumeRecord {
    return this.#state.write((t) => {
      const record = t.get("volume", name);
      if (!record) throw absent(name);
      const users = usersOf(t, name);
      if (users.length > 0) throw inUse(name, users);
      if (this.#isHeld(record)) {
        throw new NacreError("conflict", `removal of volume ${name} is already in progress`);
      }
      return this.#hold(t, record);
    });
  }

  /** In a transaction of the caller's, of a container that goes: those of its own that nobody else has. */
  removingThoseOf(t: Transaction, { id, mounts }: ContainerRecord): VolumeRecord[] {
    return volumesOf(mounts).flatMap((name) => {
      const record = t.get("volume", name);
      if (!record?.anonymous || record.removal !== undefined) return [];
      return usersOf(t, name).every((user) => user.id === id) ? [this.#hold(t, record)] : [];
    });
  }

  removed(name: string): void {
    const event = this.#state.write((t) => {
      const record = t.get("volume", name);
      if (!record?.removal) return undefined;
      t.delete("volume", name);
      return this.#append(t, "destroy", record);
    });
    if (event) this.#emit([event]);
  }

  /** Of a removal that came to nothing: whoever wants to may go on with it. */
  released(name: string): void {
    this.#state.write((t) => {
      const record = t.get("volume", name);
      if (record?.removal) {
        t.put("volume", name, { ...record, removal: { pid: 0, startTime: "0", bootId: "" } });
      }
    });
  }

  #hold(t: Transaction, record: VolumeRecord): VolumeRecord {
    const { self, bootId } = this.#options;
    const removal = { pid: self.pid, startTime: self.startTime.toString(), bootId };
    const held = { ...record, removal };
    t.put("volume", record.name, held);
    return held;
  }

  #isHeld({ removal }: VolumeRecord): boolean {
    if (!removal || removal.bootId !== this.#options.bootId) return false;
    return this.#kernel.alive({ pid: removal.pid, startTime: BigInt(removal.startTime) });
  }

  pruned(reclaimedBytes: number): void {
    const ports = { state: this.#state, clock: this.#clock, bus: this.#bus };
    tellOfPrune(ports, "volume", reclaimedBytes);
  }

  #append(t: Transaction, action: string, { name, driver }: VolumeRecord): EventRecord {
    const timeMs = this.#clock.nowMs();
    return t.append({ timeMs, type: "volume", action, subject: name, attributes: { driver } });
  }

  #emit(events: readonly EventRecord[]): void {
    for (const event of events) this.#bus.emit({ type: "record", event });
  }
}

export const absent = (name: string): NacreError =>
  new NacreError("not-found", `no such volume: ${name}`, {
    advice: "nacre volume ls lists them.",
  });

function inUse(name: string, users: readonly ContainerRecord[]): NacreError {
  const who = users.map((user) => `${user.name} (${user.id.slice(0, 12)})`).join(", ");
  return new NacreError("in-use", `the volume ${name} is in use by ${who}`, {
    advice: `Remove what uses it first: nacre rm ${users.map((user) => user.name).join(" ")}`,
  });
}
