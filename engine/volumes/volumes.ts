// The engine's volumes: what `nacre volume` does, and what containers ask for.

import { NacreError, whenFound, whereFound } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { Transaction } from "@nacre/core/ports/state-store.ts";
import type { VolumeDriver, VolumePlan } from "@nacre/core/ports/volume-driver.ts";
import type { NamedVolume } from "@nacre/core/program/request.ts";
import type { ContainerRecord, VolumeRecord } from "@nacre/core/state/records.ts";
import { newContainerId } from "../containers/names.ts";
import { treeBytes } from "../containers/tree-size.ts";
import type { VolumeFilters, VolumeListing, VolumeRequestOptions, Volumes } from "../engine.ts";
import type { Named } from "../extensions.ts";
import { checkVolumeFilters, isMeantVolume } from "./filter.ts";
import { absent, DEFAULT_DRIVER, type VolumeRecords } from "./volume-records.ts";

/** Docker's rule for names. Throws NacreError `invalid`. */
export function checkVolumeName(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name) && name.length <= 255 - "volume-".length) {
    return name;
  }
  throw new NacreError("invalid", `invalid volume name (${JSON.stringify(name)})`, {
    advice:
      "Only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, two characters at least. A directory of this machine is named by its absolute path.",
  });
}

const ANONYMOUS = /^[0-9a-f]{64}$/;

export class VolumeService implements Volumes {
  readonly #files: Files;
  readonly #random: Random;
  readonly #records: VolumeRecords;
  readonly #drivers: Named<"VolumeDriver">;

  constructor(
    files: Files,
    random: Random,
    records: VolumeRecords,
    drivers: Named<"VolumeDriver">,
  ) {
    this.#files = files;
    this.#random = random;
    this.#records = records;
    this.#drivers = drivers;
  }

  async create(wanted: VolumeRequestOptions = {}): Promise<VolumeRecord> {
    const { name, driver = DEFAULT_DRIVER, options = {}, labels = {} } = wanted;
    const port = await this.#drivers.load(driver);
    port.check(options);
    if (name !== undefined) checkVolumeName(name);
    await this.finishRemovals();
    const record = this.#records.create({
      name: name ?? this.newName(),
      anonymous: name === undefined,
      driver,
      labels,
      ...(wanted.options !== undefined && { options }),
    });
    await port.make(record);
    return record;
  }

  async list(filters: VolumeFilters = {}): Promise<VolumeListing[]> {
    checkVolumeFilters(filters);
    await this.finishRemovals();
    const all: VolumeListing[] = [];
    for (const { volume, users } of this.#records.list()) {
      if (volume.removal !== undefined) continue;
      const listing = { volume, users: users.map(({ id, name }) => ({ id, name })) };
      if (!isMeantVolume(listing, filters)) continue;
      all.push({ ...listing, mountpoint: (await this.planOf(volume))?.path ?? "" });
    }
    return all;
  }

  async get(name: string): Promise<VolumeListing> {
    const found = (await this.list()).find(({ volume }) => volume.name === name);
    if (!found) throw absent(name);
    return found;
  }

  async remove(name: string, options: { readonly force?: boolean } = {}): Promise<void> {
    if (options.force && !this.#records.find(name)) return;
    await this.finish([this.#records.removing(name)]);
  }

  async prune(
    options: { readonly all?: boolean; readonly filters?: VolumeFilters } = {},
  ): Promise<{ volumes: string[]; reclaimedBytes: number }> {
    const { all, ...filters } = options.filters ?? {};
    const everything = options.all || (all?.some((word) => /^(1|true)$/i.test(word)) ?? false);
    if (Object.keys(filters).length === 0) await this.#sweep(everything);
    const volumes: string[] = [];
    let reclaimedBytes = 0;
    for (const { volume, users, mountpoint } of await this.list(filters)) {
      if (users.length > 0 || !(volume.anonymous || everything)) continue;
      const fillable = (await this.planOf(volume))?.fillable;
      const bytes = fillable ? treeBytes(this.#files, mountpoint) : 0;
      try {
        await this.remove(volume.name);
      } catch (error) {
        // Somebody took it, or was faster.
        const kind = error instanceof NacreError ? error.kind : undefined;
        if (kind === "in-use" || kind === "not-found" || kind === "conflict") continue;
        throw error;
      }
      volumes.push(volume.name);
      reclaimedBytes += bytes;
    }
    this.#records.pruned(reclaimedBytes);
    return { volumes, reclaimedBytes };
  }

  /** What a machine that went down has forgotten: those that had a name of the user's only where all are meant. */
  async #sweep(everything: boolean): Promise<void> {
    for (const driver of this.#drivers.own()) {
      for (const name of driver.list()) {
        if (this.#records.find(name)) continue;
        if (everything || ANONYMOUS.test(name)) await driver.remove({ name, options: {} });
      }
    }
  }

  // -- for containers ---------------------------------------------------------------------------

  /** A name that no other volume has. */
  newName(): string {
    return newContainerId(this.#random);
  }

  /** Removes a volume that was made for nothing, unless somebody has taken it meanwhile. */
  async discard(name: string): Promise<void> {
    try {
      await this.remove(name, { force: true });
    } catch (error) {
      const kind = error instanceof NacreError ? error.kind : undefined;
      if (kind !== "in-use" && kind !== "conflict" && kind !== "not-found") throw error;
    }
  }

  driver(name: string): Promise<VolumeDriver> {
    return this.#drivers.load(name);
  }

  find(name: string): VolumeRecord | undefined {
    return this.#records.find(name);
  }

  /** As recorded, or, before that, as it will be. */
  described({ name, driver = DEFAULT_DRIVER, options = {} }: NamedVolume) {
    return this.#records.find(name) ?? { name, driver, options };
  }

  /** What its driver, which was loaded, says of a volume. */
  plan(mount: NamedVolume): VolumePlan {
    const volume = this.described(mount);
    return this.#drivers.get(volume.driver).plan(volume);
  }

  /** Where it is on this machine, for those who look; empty if its driver is not there. */
  sourceOf(mount: NamedVolume): string {
    return whereFound(() => this.plan(mount).path) ?? "";
  }

  /** See VolumeRecords.removingThoseOf; `finish` is to follow. */
  removingThoseOf(t: Transaction, container: ContainerRecord): VolumeRecord[] {
    return this.#records.removingThoseOf(t, container);
  }

  /** Undefined where the plugin that made it is gone. */
  planOf(volume: VolumeRecord): Promise<VolumePlan | undefined> {
    return whenFound(async () => (await this.#drivers.load(volume.driver)).plan(volume));
  }

  /** Deletes what is recorded as being removed, and then says that it is gone. */
  async finish(removals: readonly VolumeRecord[]): Promise<void> {
    for (const record of removals) {
      try {
        await (await this.#drivers.load(record.driver)).remove(record);
      } catch (error) {
        this.#records.released(record.name);
        throw error;
      }
      this.#records.removed(record.name);
    }
  }

  /** Goes on with what killed processes were removing. */
  async finishRemovals(): Promise<void> {
    for (const { name } of this.#records.abandoned()) {
      try {
        await this.remove(name);
      } catch (error) {
        // Somebody else does it; what stands in its way is told to who asks for that volume.
        if (!(error instanceof NacreError)) throw error;
      }
    }
  }
}
