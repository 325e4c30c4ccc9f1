// Devices that a container gets, `/dev/sda[:/dev/xvda[:rwm]]`.

import type { DeviceRequest } from "@nacre/core/program/request.ts";
import { FlagError } from "../flag-error.ts";

const isMode = (text: string): boolean =>
  /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;

/** @throws FlagError */
export function parseDevice(text: string): DeviceRequest {
  if (/^[\w.-]+\/[\w.-]+=/.test(text)) {
    throw new FlagError(`${text} names a CDI device, which is not supported: name a device node`);
  }
  const parts = text.split(":");
  const [source = "", second, third] = parts;
  if (parts.length > 3 || source === "") throw new FlagError(`bad format for path: ${text}`);
  if (!source.startsWith("/")) throw new FlagError(`${source} is not an absolute path`);
  if (second === undefined) return { source, target: source, access: "rwm" };
  if (third === undefined && isMode(second)) return { source, target: source, access: second };
  if (!second.startsWith("/")) throw new FlagError(`${second} is not an absolute path`);
  if (third !== undefined && !isMode(third)) throw new FlagError(`bad mode specified: ${third}`);
  return { source, target: second, access: third ?? "rwm" };
}
