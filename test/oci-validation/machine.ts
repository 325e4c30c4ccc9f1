// What this machine can give at all, whichever runtime asks for it.

import { readFileSync } from "node:fs";
import { capabilityNames } from "@nacre/core/program/capabilities.ts";

/** Of a process of ours: nobody gives more. */
export function capabilitiesHere(): string[] {
  const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return [...capabilityNames(BigInt(`0x${mask}`))];
}
