// What an OCI container depends on of this machine, read from its own files.

import type { SpecResources } from "@nacre/core/oci/runtime-spec.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import { capabilityNames } from "@nacre/core/program/capabilities.ts";
import type { MountedHierarchy } from "@nacre/core/program/cgroup-plan.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { CgroupSight } from "@nacre/core/program/runtime-cgroups.ts";
import { isMachines, lazyLayout, usableHierarchies } from "../cgroups/layout.ts";

export class OciMachine {
  readonly #files: Files;
  readonly #kernel: Kernel;
  readonly #hierarchies: () => readonly MountedHierarchy[];

  constructor(files: Files, kernel: Kernel) {
    this.#files = files;
    this.#kernel = kernel;
    this.#hierarchies = usableHierarchies(files, lazyLayout(files));
  }

  /** Those that are mounted, or of them what was delegated to a user who is not root. */
  get hierarchies(): readonly MountedHierarchy[] {
    return this.#hierarchies();
  }

  /** Limits as they can be held: in a user namespace nobody guards devices, which the user may open or not. */
  limits(wanted: SpecResources): SpecResources {
    return isMachines(this.#files) ? wanted : { ...wanted, devices: [] };
  }

  readonly sight: CgroupSight = {
    exists: (path) => this.#files.status(path) !== undefined,
    read: (path) => this.#read(path),
  };

  #read(path: string): string | undefined {
    return this.#files.status(path) && this.#files.readText(path);
  }

  /** What a process of ours can have at all. */
  capabilities(): readonly string[] {
    const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(this.#files.readText("/proc/self/status"))?.[1];
    return mask === undefined ? [] : capabilityNames(BigInt(`0x${mask}`));
  }

  labels(): { readonly apparmor: boolean; readonly selinux: boolean } {
    const apparmor = this.#read("/sys/module/apparmor/parameters/enabled")?.trim() === "Y";
    return { apparmor, selinux: this.#files.status("/sys/fs/selinux/enforce") !== undefined };
  }

  /** The uppermost mount at a place of the machine's tree, by its ID (/proc/PID/mountinfo). */
  mountAt(target: string): number | undefined {
    return this.#kernel.mounts().findLast((mount) => mount.target === target)?.id;
  }

  /** Lets go a mount and all that is mounted below it, unless another has come in its place. */
  async letGo(target: string, id: number): Promise<void> {
    if (this.mountAt(target) !== id) return;
    const host: Operation[] = [{ op: "unmount", target, detach: true }];
    await this.#kernel.perform({ title: `unmount ${target}`, host });
  }

  /** The root's own mount, if it is one, and the one that it lies on. */
  mountsAround(rootfs: string): string[] {
    const targets = new Set(this.#kernel.mounts().map(({ target }) => target));
    const around: string[] = targets.has(rootfs) ? [rootfs] : [];
    for (let path = rootfs; path !== "/"; ) {
      path = path.slice(0, path.lastIndexOf("/")) || "/";
      if (!targets.has(path)) continue;
      around.push(path);
      break;
    }
    return around;
  }
}
