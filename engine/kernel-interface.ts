// What the kernel has, as users of the engine see it: cgroups and namespaces, of containers or not.

import type { CgroupMountRequest } from "@nacre/core/cgroup-mount.ts";
import type { HierarchyReport } from "@nacre/core/cgroup-survey.ts";
import type { CgroupMembership } from "@nacre/core/css-set.ts";
import type { ProcessStreams } from "@nacre/core/ports/kernel.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import type { PinRecord } from "@nacre/core/state/records.ts";
import type { Attached } from "./container-interface.ts";

/** A process by its number and the name that it gave itself. */
export interface ProcessReport {
  readonly pid: number;
  readonly command: string;
}

/** The hierarchies of this machine, with what limits hold in each node. */
export interface CgroupTreeReport {
  readonly hierarchies: readonly HierarchyReport[];
  /** Containers that run, by ID: theirs are the nodes of that name, below `/nacre` or their own parent. */
  readonly containers: ReadonlyMap<string, string>;
}

/** Processes that share one combination of cgroups. Told by processes: threads may differ in v1. */
export interface CssSetReport {
  /** One of each hierarchy, the highest number first; 0 is version 2. */
  readonly cgroups: readonly CgroupMembership[];
  readonly processes: readonly ProcessReport[];
  readonly container?: ContainerName;
}

export interface ContainerName {
  readonly id: string;
  readonly name: string;
}

/** Looks at this machine's cgroups. What ends while it is looked at is left out. */
export interface Cgroups {
  /** `at`: a path within the hierarchies (`/system`), a directory of one, or a container. NacreError `not-found`. */
  tree(at?: string): Promise<CgroupTreeReport>;
  /** Those with the most processes first. */
  cssSets(): Promise<readonly CssSetReport[]>;
  /** The program that `mount` carries out. NacreError `invalid`, `in-use`, `not-found`. */
  mountProgram(request: CgroupMountRequest): Promise<KernelProgram>;
  /** Shows a hierarchy at a place, making it where it is new; or gives one other controllers. NacreError as of `mountProgram`, and `kernel`. */
  mount(request: CgroupMountRequest): Promise<void>;
  /** NacreError `not-found` where no hierarchy is mounted, `in-use` while somebody uses it. */
  unmount(target: string): Promise<void>;
}

/** A namespace and everything that keeps it alive, as far as /proc tells. */
export interface NamespaceReport {
  readonly kind: NamespaceKind;
  /** Inode number in nsfs: its identity for as long as it lives. */
  readonly id: number;
  /** Whether it is the one that this process itself is in. */
  readonly own: boolean;
  readonly processes: readonly ProcessReport[];
  /** Descriptors that are open on it. */
  readonly descriptors: readonly (ProcessReport & { readonly descriptor: number })[];
  /** Bind mounts of it; `mountNamespace` is absent for those that are seen here. */
  readonly mounts: readonly { readonly path: string; readonly mountNamespace?: number }[];
  /** Names of pins that hold it. */
  readonly pins: readonly string[];
  /** Processes whose children will be in it. */
  readonly parents: readonly ProcessReport[];
  readonly container?: ContainerName;
}

/** A command that is to run in namespaces of others. */
export interface NamespaceCommand {
  readonly command: readonly string[];
  /** `K=V`. */
  readonly environment?: readonly string[];
  /** Which to join; none: all that a pin holds, or that are not our own. */
  readonly kinds?: readonly NamespaceKind[];
  readonly workingDirectory?: string;
  /** Where it begins if it stays in this machine's own files and nothing else was asked for. */
  readonly outside?: string;
}

/** As Attached, of a command that belongs to no container. */
export type JoinedCommand = Omit<Attached, "container">;

/**
 * Looks at this machine's namespaces, keeps some alive by a name, and runs commands in them.
 * `target`: a container that runs, or a process by its number.
 */
export interface Namespaces {
  /** In the order of kinds and numbers. `container`: only those that one has for its own. */
  list(options?: {
    readonly kinds?: readonly NamespaceKind[];
    readonly container?: string;
  }): Promise<readonly NamespaceReport[]>;
  /** By name. */
  pins(): PinRecord[];
  /** The program that `pin` carries out. */
  pinProgram(
    name: string,
    target: string,
    kinds?: readonly NamespaceKind[],
  ): Promise<KernelProgram>;
  /** Keeps namespaces alive until `unpin`, or the machine's end. Without kinds: those that are not our own. NacreError `exists`, `not-found`, `conflict`, `invalid`. */
  pin(name: string, target: string, kinds?: readonly NamespaceKind[]): Promise<PinRecord>;
  /** NacreError `not-found`. */
  unpin(name: string): Promise<void>;
  /** Removes pins that hold nothing any more, with `unused` also those in whose namespaces no process is. Returns their names. */
  prunePins(options?: { readonly unused?: boolean }): Promise<string[]>;
  /** The program of `exec`. */
  execProgram(target: string, request: NamespaceCommand): Promise<KernelProgram>;
  /** `target` may also be a pin, which wins. NacreError `conflict` for a pid namespace that is dead. */
  exec(target: string, request: NamespaceCommand, streams?: ProcessStreams): Promise<JoinedCommand>;
}
