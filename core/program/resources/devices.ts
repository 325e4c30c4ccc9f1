// Which device nodes may be opened. v1 has a list that rules change in order; v2 has a program in
// the kernel's own machine code for it.
// Source: Linux, Documentation/admin-guide/cgroup-v1/devices.rst.

import type { SpecDeviceRule, SpecResources } from "../../oci/runtime-spec.ts";
import type { CgroupWrite, ControllerWrites } from "./write.ts";

function line(rule: SpecDeviceRule): string {
  if (!rule.type || rule.type === "a") return "a *:* rwm";
  const number = (n: number | undefined): string => (n === undefined || n < 0 ? "*" : String(n));
  return `${rule.type} ${number(rule.major)}:${number(rule.minor)} ${rule.access}`;
}

function v1({ devices = [] }: SpecResources): CgroupWrite[] {
  return devices.map((rule) => ({
    controller: "devices",
    file: rule.allow ? "devices.allow" : "devices.deny",
    data: line(rule),
    why: rule.allow
      ? "a device that it may open"
      : "so that it can open no device of the machine but these",
  }));
}

export const devices: ControllerWrites = { v1, v2: () => [] };
