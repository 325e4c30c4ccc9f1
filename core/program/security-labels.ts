// Labels by which AppArmor and SELinux confine a process, where the machine has them.

import { NacreError } from "../error.ts";
import type { SpecProcess } from "../oci/runtime-spec.ts";
import type { ContainerRequest } from "./request.ts";
import type { MachineFacts } from "./resource-spec.ts";

type Asked = Pick<ContainerRequest, "apparmor" | "securityLabel" | "privileged">;
type Labels = Pick<SpecProcess, "apparmorProfile" | "selinuxLabel">;

/** The type that policies have for containers, and a level without categories. */
const USUAL = { user: "system_u", role: "system_r", type: "container_t", level: "s0" };
const PARTS = Object.keys(USUAL) as (keyof typeof USUAL)[];

function demand(
  module: "apparmor" | "selinux",
  option: string,
  { securityModules }: Pick<MachineFacts, "securityModules">,
): void {
  if (securityModules?.().includes(module)) return;
  const name = module === "apparmor" ? "AppArmor" : "SELinux";
  throw new NacreError("unsupported", `--security-opt ${option}: this machine has no ${name}`, {
    advice: "Leave the option out: nothing here would enforce it.",
  });
}

function selinuxLabel(asked: readonly string[]): string {
  const label = { ...USUAL };
  for (const word of asked) {
    const at = word.indexOf(":");
    const part = PARTS.find((name) => name === word.slice(0, at));
    if (!part || at + 1 === word.length) {
      throw new NacreError("invalid", `--security-opt label=${word}: no such part of a label`, {
        advice: "There are disable, user:USER, role:ROLE, type:TYPE, level:LEVEL.",
      });
    }
    label[part] = word.slice(at + 1);
  }
  return PARTS.map((part) => label[part]).join(":");
}

/**
 * The labels that were asked for; none by default, and none for a privileged container.
 * @throws NacreError `unsupported` where the machine would not enforce one
 */
export function securityLabels(
  { apparmor, securityLabel = [], privileged }: Asked,
  machine: Pick<MachineFacts, "securityModules">,
): Labels {
  const confined = apparmor !== undefined && apparmor !== "unconfined";
  if (confined) demand("apparmor", `apparmor=${apparmor}`, machine);
  const parts = securityLabel.filter((word) => word !== "disable");
  const labelled = parts.length > 0 && parts.length === securityLabel.length;
  const label = parts.length > 0 ? selinuxLabel(parts) : undefined;
  if (labelled) demand("selinux", `label=${parts[0]}`, machine);
  if (privileged) return {};
  return {
    ...(confined && { apparmorProfile: apparmor }),
    ...(labelled && label && { selinuxLabel: label }),
  };
}
