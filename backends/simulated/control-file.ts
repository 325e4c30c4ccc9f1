// A file of a cgroup directory: where it is, what it shows, and what writing into it does. Each
// controller has a table of them in controllers/; cgroupfs.ts makes inodes of the tables.

import type { CgroupNode, Hierarchy } from "./cgroup-node.ts";
import type { Controller } from "./cgroups.ts";
import { flag } from "./control-value.ts";
import type { Resources } from "./resources.ts";

/** What control files need of the machine. */
export interface ControlContext {
  readonly resources: Resources;
  /** Number of its CPUs. */
  readonly cpus: number;
  /** PIDs as the reading process counts; those that it cannot see are left out. */
  pidsOf(node: CgroupNode): number[];
  /** The root of a hierarchy in the cgroup namespace of whoever asks. */
  rootOf(hierarchy: Hierarchy): CgroupNode;
  /** Moves the process that the writing one calls `pid`; 0 is itself. ESRCH if there is none. */
  move(pid: number, node: CgroupNode): void;
  /** SIGKILL to all processes here and below. */
  kill(node: CgroupNode): void;
  /** After a node, and with it what is below, was frozen or thawed. */
  frozen(node: CgroupNode): void;
  /** Whether the writing process is in the initial cgroup namespace. */
  inInitialNamespace(): boolean;
  /** EPERM where the writing process is no administrator. */
  requireAdministrator(): void;
}

export interface ControlFile {
  readonly name: string;
  /** Absent: part of every node. */
  readonly controller?: Controller;
  readonly version: 1 | 2;
  /** `root`: only there; `below`: everywhere else; absent: everywhere. */
  readonly place?: "root" | "below";
  readonly read?: (node: CgroupNode, context: ControlContext) => string;
  readonly write?: (node: CgroupNode, text: string, context: ControlContext) => void;
}

type Content = Omit<ControlFile, "name" | "controller" | "version">;

/** One controller's files of one version. */
export const filesOf = (
  version: 1 | 2,
  controller: Controller | undefined,
  files: Readonly<Record<string, Content>>,
): ControlFile[] =>
  Object.entries(files).map(([name, content]) => ({
    name,
    version,
    ...(controller && { controller }),
    ...content,
  }));

export const constant = (text: string): Content => ({ read: () => `${text}\n` });

/** A file that keeps what `parse` makes of the text and does nothing else. */
export function kept(
  name: string,
  initial: string,
  parse: (text: string, node: CgroupNode) => string,
): Content {
  return {
    read: (node) => `${node.values.get(name) ?? initial}\n`,
    write: (node, text) => {
      node.values.set(name, parse(text, node));
    },
  };
}

/** A number of which only counts whether it is 0. */
export const switched = (name: string, initial: "0" | "1" = "0"): Content =>
  kept(name, initial, flag);

/** A number that a file shows. */
export const shown = (
  number: (node: CgroupNode, context: ControlContext) => number | string,
): Content => ({
  read: (node, context) => `${number(node, context)}\n`,
});

/** `key value` lines. */
export const lines = (entries: Readonly<Record<string, number | string>>): string =>
  Object.entries(entries)
    .map(([key, value]) => `${key} ${value}\n`)
    .join("");
