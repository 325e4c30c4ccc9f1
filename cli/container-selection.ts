// Options by which containers are chosen that nobody named, as podman has them: all, the one that
// was made last, those of a filter, those whose ID stands in a file.

import { NacreError } from "@nacre/core/error.ts";
import type { ContainerRecord, ContainerStatus } from "@nacre/core/state/records.ts";
import type { Engine } from "@nacre/engine/engine.ts";
import { FlagError } from "./flag-error.ts";
import type { Host } from "./host.ts";
import { flag, list } from "./options.ts";
import { type Filter, filterOption, filtersOf, longFilterOption } from "./parse/filter.ts";

const FILTER_HELP = "Those for which it holds, as ps has them, such as label=ci";

const ALL_HELP = "All that it can be done to";

export const ALL = flag(["all", "a"], ALL_HELP);
/** Where -a is another option. */
export const LONG_ALL = flag(["all"], ALL_HELP);
export const LATEST = flag(["latest", "l"], "The container that was made last");
export const FILTER = filterOption(FILTER_HELP);
/** Where -f is another option. */
export const LONG_FILTER = longFilterOption(FILTER_HELP);
export const CIDFILE = list(
  ["cidfile"],
  "file",
  "The one whose ID this file holds",
  String,
  "files",
);
export const IGNORE = flag(["ignore", "i"], "Say nothing of those that are not there");

export interface Selection {
  readonly all?: boolean;
  readonly latest?: boolean;
  readonly filter?: readonly Filter[];
  readonly cidfile?: readonly string[];
}

/** Whether containers are chosen by options, so that none has to be named. */
export const isSelected = ({ all, latest, filter, cidfile }: Selection): boolean =>
  Boolean(all || latest || filter?.length || cidfile?.length);

/**
 * The containers that are meant: those that are named, or those that options choose. With `all` and
 * by a filter only those are meant that are in one of `states`, absent: in any.
 * @throws FlagError for two ways at once; NacreError `not-found` where there is no latest
 */
export function selected(
  selection: Selection,
  operands: readonly string[],
  { containers }: Pick<Engine, "containers">,
  host: Pick<Host, "readText">,
  states?: readonly ContainerStatus[],
): readonly string[] {
  const { all, latest, filter = [], cidfile = [] } = selection;
  checkWays(selection, operands);
  const idOf = ({ id }: ContainerRecord): string => id;
  if (latest) return [idOf(newest(containers))];
  if (!all && filter.length === 0) return [...operands, ...cidfile.map((path) => idIn(path, host))];
  const meant = containers.list({ all: true, filters: filtersOf(filter) });
  return meant.filter(({ status }) => states?.includes(status) ?? true).map(idOf);
}

function checkWays(selection: Selection, operands: readonly string[]): void {
  const { all, latest, filter = [], cidfile = [] } = selection;
  const ways = [
    ...(all ? ["--all"] : []),
    ...(latest ? ["--latest"] : []),
    ...(filter.length > 0 && !all ? ["--filter"] : []),
    ...(cidfile.length > 0 ? ["--cidfile"] : []),
    ...(operands.length > 0 ? ["names of containers"] : []),
  ];
  const [first, second] = ways;
  const both = first === "--cidfile" && second === "names of containers";
  if (second !== undefined && !both) {
    throw new FlagError(`${first} and ${second} cannot be used together: choose one way`);
  }
}

function newest(containers: Engine["containers"]): ContainerRecord {
  const [found] = containers.list({ all: true, last: 1 });
  if (found) return found;
  throw new NacreError("not-found", "--latest: there is no container");
}

/** What --latest stands before, where a command takes one container and more. */
export function withLatest(
  latest: boolean,
  operands: readonly string[],
  { containers }: Pick<Engine, "containers">,
): readonly string[] {
  return latest ? [newest(containers).id, ...operands] : operands;
}

/** Does it; false if the container is not there and that is to be `ignored`. */
export async function unlessMissing(
  ignored: boolean,
  act: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (ignored && error instanceof NacreError && error.kind === "not-found") return false;
    throw error;
  }
}

function idIn(path: string, host: Pick<Host, "readText">): string {
  let text: string;
  try {
    text = host.readText(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    throw new FlagError(
      `--cidfile ${path}: ${code === "ENOENT" ? "no such file" : String(code ?? error)}`,
    );
  }
  const id = text.split("\n", 1)[0]!.trim();
  if (id !== "") return id;
  throw new FlagError(`--cidfile ${path}: there is no ID in it`);
}
