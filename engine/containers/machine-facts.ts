// What limits depend on of this machine, read from its own files when somebody asks.

import { parseCpusetList } from "@nacre/core/cpuset-list.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import { capabilityNames } from "@nacre/core/program/capabilities.ts";
import type { CpusetRoot, MountedHierarchy } from "@nacre/core/program/cgroup-plan.ts";
import type { MachineFacts, MachineSize } from "@nacre/core/program/resource-spec.ts";

/** Where sysfs lists the processors that are at work. */
const ONLINE = "/sys/devices/system/cpu/online";

export class Machine implements MachineFacts {
  readonly #files: Files;
  readonly #hierarchies: () => readonly MountedHierarchy[];
  readonly #isUnprivileged: () => boolean;

  constructor(
    files: Files,
    hierarchies: () => readonly MountedHierarchy[],
    isUnprivileged: () => boolean,
  ) {
    this.#files = files;
    this.#hierarchies = hierarchies;
    this.#isUnprivileged = isUnprivileged;
  }

  readonly device: MachineFacts["device"] = (path) => {
    const found = this.#files.deviceAt(path);
    if (found) return found;
    throw new NacreError("not-found", `${path} is no device of this machine`, {
      advice: "Name a device node, such as /dev/sda; lsblk lists those of disks.",
    });
  };

  readonly allDevices: MachineFacts["allDevices"] = () => this.#devicesBelow("/dev");

  readonly devicesBelow: MachineFacts["devicesBelow"] = (path) => {
    if (this.#files.status(path)?.kind !== "directory") return undefined;
    return this.#devicesBelow(path.replace(/\/+$/, ""));
  };

  readonly capabilities: MachineFacts["capabilities"] = () => {
    const status = this.#files.readText("/proc/self/status");
    const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1];
    return mask === undefined ? [] : capabilityNames(BigInt(`0x${mask}`));
  };

  readonly securityModules = (): readonly ("apparmor" | "selinux")[] => {
    const enabled = "/sys/module/apparmor/parameters/enabled";
    const apparmor = this.#files.status(enabled) && this.#files.readText(enabled).startsWith("Y");
    const selinux = this.#files.status("/sys/fs/selinux/enforce") !== undefined;
    return [
      ...(apparmor ? (["apparmor"] as const) : []),
      ...(selinux ? (["selinux"] as const) : []),
    ];
  };

  readonly countsSwap: MachineFacts["countsSwap"] = () => {
    const memory = this.#hierarchyOf("memory");
    if (memory === undefined || memory.version === 2) return memory !== undefined;
    return this.#files.status(`${memory.mountpoint}/memory.memsw.limit_in_bytes`) !== undefined;
  };

  readonly size: MachineFacts["size"] = () => {
    const cpuset = this.#hierarchyOf("cpuset");
    if (cpuset) return this.#sizeAt(cpuset);
    // What is not delegated to a user is left out, and said (able.ts).
    const seen = this.#isUnprivileged() ? this.#allowed() : undefined;
    if (seen) return seen;
    throw new NacreError("unsupported", "this machine has no cpuset controller", {
      advice: "Leave out --cpuset-cpus and --cpuset-mems.",
    });
  };

  readonly processors: MachineFacts["processors"] = () => {
    if (!this.#files.status(ONLINE)) return undefined;
    return parseCpusetList(this.#files.readText(ONLINE).trim())?.length;
  };

  readonly cpusetRoot: CpusetRoot = (node) =>
    this.#files.status(node) && this.#sizeAt({ version: 1, mountpoint: node });

  /** Links, and what is mounted below /dev for others, are not followed. */
  #devicesBelow(directory: string): string[] {
    return this.#files
      .list(directory)
      .filter((name) => !["pts", "shm", "fd", "mqueue", "hugepages"].includes(name))
      .map((name) => `${directory}/${name}`)
      .flatMap((path) => {
        const kind = this.#files.status(path)?.kind;
        if (kind === "directory") return this.#devicesBelow(path);
        return kind === "other" && this.#files.deviceAt(path) ? [path] : [];
      });
  }

  /** On v2 the root has no limits of its own, but what is in effect. */
  #sizeAt({ version, mountpoint }: Pick<MountedHierarchy, "version" | "mountpoint">): MachineSize {
    const suffix = version === 2 ? ".effective" : "";
    const read = (name: string) => this.#files.readText(`${mountpoint}/${name}${suffix}`).trim();
    return { cpus: read("cpuset.cpus"), mems: read("cpuset.mems") };
  }

  /** Of a user who may use no cpuset: what this process may run on (proc_pid_status(5)). */
  #allowed(): MachineSize | undefined {
    const status = this.#files.readText("/proc/self/status");
    const [cpus, mems] = ["Cpus", "Mems"].map(
      (what) => new RegExp(`^${what}_allowed_list:\\s*(\\S+)$`, "m").exec(status)?.[1],
    );
    return cpus === undefined || mems === undefined ? undefined : { cpus, mems };
  }

  #hierarchyOf(controller: string): MountedHierarchy | undefined {
    return this.#hierarchies().find((h) => h.controllers.includes(controller));
  }
}
