// What docker's options accept and refuse, as its client was seen to do (facts/options.json).

import facts from "./facts/options.json" with { type: "json" };

export interface Case {
  readonly input: string;
  readonly value?: unknown;
  readonly error?: string;
}

export interface RunCase {
  readonly args: readonly string[];
  readonly Config?: Readonly<Record<string, unknown>>;
  readonly HostConfig?: Readonly<Record<string, unknown>>;
  readonly error?: string;
}

type CaseName =
  | "attach"
  | "filter"
  | "cpus"
  | "duration"
  | "env"
  | "label"
  | "memoryBytes"
  | "memorySwap"
  | "throttleBps"
  | "throttleIops"
  | "weightDevice"
  | "device"
  | "ulimits"
  | "extraHost"
  | "dnsSearch"
  | "ipAddress"
  | "ramInBytes"
  | "fromHumanSize"
  | "mounts"
  | "volumes";

export function casesOf(name: CaseName): readonly Case[] {
  return facts[name] as readonly Case[];
}

export const RUN_CASES = facts.run as readonly RunCase[];
export const HUMAN_SIZES = facts.humanSize;

/** The value of `act`, or the message that it throws, in the shape of a case. */
export function outcomeOf(input: string, act: (input: string) => unknown): Case {
  try {
    return { input, value: act(input) };
  } catch (error) {
    return { input, error: error instanceof Error ? error.message : String(error) };
  }
}
