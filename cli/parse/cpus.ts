// CPUs as a rational number: `1.5`, `.5`, `1e1`, `1/2`. Read exactly, never through a float: nine
// digits after the point are what the kernel's quota can tell apart.

import { FlagError } from "../flag-error.ts";

const BILLION = 1_000_000_000n;

/** Billionths of a CPU; may be negative, as docker's own parser has it. @throws FlagError */
export function parseNanoCpus(text: string): number {
  const { numerator, denominator } = parseRational(text);
  const scaled = numerator * BILLION;
  if (scaled % denominator !== 0n) throw new FlagError("value is too precise");
  return Number(scaled / denominator);
}

/** The same for `--cpus`, which takes 0 for "no limit" and nothing below. */
export function parseCpuLimit(text: string): number {
  const nano = parseNanoCpus(text);
  if (nano < 0) throw new FlagError("the number of CPUs must not be negative");
  return nano;
}

function parseRational(text: string): { numerator: bigint; denominator: bigint } {
  const fraction = /^([+-]?)(\d+)\/(\d+)$/.exec(text);
  if (fraction && BigInt(fraction[3]!) !== 0n) {
    const numerator = BigInt(fraction[2]!);
    return {
      numerator: fraction[1] === "-" ? -numerator : numerator,
      denominator: BigInt(fraction[3]!),
    };
  }
  const decimal = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,3}))?$/i.exec(text);
  const digits = (decimal?.[2] ?? "") + (decimal?.[3] ?? "");
  if (!decimal || digits === "") {
    throw new FlagError(`failed to parse ${text} as a rational number`);
  }
  const exponent = Number(decimal[4] ?? 0) - (decimal[3] ?? "").length;
  const magnitude = BigInt(digits) * 10n ** BigInt(Math.max(exponent, 0));
  return {
    numerator: decimal[1] === "-" ? -magnitude : magnitude,
    denominator: 10n ** BigInt(Math.max(-exponent, 0)),
  };
}
