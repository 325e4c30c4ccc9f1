// Mounting and unmounting cgroup hierarchies: the core plans, the kernel carries out.

import {
  type CgroupMachine,
  type CgroupMountRequest,
  explainRefusal,
  planCgroupMount,
  planCgroupUnmount,
} from "@nacre/core/cgroup-mount.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";

export class CgroupMounts {
  readonly #kernel: Kernel;
  readonly #files: Files;

  constructor(kernel: Kernel, files: Files) {
    this.#kernel = kernel;
    this.#files = files;
  }

  program(request: CgroupMountRequest): KernelProgram {
    return planCgroupMount(request, this.#machine());
  }

  async mount(request: CgroupMountRequest): Promise<void> {
    await this.#perform(this.program(request));
  }

  async unmount(target: string): Promise<void> {
    await this.#perform(planCgroupUnmount(target, this.#machine()));
  }

  async #perform(program: KernelProgram): Promise<void> {
    try {
      await this.#kernel.perform(program);
    } catch (error) {
      throw explainRefusal(error, `cannot ${program.title}`);
    }
  }

  #machine(): CgroupMachine {
    const files = this.#files;
    return {
      procCgroups: files.readText("/proc/cgroups"),
      selfCgroup: files.readText("/proc/self/cgroup"),
      mounts: this.#kernel.mounts(),
      exists: (path) => files.status(path) !== undefined,
      nodes: (mountpoint) =>
        files
          .list(mountpoint)
          .filter((name) => files.status(`${mountpoint}/${name}`)?.kind === "directory"),
    };
  }
}
