// Devices that a running container may open, changed while it runs. On v2 one program takes the
// place of another in one step. On v1 there is a list: what is not allowed any more is taken out
// of it, and what is allowed put in; a device that is in both lists is never refused in between.

import type { SpecDeviceRule } from "@nacre/core/oci/runtime-spec.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import type { MountedHierarchy } from "@nacre/core/program/cgroup-plan.ts";
import { deviceFilter } from "@nacre/core/program/device-filter.ts";
import type { ContainerRequest, ResourceRequest } from "@nacre/core/program/request.ts";
import type { MachineFacts } from "@nacre/core/program/resource-spec.ts";
import { resourceWrites } from "@nacre/core/program/resources/all.ts";
import { specDevices } from "@nacre/core/program/spec-devices.ts";

type Rules = readonly SpecDeviceRule[];

/** The writes that make one list of v1 another. */
function listChange(before: Rules, after: Rules): { file: string; data: string }[] {
  const lines = (rules: Rules): Set<string> =>
    new Set(
      resourceWrites(1, { devices: rules })
        .filter(({ file }) => file === "devices.allow")
        .map(({ data }) => data),
    );
  const [old, wanted] = [lines(before), lines(after)];
  const gone = [...old].filter((line) => !wanted.has(line));
  return [
    ...gone.map((data) => ({ file: "devices.deny", data })),
    // All of them: what was taken out may have been a part of one.
    ...[...wanted].map((data) => ({ file: "devices.allow", data })),
  ];
}

/** @throws NacreError as the kernel refuses it; then all is as it was */
export async function changeDeviceRules(
  host: { readonly kernel: Kernel; readonly files: Files; readonly machine: MachineFacts },
  hierarchies: readonly MountedHierarchy[],
  path: string,
  request: ContainerRequest,
  resources: ResourceRequest,
): Promise<void> {
  const before = specDevices(request, host.machine).rules;
  const after = specDevices({ ...request, resources }, host.machine).rules;
  const listed = hierarchies.find((h) => h.version === 1 && h.controllers.includes("devices"));
  if (listed) {
    const node = `${listed.mountpoint}${path}`;
    for (const { file, data } of listChange(before, after)) {
      host.files.control(`${node}/${file}`, data);
    }
    return;
  }
  const unified = hierarchies.find(({ version }) => version === 2);
  if (!unified) return;
  await host.kernel.perform({
    title: "change the devices of a container",
    host: [
      {
        op: "attachDeviceFilter",
        path: `${unified.mountpoint}${path}`,
        instructions: deviceFilter(after),
        before: deviceFilter(before),
        why: "so that it can open other devices from now on",
      },
    ],
  });
}
