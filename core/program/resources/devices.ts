// Which device nodes may be opened. v1 has a list that rules change in order; v2 has no file, but a
// program in the kernel's own machine code (device-filter.ts).
// Source: Linux, Documentation/admin-guide/cgroup-v1/devices.rst.

import type { SpecDeviceRule, SpecResources } from "../../oci/runtime-spec.ts";
import type { CgroupWrite, ControllerWrites } from "./write.ts";

/** The kernel takes `a` for everything, whatever stands behind it: what is less is said of b and of c. */
function deviceLines({ type = "a", major, minor, access }: SpecDeviceRule): string[] {
  const number = (n: number | undefined): string => (n === undefined || n < 0 ? "*" : String(n));
  const rest = `${number(major)}:${number(minor)} ${access}`;
  const everything = /^\*:\* (?=.*r)(?=.*w)(?=.*m)/.test(rest);
  if (type === "a" && everything) return ["a *:* rwm"];
  return (type === "a" ? ["b", "c"] : [type]).map((each) => `${each} ${rest}`);
}

function v1({ devices = [] }: SpecResources): CgroupWrite[] {
  return devices.flatMap((rule) =>
    deviceLines(rule).map((data) => ({
      controller: "devices",
      file: rule.allow ? "devices.allow" : "devices.deny",
      data,
      why: rule.allow
        ? "a device that it may open"
        : "so that it can open no device of the machine but these",
    })),
  );
}

export const devices: ControllerWrites = { v1, v2: () => [] };
