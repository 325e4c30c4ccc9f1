// Whether a machine can run containers, or why not, and what of a container's limits it cannot hold.

import { NacreError } from "@nacre/core/error.ts";
import { kernelAtLeast, MINIMUM_KERNEL } from "@nacre/core/kernel-release.ts";
import type { KernelFacts } from "@nacre/core/ports/kernel.ts";
import { joinedHierarchies, type MountedHierarchy } from "@nacre/core/program/cgroup-plan.ts";
import type { ContainerRequest, ResourceRequest } from "@nacre/core/program/request.ts";
import { withoutV1, withoutV2 } from "@nacre/core/program/resource-spec.ts";

/** @throws NacreError `denied`, `unsupported` */
export function mustBeAble(facts: KernelFacts): void {
  if (!facts.privileged) throw denied(facts);
  if (!kernelAtLeast(facts.release, MINIMUM_KERNEL)) {
    throw new NacreError(
      "unsupported",
      `kernel ${facts.release} is too old: containers need Linux ${MINIMUM_KERNEL} or newer`,
      { advice: "A newer kernel is needed; --backend simulated works with any." },
    );
  }
  if (!facts.overlay) {
    throw new NacreError("unsupported", `kernel ${facts.release} has no overlay file system`, {
      advice: "Load the module: modprobe overlay.",
    });
  }
}

function denied({ refusal, userNamespace }: KernelFacts): NacreError {
  if (refusal !== undefined) {
    return new NacreError("denied", `this user gets no user namespace (${refusal})`, {
      advice:
        "Look at sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns (docs/ROOTLESS.md), or run the command as root.",
    });
  }
  if (userNamespace) {
    return new NacreError("denied", "this user namespace lacks powers that containers need", {
      advice: "Start nacre outside of it.",
    });
  }
  return new NacreError("denied", "containers need root, or a user namespace, on this machine", {
    advice:
      "The nacre command makes one; a program of your own gets one by 'nacre unshare PROGRAM'. What works without: --backend simulated, explain, images.",
  });
}

/** Whoever names a cgroup wants the container there, and nowhere else. @throws NacreError `unsupported` */
export function mustHaveParent(
  { cgroupParent }: Pick<ContainerRequest, "cgroupParent">,
  hierarchies: readonly MountedHierarchy[],
  { userNamespace }: KernelFacts,
): void {
  if (!cgroupParent || joinedHierarchies(hierarchies).length > 0) return;
  const why = userNamespace ? "no cgroup is delegated to this user" : "no cgroups are mounted here";
  throw new NacreError("unsupported", `--cgroup-parent ${cgroupParent}: ${why}`, {
    advice: `${userNamespace ? "docs/ROOTLESS.md says how one is. " : ""}Without the option the container has none.`,
  });
}

/** Options that want a controller, by the controller. */
const WANTS: Readonly<Record<string, readonly (keyof ResourceRequest)[]>> = {
  memory: [
    ...(["memoryBytes", "memoryReservationBytes", "memorySwapBytes"] as const),
    ...(["memorySwappiness", "oomKillDisable"] as const),
  ],
  cpu: ["nanoCpus", "cpuShares", "cpuPeriodUs", "cpuQuotaUs"],
  cpuset: ["cpusetCpus", "cpusetMems"],
  pids: ["pids"],
  "block I/O": ["blkioWeight", "blkioWeightDevices", "throttles"],
  devices: ["deviceRules"],
};
/** Whose name is another one than that of what they limit; no user guards devices, whatever is delegated. */
const CONTROLLERS: Readonly<Record<string, readonly string[]>> = {
  "block I/O": ["blkio", "io"],
  devices: [],
};

/** What is said of limits that are not written, for there is no file for them here. */
export function leftOutLimits(
  resources: ResourceRequest,
  hierarchies: readonly MountedHierarchy[],
  { userNamespace }: KernelFacts,
): string | undefined {
  if (userNamespace) return notDelegated(resources, hierarchies);
  const version = hierarchies.some((h) => h.version === 1) ? 1 : 2;
  const names = version === 1 ? withoutV1(resources) : withoutV2(resources);
  return names.length === 0
    ? undefined
    : `cgroup v${version} knows no ${names.join(" and no ")}: left out`;
}

function notDelegated(
  resources: ResourceRequest,
  hierarchies: readonly MountedHierarchy[],
): string | undefined {
  const joined = joinedHierarchies(hierarchies);
  const there = new Set(joined.flatMap(({ controllers }) => controllers));
  const isAsked = (name: keyof ResourceRequest): boolean => {
    const value = resources[name];
    return value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
  };
  const has = (what: string): boolean =>
    (CONTROLLERS[what] ?? [what]).some((controller) => there.has(controller));
  const missing = Object.entries(WANTS).flatMap(([what, names]) =>
    !has(what) && names.some(isAsked) ? [what] : [],
  );
  if (missing.length === 0) return undefined;
  return `limits of ${missing.join(", ")} are ignored: no such cgroup is delegated to this user (docs/ROOTLESS.md says how one is)`;
}
