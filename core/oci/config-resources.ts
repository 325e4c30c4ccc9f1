// `linux.resources` of a config.json, which is also what `update` is given (config-linux.md,
// "Control groups").

import { type Field, shown } from "./config-field.ts";
import type {
  SpecBlockIO,
  SpecCpu,
  SpecDeviceRule,
  SpecMemory,
  SpecResources,
} from "./runtime-spec.ts";

/** The members that are given, each by how it is read. */
function members<T extends object>(
  field: Field,
  readers: { readonly [N in keyof T]-?: (f: Field) => T[N] },
): T {
  const found: Record<string, unknown> = {};
  for (const name of Object.keys(readers)) {
    const value = field
      .at(name)
      .optional((readers as Record<string, (f: Field) => unknown>)[name]!);
    if (value !== undefined) found[name] = value;
  }
  return found as T;
}

const integer = (f: Field): number => f.integer();
const size = (f: Field): number => f.integer(-1);
const amount = (f: Field): number => f.integer(0);
const flag = (f: Field): boolean => f.flag();

function cpuList(field: Field): string {
  const text = field.text();
  if (/^(\d+(-\d+)?)?(,\d+(-\d+)?)*$/.test(text)) return text;
  throw field.error(`is no list such as 0-3,7: ${shown(text)}`);
}

const memory = (field: Field): SpecMemory => {
  const given = members<SpecMemory>(field, {
    limit: size,
    reservation: size,
    swap: size,
    kernel: size,
    kernelTCP: size,
    swappiness: (f) => f.integer(0, 100),
    disableOOMKiller: flag,
    useHierarchy: flag,
    checkBeforeUpdate: flag,
  });
  const { limit = 0, swap = 0 } = given;
  if (limit > 0 && swap > 0 && swap < limit) {
    throw field.at("swap").error(`is memory and swap together, and less than the limit: ${swap}`);
  }
  return given;
};

const cpu = (field: Field): SpecCpu =>
  members<SpecCpu>(field, {
    shares: amount,
    quota: integer,
    burst: amount,
    period: amount,
    realtimeRuntime: integer,
    realtimePeriod: amount,
    cpus: cpuList,
    mems: cpuList,
    idle: (f) => f.integer(0, 1),
  });

const device = (field: Field) => ({
  major: field.at("major").integer(0),
  minor: field.at("minor").integer(0),
});
const weight = (f: Field): number => f.integer(0, 1000);
const throttled = (field: Field) =>
  field.list((one) => ({ ...device(one), rate: one.at("rate").integer(0) }));

const blockIO = (field: Field): SpecBlockIO =>
  members<SpecBlockIO>(field, {
    weight,
    leafWeight: weight,
    weightDevice: (list) =>
      list.list((one) => {
        const leafWeight = one.at("leafWeight").optional(weight);
        return {
          ...device(one),
          weight: one.at("weight").optional(weight) ?? 0,
          ...(leafWeight !== undefined && { leafWeight }),
        };
      }),
    throttleReadBpsDevice: throttled,
    throttleWriteBpsDevice: throttled,
    throttleReadIOPSDevice: throttled,
    throttleWriteIOPSDevice: throttled,
  });

function deviceRule(field: Field): SpecDeviceRule {
  const access = field.at("access").optional((f) => f.text()) ?? "rwm";
  if (!/^[rwm]+$/.test(access)) {
    throw field.at("access").error(`must be of r, w and m, not ${shown(access)}`);
  }
  const number = (name: string) => field.at(name).optional((f) => f.integer(-1));
  const [major, minor] = [number("major"), number("minor")];
  return {
    allow: field.at("allow").flag(),
    type: field.at("type").optional((f) => (f.value === "" ? "a" : f.word(["a", "c", "b"]))) ?? "a",
    ...(major !== undefined && { major }),
    ...(minor !== undefined && { minor }),
    access,
  };
}

function pageSize(field: Field): string {
  const text = field.text();
  const [, number = "", unit = ""] = /^([1-9]\d*)([KMG]B)$/.exec(text) ?? [];
  const power = Number(number);
  if (unit !== "" && (power & (power - 1)) === 0) return text;
  throw field.error(`is no size of huge pages such as 2MB or 1GB: ${shown(text)}`);
}

function unified(field: Field): Record<string, string> {
  for (const [name, file] of field.entries()) {
    if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/i.test(name)) throw file.error("is no file of a cgroup");
  }
  return field.record();
}

const networkPriorities = (field: Field) =>
  field.list((one) => ({
    name: one.at("name").text(),
    priority: one.at("priority").integer(0, 0xffff_ffff),
  }));

const handles = (field: Field) => {
  const number = (name: string) => field.at(name).optional((f) => f.integer(0, 0xffff_ffff));
  const [hcaHandles, hcaObjects] = [number("hcaHandles"), number("hcaObjects")];
  return {
    ...(hcaHandles !== undefined && { hcaHandles }),
    ...(hcaObjects !== undefined && { hcaObjects }),
  };
};

/** `linux.resources` (config-linux.md, "Control groups"). NacreError `invalid` with the field. */
export function readResources(field: Field): SpecResources {
  return members<SpecResources>(field, {
    memory,
    cpu,
    pids: (f) => ({ limit: f.at("limit").integer(-1) }),
    blockIO,
    devices: (f) => f.list(deviceRule),
    hugepageLimits: (f) =>
      f.list((one) => ({
        pageSize: pageSize(one.at("pageSize")),
        limit: one.at("limit").unsigned(),
      })),
    network: (f) => {
      const classID = f.at("classID").optional((id) => id.integer(0, 0xffff_ffff));
      const priorities = networkPriorities(f.at("priorities"));
      return { ...(classID !== undefined && { classID }), priorities };
    },
    rdma: (f) => Object.fromEntries(f.entries().map(([name, one]) => [name, handles(one)])),
    unified,
  });
}
