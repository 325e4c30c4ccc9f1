import type { MountAttribute } from "../program/mount-description.ts";
import type { Operation } from "../program/operation.ts";
import type { VolumeRecord } from "../state/records.ts";
import { token } from "./token.ts";

/** A volume as its driver knows it. */
export type Volume = Pick<VolumeRecord, "name" | "options">;

/** How a volume comes into a container. */
export interface VolumePlan {
  /** Run in the host section, before the container's first process exists. */
  readonly host: readonly Operation[];
  /** After them the volume is here: an absolute path of this machine, which is bound. */
  readonly path: string;
  /** With what is mounted below `path`. */
  readonly recursive: boolean;
  readonly attributes: readonly MountAttribute[];
  /**
   * Present where the engine may fill an empty volume with what the image has at its place:
   * `path`, as a directory that is there without a mount. It is made elsewhere in the directory
   * that holds it, and renamed.
   */
  readonly fillable?: true;
}

/**
 * Keeps volumes, by the name that `--driver` takes. What a volume is called and who uses it, the
 * engine knows.
 *
 * Lifecycle: `check` is asked before a volume is recorded. `make` is called before each use, at a
 * container's creation and at each of its starts: it makes what is not there yet, and must be
 * idempotent, for one that was killed is called again. `plan` only computes; what it returns is
 * undone as every program is, so that mounts are counted by `shareMount` and nothing else.
 * `remove` deletes all of it; it is called while no container has the volume, again if it was
 * killed, and what is absent is fine.
 *
 * ```ts
 * driver.check(options);
 * await driver.make({ name: "data", options });
 * const { host, path } = driver.plan({ name: "data", options });
 * ```
 *
 * Errors: NacreError `invalid` of `check` for options that it does not know; `no-space`, `denied`,
 * `kernel` of the others.
 */
export interface VolumeDriver {
  /** `local`, or a plugin's name. */
  readonly name: string;
  check(options: Volume["options"]): void;
  make(volume: Volume): Promise<void>;
  plan(volume: Volume): VolumePlan;
  remove(volume: Volume): Promise<void>;
  /** Names of all volumes that it has something of, whole or not: what nobody knows of is removed by them. */
  list(): readonly string[];
}

/** All that are bound, by multi-injection; chosen by name. */
export const VolumeDriver = token<VolumeDriver>("VolumeDriver");
