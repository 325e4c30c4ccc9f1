// The device nodes of a container, and which devices it may open.

import { NacreError } from "../error.ts";
import type { SpecDevice, SpecDeviceRule } from "../oci/runtime-spec.ts";
import type { ContainerRequest, DeviceRequest } from "./request.ts";
import { type MachineFacts, parseDeviceRule } from "./resource-spec.ts";

const character = (path: string, major: number, minor: number, gid = 0): SpecDevice => ({
  ...{ type: "c", path, major, minor },
  ...{ fileMode: 0o666, uid: 0, gid },
});

const STANDARD_DEVICES: readonly SpecDevice[] = [
  character("/dev/null", 1, 3),
  character("/dev/zero", 1, 5),
  character("/dev/full", 1, 7),
  character("/dev/random", 1, 8),
  character("/dev/urandom", 1, 9),
  character("/dev/tty", 5, 0, 5),
];

const allow = (type: "c" | "b", major: number, minor: number, access = "rwm"): SpecDeviceRule => ({
  ...{ allow: true, type, major, minor, access },
});

/** Nothing but the standard devices, ptys and the making of nodes (which then cannot be opened). */
const STANDARD_RULES: readonly SpecDeviceRule[] = [
  { allow: false, type: "a", access: "rwm" },
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  ...STANDARD_DEVICES.map((d) => allow("c", d.major, d.minor)),
  allow("c", 5, 2),
  { allow: true, type: "c", major: 136, access: "rwm" },
];
const EVERY_DEVICE: readonly SpecDeviceRule[] = [{ allow: true, type: "a", access: "rwm" }];

/** Made by mounts of their own, or by the container itself. */
const NOT_OF_THE_MACHINE = new Set([
  ...STANDARD_DEVICES.map((d) => d.path),
  "/dev/ptmx",
  "/dev/console",
]);

function requested(device: DeviceRequest, machine: MachineFacts) {
  if (!/^[rwm]{1,3}$/.test(device.access)) {
    throw new NacreError("invalid", `invalid device mode: ${device.access}`, {
      advice: "A mode is made of r, w and m: read, write, make nodes.",
    });
  }
  const { major, minor, type = "character" } = machine.device(device.source);
  const letter = type === "block" ? "b" : "c";
  const node = { ...character(device.target, major, minor), type: letter } as const;
  return { node, rule: allow(letter, major, minor, device.access) };
}

/** The devices that were asked for one by one: of a directory, such as /dev/snd, all below it. */
export function singleDevices(
  { devices = [] }: Pick<ContainerRequest, "devices">,
  machine: MachineFacts,
): DeviceRequest[] {
  return devices.flatMap((device) => single(device, machine));
}

function single(device: DeviceRequest, machine: MachineFacts): readonly DeviceRequest[] {
  const { source, target, access } = device;
  const below = machine.devicesBelow(source);
  if (below === undefined) return [device];
  const top = source.replace(/\/+$/, "");
  const place = target.replace(/\/+$/, "");
  if (below.length > 0) {
    return below.map((path) => ({ source: path, target: place + path.slice(top.length), access }));
  }
  throw new NacreError("not-found", `there are no devices in the directory ${source}`, {
    advice: "Name a device node, or a directory of them such as /dev/snd or /dev/dri.",
  });
}

interface SpecDevices {
  readonly devices: readonly SpecDevice[];
  readonly rules: readonly SpecDeviceRule[];
  /** Nodes of the machine that are bound as they are. */
  readonly bound: readonly string[];
}

/**
 * `mapped`: with users of its own. A node that is made belongs to root of the container, who could
 * open every disk by it; where all devices are given, they stay the machine's.
 */
export function specDevices(
  request: ContainerRequest,
  machine: MachineFacts,
  mapped = false,
): SpecDevices {
  const rules = (request.resources.deviceRules ?? []).map(parseDeviceRule);
  const own = singleDevices(request, machine).map((device) => requested(device, machine));
  if (request.privileged) {
    const paths = machine.allDevices().filter((path) => !NOT_OF_THE_MACHINE.has(path));
    if (mapped) return { devices: STANDARD_DEVICES, rules: EVERY_DEVICE, bound: paths };
    const all = paths.map(
      (path) => requested({ source: path, target: path, access: "rwm" }, machine).node,
    );
    return { devices: [...STANDARD_DEVICES, ...all], rules: EVERY_DEVICE, bound: [] };
  }
  return {
    devices: [...STANDARD_DEVICES, ...own.map(({ node }) => node)],
    rules: [...STANDARD_RULES, ...own.map(({ rule }) => rule), ...rules],
    bound: [],
  };
}
