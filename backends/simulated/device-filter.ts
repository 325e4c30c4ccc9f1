// Filters of devices at nodes of cgroup version 2: programs that are asked at open(2) and mknod(2),
// those of the process's own node and of all above it, and all must say yes.
// Source: Linux, kernel/bpf/cgroup.c, __cgroup_bpf_check_dev_permission.

import { BpfProgram } from "./bpf.ts";
import type { CgroupNode } from "./cgroup-node.ts";
import type { CssSet } from "./cgroups.ts";
import { because } from "./errno.ts";
import type { DeviceNumber } from "./inode.ts";

/** The type and what is asked for, the device's numbers: struct bpf_cgroup_dev_ctx. */
const CONTEXT_NUMBERS = 3;
const ACCESS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };

const filters = new WeakMap<CgroupNode, BpfProgram>();

/** BPF_PROG_LOAD. */
export const loadDeviceFilter = (bytes: Uint8Array): BpfProgram =>
  because("bpf(BPF_PROG_LOAD)", () => new BpfProgram(bytes, CONTEXT_NUMBERS));

/** BPF_PROG_ATTACH, in place of one that is there. */
export function attachFilter(node: CgroupNode, program: BpfProgram): void {
  filters.set(node, program);
}

/** Whether the filters above a process let it do this with a device. */
export function filtersAllow(
  set: CssSet,
  kind: "character" | "block",
  { major, minor }: DeviceNumber,
  access: string,
): boolean {
  const own = [...set.nodes.values()].find((node) => node.hierarchy.version === 2);
  if (!own) return true;
  const bits = [...access].reduce((sum, letter) => sum | (ACCESS[letter] ?? 0), 0);
  const asked = [(bits << 16) | (kind === "character" ? 2 : 1), major, minor];
  return [...own.lineage()].every((node) => filters.get(node)?.run(asked) !== 0);
}
