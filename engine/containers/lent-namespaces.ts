// Namespaces that a container takes from another one that runs.

import { NacreError } from "@nacre/core/error.ts";
import type { SpecNamespaceType } from "@nacre/core/oci/runtime-spec.ts";
import type { NetworkPlan } from "@nacre/core/ports/network-driver.ts";
import { lender } from "@nacre/core/program/namespace-plan.ts";
import type { NamespaceKind } from "@nacre/core/program/operation.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";

/** As the kernel calls them in /proc/PID/ns. */
const FILES: Partial<Record<SpecNamespaceType, string>> = { network: "net", mount: "mnt" };

/** What a command that is executed in a container joins. */
export const joinedKinds = (network: boolean, users: boolean): NamespaceKind[] => [
  ...(["pid", "mnt", "uts", "ipc", "cgroup"] as const),
  ...(network ? (["net"] as const) : []),
  ...(users ? (["user"] as const) : []),
];

export class LentNamespaces {
  readonly #find: (container: string) => ContainerRecord;
  readonly #plan: (network: string, containerId: string) => NetworkPlan;

  constructor(
    find: (container: string) => ContainerRecord,
    plan: (network: string, containerId: string) => NetworkPlan,
  ) {
    this.#find = find;
    this.#plan = plan;
  }

  /** NacreError `not-found`, or `conflict` where the other does not run. */
  readonly pathOf = (container: string, type: SpecNamespaceType): string => {
    const { process, name, status } = this.#find(container);
    if (process && (status === "running" || status === "paused")) {
      return `/proc/${process.pid}/ns/${FILES[type] ?? type}`;
    }
    throw new NacreError("conflict", `cannot join container ${name}: it is ${status}`, {
      advice: `Start it first: nacre start ${name}`,
    });
  };

  /** The network of a container; that of another one comes with its names, ready as it is. */
  network(wanted: string, containerId: string): NetworkPlan & { readonly path?: string } {
    const other = lender(wanted);
    if (other === undefined) return this.#plan(wanted, containerId);
    const { request, id } = this.#find(other);
    const theirs = this.network(request.network, id);
    return {
      ...{ ownNamespace: theirs.ownNamespace, host: [], child: [] },
      ...{ resolvConf: theirs.resolvConf, hosts: theirs.hosts },
      ...(theirs.ownNamespace && { path: theirs.path ?? this.pathOf(other, "network") }),
    };
  }

  /** The driver that `--network` needs; for `container:NAME` the other's. */
  driverOf(wanted: string): string {
    const other = lender(wanted);
    return other === undefined ? wanted : this.driverOf(this.#find(other).request.network);
  }
}
