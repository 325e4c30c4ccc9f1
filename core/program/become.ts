// The last steps of a process before it is the program that it was started for: limits, user, powers.

import { NacreError } from "../error.ts";
import type { SpecProcess } from "../oci/runtime-spec.ts";
import { capabilityMask } from "./capabilities.ts";
import type { Operation } from "./operation.ts";

/** RLIMIT_* by name (setrlimit(2), asm-generic/resource.h). */
export const RLIMITS: readonly string[] = [
  "CPU",
  "FSIZE",
  "DATA",
  "STACK",
  "CORE",
  "RSS",
  "NPROC",
  "NOFILE",
  "MEMLOCK",
  "AS",
  "LOCKS",
  "SIGPENDING",
  "MSGQUEUE",
  "NICE",
  "RTPRIO",
  "RTTIME",
];

/** The last steps, the same for a container's first process and for one that joins it. */
export function becomeProcess(process: SpecProcess): Operation[] {
  const { user, capabilities } = process;
  const limits = (process.rlimits ?? []).map((limit): Operation => {
    const resource = RLIMITS.indexOf(limit.type.replace(/^RLIMIT_/, ""));
    if (resource < 0)
      throw new NacreError("invalid", `process.rlimits: unknown type ${limit.type}`);
    return { op: "setLimit", resource, soft: BigInt(limit.soft), hard: BigInt(limit.hard) };
  });
  const operations: Operation[] = [
    ...limits,
    { op: "changeDirectory", path: process.cwd, why: "where the process begins" },
    {
      op: "boundCapabilities",
      bounding: capabilityMask(capabilities.bounding),
      why: "powers that nothing in the container can ever regain",
    },
    {
      op: "setUser",
      uid: user.uid,
      gid: user.gid,
      groups: user.additionalGids,
      why: "who the process is",
    },
    {
      op: "setCapabilities",
      effective: capabilityMask(capabilities.effective),
      permitted: capabilityMask(capabilities.permitted),
      inheritable: capabilityMask(capabilities.inheritable),
      ambient: capabilityMask(capabilities.ambient),
      why: "the powers it keeps",
    },
  ];
  if (user.umask !== undefined) operations.push({ op: "setUmask", mask: user.umask });
  if (process.noNewPrivileges) {
    operations.push({ op: "noNewPrivileges", why: "setuid programs give it nothing" });
  }
  operations.push({
    op: "execute",
    arguments: process.args,
    environment: process.env,
    why: "the program takes the place of nacre-init in the child",
  });
  return operations;
}

export function terminalOperations(process: SpecProcess): Operation[] {
  if (!process.terminal) return [];
  return [
    {
      op: "openTerminal",
      rows: process.consoleSize?.height ?? 0,
      columns: process.consoleSize?.width ?? 0,
      why: "a terminal of the container's own devpts becomes its standard streams",
    },
  ];
}
