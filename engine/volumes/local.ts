// Volumes on this machine: directories below the state root, or, with options as docker's local
// driver has them, whatever mount(8) would mount: `type`, `device`, and `o` with the rest.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Volume, VolumeDriver, VolumePlan } from "@nacre/core/ports/volume-driver.ts";
import { mountFlags } from "@nacre/core/program/mount-options.ts";
import type { StatePaths } from "../images/paths.ts";

const KNOWN = ["type", "o", "device"];
/** Anybody may look into it: who can reach it, the container's mounts decide. */
const DIRECTORY_MODE = 0o755;

/** What was asked for, as mount(8) takes it apart. */
function described({ options }: Pick<Volume, "options">) {
  const { type = "", device = "", o = "" } = options;
  const words = o.split(",").filter((word) => word !== "");
  return { type, device, flags: mountFlags({ destination: "", options: words }) };
}

export class LocalVolumes implements VolumeDriver {
  readonly name = "local";
  readonly #files: Files;
  readonly #paths: StatePaths;

  constructor(files: Files, paths: StatePaths) {
    this.#files = files;
    this.#paths = paths;
  }

  check(options: Volume["options"]): void {
    const unknown = Object.keys(options).find((key) => !KNOWN.includes(key));
    if (unknown !== undefined) {
      throw new NacreError("invalid", `invalid option: ${JSON.stringify(unknown)}`, {
        advice: `The local driver takes ${KNOWN.join(", ")}.`,
      });
    }
    if (Object.keys(options).length === 0) return;
    for (const needed of ["type", "device"]) {
      if (options[needed]) continue;
      throw new NacreError("invalid", `missing required option: ${JSON.stringify(needed)}`, {
        advice:
          "A volume that is a mount needs type and device, such as -o type=tmpfs -o device=tmpfs.",
      });
    }
    const { device, flags } = described({ options });
    if (flags.bind && !device.startsWith("/")) {
      throw new NacreError("invalid", `invalid device ${JSON.stringify(device)}`, {
        advice: "What is bound is named by its absolute path.",
      });
    }
  }

  async make({ name, options }: Volume): Promise<void> {
    const { directory, data } = this.#paths.volume(name);
    if (Object.keys(options).length === 0) this.#files.makeDirectory(data, DIRECTORY_MODE);
    else {
      this.#files.makeDirectory(directory);
      for (const path of [this.#paths.mounts, this.#paths.locks]) this.#files.makeDirectory(path);
    }
  }

  plan(volume: Volume): VolumePlan {
    const { name, options } = volume;
    const { data } = this.#paths.volume(name);
    if (Object.keys(options).length === 0) {
      return { host: [], path: data, recursive: true, attributes: [], fillable: true };
    }
    const { type, device, flags } = described(volume);
    if (flags.bind) {
      const { attributes, recursive, readOnlyTop } = flags;
      const all = readOnlyTop ? (["ro", ...attributes] as const) : attributes;
      return { host: [], path: device, recursive, attributes: all };
    }
    const { lock, target } = this.#paths.sharedMount(`volume-${name}`);
    return {
      host: [
        {
          op: "shareMount",
          lock,
          mount: { type, source: device, options: flags.options, attributes: flags.attributes },
          target,
          why: `the volume ${name}, which all that use it share`,
        },
      ],
      path: target,
      recursive: true,
      attributes: [],
    };
  }

  list(): string[] {
    return this.#files.list(this.#paths.volumes);
  }

  remove({ name }: Volume): Promise<void> {
    return this.#files.removeTree(this.#paths.volume(name).directory);
  }
}
