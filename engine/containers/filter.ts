// Which containers are meant, as docker's --filter has it: values of one key are alternatives,
// keys must all hold. Labels are the exception: every one of them must be there.

import { NacreError } from "@nacre/core/error.ts";
import { parsePortRange, portsIn } from "@nacre/core/oci/exposed-ports.ts";
import { shownHealth } from "@nacre/core/program/health-check.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";

import type { ContainerPruneOptions } from "../engine.ts";
import { allHold, checkFilterKeys, type Filters, hasLabel } from "../filters.ts";

/** Values by key, as in `--filter key=value`. */
export type ContainerFilters = Filters;

/** What a filter must know beside the container itself. */
export interface FilterContext {
  /** By ID, ID prefix or name. NacreError `not-found`. */
  readonly find: (container: string) => ContainerRecord;
  /** The image's ID and those it was built on, undefined if there is none of that name. */
  readonly imageId: (reference: string) => string | undefined;
  /** What a container says that it serves, `80/tcp`. */
  readonly exposed: (record: ContainerRecord) => readonly string[];
}

type Test = (record: ContainerRecord, value: string, context: FilterContext) => boolean;

/** As docker has them; a container that is being started is created. */
const STATUSES: readonly string[] = [
  "created",
  "restarting",
  "running",
  "removing",
  "paused",
  "exited",
  "dead",
];

/** A part of a word, or a regular expression; docker's names begin with a slash, ours do not. */
function matches(text: string, pattern: string): boolean {
  const bare = pattern.replace(/^(\^?)\//, "$1");
  if (text.includes(bare)) return true;
  try {
    return new RegExp(bare).test(text);
  } catch {
    return false;
  }
}

function ancestor({ request, imageId }: ContainerRecord, value: string, context: FilterContext) {
  if (request.image === value) return true;
  const wanted = context.imageId(value);
  return wanted !== undefined && wanted === imageId;
}

function exited({ status, exitCode }: ContainerRecord, value: string): boolean {
  if (!/^-?\d+$/.test(value)) throw invalid("exited", value, "an exit code is a whole number");
  return status === "exited" && exitCode === Number(value);
}

function hasStatus({ status }: ContainerRecord, value: string): boolean {
  if (!STATUSES.includes(value)) {
    throw invalid("status", value, `there are ${STATUSES.join(", ")}`);
  }
  return (status === "starting" ? "created" : status) === value;
}

function truth(key: string, value: string): boolean {
  if (["1", "t", "true"].includes(value.toLowerCase())) return true;
  if (["0", "f", "false"].includes(value.toLowerCase())) return false;
  throw invalid(key, value, "it is true or false");
}

const HEALTHS: readonly string[] = ["none", "starting", "healthy", "unhealthy"];

function hasHealth({ health, status }: ContainerRecord, value: string): boolean {
  if (!HEALTHS.includes(value)) throw invalid("health", value, `there are ${HEALTHS.join(", ")}`);
  return (shownHealth(status, health)?.status ?? "none") === value;
}

/** A volume's name or where it is mounted. */
function hasMount({ mounts }: ContainerRecord, value: string): boolean {
  return mounts.some(
    (m) =>
      m.target === value ||
      (m.type === "bind" && m.source === value) ||
      (m.type === "volume" && m.name === value),
  );
}

function portsOf(key: string, value: string): readonly string[] {
  const range = parsePortRange(value);
  if (range) return portsIn(range);
  throw invalid(key, value, "a port looks like 80, 53/udp or 8000-8010");
}

const TESTS: Readonly<Record<string, Test>> = {
  id: ({ id }, value) => id.startsWith(value) || matches(id, value),
  name: ({ name }, value) => matches(name, value),
  label: ({ request }, value) => hasLabel(request.labels, value),
  ancestor,
  exited,
  status: hasStatus,
  health: hasHealth,
  before: (record, value, { find }) => record.createdMs < find(value).createdMs,
  since: (record, value, { find }) => record.createdMs > find(value).createdMs,
  volume: hasMount,
  // Of other orchestrations and of another system: what every container here is.
  "is-task": (_, value) => !truth("is-task", value),
  isolation: (_, value) => value === "default" || value === "",
  expose: (record, value, { exposed }) => {
    const ports = new Set(exposed(record));
    return portsOf("expose", value).some((port) => ports.has(port));
  },
  // There is no network that a port could be published from.
  publish: () => false,
  network: ({ request }, value) => request.network === value,
};

/** What `prune` may ask of a container beside its age. @throws NacreError `invalid` */
export function checkPruneFilters({ filters = {} }: ContainerPruneOptions): void {
  checkFilterKeys(filters, ["label", "label!"], ["until"]);
}

export function isPrunable(
  { status, createdMs, request }: ContainerRecord,
  { untilMs, filters = {} }: ContainerPruneOptions,
): boolean {
  const { label = [], "label!": without = [] } = filters;
  return (
    ["exited", "created", "removing", "dead"].includes(status) &&
    (untilMs === undefined || createdMs < untilMs) &&
    label.every((wanted) => hasLabel(request.labels, wanted)) &&
    !without.some((unwanted) => hasLabel(request.labels, unwanted))
  );
}

/**
 * What is wrong with filters whatever containers there are.
 * @throws NacreError `invalid`; `not-found` for a container that others are held against
 */
export function checkFilters(filters: ContainerFilters, { find }: FilterContext): void {
  checkFilterKeys(filters, Object.keys(TESTS));
  const nobody = { status: "exited", exitCode: 0 } as ContainerRecord;
  const checks: Readonly<Record<string, (value: string) => unknown>> = {
    exited: (value) => exited(nobody, value),
    status: (value) => hasStatus(nobody, value),
    health: (value) => hasHealth(nobody, value),
    "is-task": (value) => truth("is-task", value),
    expose: (value) => portsOf("expose", value),
    publish: (value) => portsOf("publish", value),
    ...{ before: find, since: find },
  };
  for (const [key, values] of Object.entries(filters)) {
    for (const value of values) checks[key]?.(value);
  }
}

/** Of filters that were checked. */
export function isMeant(
  record: ContainerRecord,
  filters: ContainerFilters,
  context: FilterContext,
): boolean {
  const tests = Object.entries(TESTS).map(([key, test]) => [
    key,
    (value: string) => test(record, value, context),
  ]);
  return allHold(Object.fromEntries(tests), filters);
}

function invalid(key: string, value: string, why: string): NacreError {
  return new NacreError("invalid", `invalid filter '${key}=${value}': ${why}`);
}
