// Reads profiles and the `linux.seccomp` object, and refuses what they cannot mean by the name of
// the field.

import { NacreError } from "../error.ts";
import { shown } from "../oci/config-field.ts";
import { ACTIONS, MAX_ERRNO } from "./actions.ts";
import { ARCHITECTURE_NAMES } from "./architectures.ts";
import { callNames } from "./numbers.ts";
import type {
  ConditionalRule,
  Seccomp,
  SeccompArgument,
  SeccompCondition,
  SeccompProfile,
} from "./profile.ts";

export interface ReadOptions {
  /** What the object is called in errors: `linux.seccomp`, a file's name. */
  readonly name: string;
  /** A rule names a call that no architecture has: `field` says where. */
  readonly unknownCall: (field: string, call: string) => void;
}

type Fields = Readonly<Record<string, unknown>>;

const OPERATORS = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"].map((o) => `SCMP_CMP_${o}`);
const FLAGS = ["TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV"].map(
  (flag) => `SECCOMP_FILTER_FLAG_${flag}`,
);
const MOST = (1n << 64n) - 1n;

function refuse(field: string, why: string): never {
  throw new NacreError("invalid", `seccomp: ${field} ${why}`);
}

function object(value: unknown, field: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    refuse(field, "is not an object");
  }
  return value as Fields;
}

/** Go's marshallers write `null` for an empty list. */
function list(value: unknown, field: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : refuse(field, "is not a list");
}

function text(value: unknown, field: string): string {
  return typeof value === "string" ? value : refuse(field, `is not a string: ${shown(value)}`);
}

function oneOf<T extends string>(value: unknown, known: Iterable<string>, field: string): T {
  const names = [...known];
  if (typeof value === "string" && names.includes(value)) return value as T;
  return refuse(field, `is ${shown(value)}; known are ${names.join(", ")}`);
}

function unsigned(value: unknown, field: string, most: bigint): bigint {
  const whole = typeof value === "bigint" || Number.isSafeInteger(value);
  if (!whole || BigInt(value as number) < 0n || BigInt(value as number) > most) {
    refuse(field, `is ${shown(value)}: a whole number from 0 to ${most} is meant`);
  }
  return BigInt(value as number);
}

const errno = (value: unknown, field: string): number | undefined =>
  value === undefined || value === null
    ? undefined
    : Number(unsigned(value, field, BigInt(MAX_ERRNO)));

function readArgument(value: unknown, field: string): SeccompArgument {
  const { index, value: compared, valueTwo, op } = object(value, field);
  return {
    index: Number(unsigned(index, `${field}.index`, 5n)),
    value: unsigned(compared ?? 0, `${field}.value`, MOST),
    valueTwo: unsigned(valueTwo ?? 0, `${field}.valueTwo`, MOST),
    op: oneOf(op, OPERATORS, `${field}.op`),
  };
}

function readCondition(value: unknown, field: string): SeccompCondition {
  const { caps, arches, minKernel } = object(value, field);
  const texts = (all: unknown, name: string): string[] =>
    list(all, `${field}.${name}`).map((one, i) => text(one, `${field}.${name}[${i}]`));
  if (minKernel !== undefined && !/^\d+\.\d+$/.test(text(minKernel, `${field}.minKernel`))) {
    refuse(`${field}.minKernel`, `is ${shown(minKernel)}: a release such as 4.8 is meant`);
  }
  return {
    caps: texts(caps, "caps"),
    arches: texts(arches, "arches"),
    ...(minKernel !== undefined && { minKernel: minKernel as string }),
  };
}

function readNames(rule: Fields, field: string, known: ReadonlySet<string>, o: ReadOptions) {
  const { name, names } = rule;
  const many = list(names, `${field}.names`);
  if (name !== undefined && many.length > 0) refuse(field, "has both name and names");
  const all = name === undefined ? many : [name];
  if (all.length === 0) refuse(`${field}.names`, "is empty: at least one call must be named");
  return all.map((one, i) => {
    const at = name === undefined ? `${field}.names[${i}]` : `${field}.name`;
    const call = text(one, at);
    if (!known.has(call)) o.unknownCall(at, call);
    return call;
  });
}

function readRule(value: unknown, field: string, known: ReadonlySet<string>, o: ReadOptions) {
  const rule = object(value, field);
  const number = errno(rule.errnoRet, `${field}.errnoRet`);
  const made: ConditionalRule = {
    names: readNames(rule, field, known, o),
    action: oneOf(rule.action, ACTIONS, `${field}.action`),
    ...(number !== undefined && { errnoRet: number }),
    args: list(rule.args, `${field}.args`).map((one, i) =>
      readArgument(one, `${field}.args[${i}]`),
    ),
    ...(rule.includes ? { includes: readCondition(rule.includes, `${field}.includes`) } : {}),
    ...(rule.excludes ? { excludes: readCondition(rule.excludes, `${field}.excludes`) } : {}),
  };
  return made;
}

function architectures(value: unknown, field: string): string[] {
  return list(value, field).map((one, i) => oneOf(one, ARCHITECTURE_NAMES, `${field}[${i}]`));
}

function readArchMap(value: unknown, field: string): NonNullable<SeccompProfile["archMap"]> {
  return list(value, field).map((one, i) => {
    const { architecture, subArchitectures } = object(one, `${field}[${i}]`);
    return {
      architecture: oneOf(architecture, ARCHITECTURE_NAMES, `${field}[${i}].architecture`),
      subArchitectures: architectures(subArchitectures, `${field}[${i}].subArchitectures`),
    };
  });
}

/** Who is to decide must be named, and nobody is named for nothing. */
function readListener(value: Fields, asks: boolean, name: string) {
  const given = (field: "listenerPath" | "listenerMetadata") =>
    text(value[field] ?? "", `${name}.${field}`);
  const [listenerPath, listenerMetadata] = [given("listenerPath"), given("listenerMetadata")];
  if (asks && !listenerPath) refuse(`${name}.listenerPath`, "is missing: SCMP_ACT_NOTIFY needs it");
  if (!listenerPath && listenerMetadata) {
    refuse(`${name}.listenerMetadata`, "is set without listenerPath");
  }
  if (!asks || !listenerPath) return {};
  return { listenerPath, listenerMetadata };
}

/** A profile that was parsed as JSON. @throws NacreError `invalid` that names the field */
export function readProfile(value: unknown, options: ReadOptions): SeccompProfile {
  const { name } = options;
  const profile = object(value, name);
  const known = callNames();
  const defaultAction = oneOf<Seccomp["defaultAction"]>(
    profile.defaultAction,
    ACTIONS,
    `${name}.defaultAction`,
  );
  if (defaultAction === "SCMP_ACT_NOTIFY") {
    refuse(`${name}.defaultAction`, "is SCMP_ACT_NOTIFY: nobody could execute a program to answer");
  }
  const number = errno(profile.defaultErrnoRet, `${name}.defaultErrnoRet`);
  const syscalls = list(profile.syscalls, `${name}.syscalls`).map((rule, i) =>
    readRule(rule, `${name}.syscalls[${i}]`, known, options),
  );
  const asks = syscalls.some(({ action }) => action === "SCMP_ACT_NOTIFY");
  const maps = readArchMap(profile.archMap, `${name}.archMap`);
  const named = architectures(profile.architectures, `${name}.architectures`);
  if (maps.length > 0 && named.length > 0) refuse(name, "has both architectures and archMap");
  return {
    defaultAction,
    ...(number !== undefined && { defaultErrnoRet: number }),
    architectures: named,
    ...(maps.length > 0 && { archMap: maps }),
    flags: list(profile.flags, `${name}.flags`).map((f, i) =>
      oneOf(f, FLAGS, `${name}.flags[${i}]`),
    ),
    ...readListener(profile, asks, name),
    syscalls,
  };
}

/** JSON whose numbers keep their 64 bits. */
export function parseProfile(json: string, options: ReadOptions): SeccompProfile {
  const whole = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^\d+$/.test(context?.source ?? "")
      ? BigInt(context!.source!)
      : value;
  let value: unknown;
  try {
    value = JSON.parse(json, whole);
  } catch (cause) {
    refuse(options.name, `is not JSON: ${(cause as Error).message}`);
  }
  return readProfile(value, options);
}
