// A block device and how much of it: `/dev/sda:200`, `/dev/sda:1mb`.

import type { ThrottleRequest } from "@nacre/core/program/request.ts";
import { FlagError } from "../flag-error.ts";
import { parseMemoryBytes } from "./bytes.ts";

const UINT64_LIMIT = 2 ** 64;

function split(text: string): { readonly path: string; readonly amount: string } {
  const at = text.lastIndexOf(":");
  if (at <= 0) throw new FlagError(`bad format: ${text}`);
  if (!text.startsWith("/dev/")) throw new FlagError(`bad format for device path: ${text}`);
  return { path: text.slice(0, at), amount: text.slice(at + 1) };
}

/** 10 to 1000. @throws FlagError */
export function parseDeviceWeight(text: string): { path: string; weight: number } {
  const { path, amount } = split(text);
  const weight = /^\d+$/.test(amount) ? Number(amount) : -1;
  if (weight < 10 || weight > 1000) throw new FlagError(`invalid weight for device: ${text}`);
  return { path, weight };
}

/** Bytes a second, with a unit. @throws FlagError */
export function parseByteRate(what: "readBps" | "writeBps"): (text: string) => ThrottleRequest {
  const format =
    "The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb";
  return (text) => {
    const { path, amount } = split(text);
    return { what, path, rate: positive(() => parseMemoryBytes(amount), text, format) };
  };
}

/** Operations a second. @throws FlagError */
export function parseOperationRate(
  what: "readIops" | "writeIops",
): (text: string) => ThrottleRequest {
  const format = "The correct format is <device-path>:<number>. Number must be a positive integer";
  return (text) => {
    const { path, amount } = split(text);
    const parse = () => (/^\d+$/.test(amount) ? Number(amount) : -1);
    return { what, path, rate: positive(parse, text, format) };
  };
}

function positive(parse: () => number, text: string, format: string): number {
  let rate = -1;
  try {
    rate = parse();
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
  }
  if (rate >= 0 && rate < UINT64_LIMIT) return rate;
  throw new FlagError(`invalid rate for device: ${text}. ${format}`);
}
