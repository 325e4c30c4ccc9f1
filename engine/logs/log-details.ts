// What docker's --log-opt labels, env and tag say of each line. It is the same for all of a
// container's lines, and so it is not written with each of them.

import type { ContainerRecord, ImageRecord } from "@nacre/core/state/records.ts";
import { tagOf } from "./journal-fields.ts";

/** The container's own labels and variables go before those of its image. */
export function logDetails(
  record: ContainerRecord,
  image: ImageRecord | undefined,
): Record<string, string> {
  const { request } = record;
  const { labels = [], env = [], tag } = request.log ?? {};
  const { Labels = {}, Env = [] } = image?.config.config ?? {};
  const variables = [...(Env ?? []), ...request.environment].map((one): [string, string] => {
    const [name = "", ...rest] = one.split("=");
    return [name, rest.join("=")];
  });
  const chosen = (names: readonly string[], from: Readonly<Record<string, string>>) =>
    names.flatMap((name) => (Object.hasOwn(from, name) ? [[name, from[name] ?? ""]] : []));
  return Object.fromEntries([
    ...chosen(labels, { ...Labels, ...request.labels }),
    ...chosen(env, Object.fromEntries(variables)),
    ...(tag === undefined ? [] : [["tag", tagOf(record, tag)]]),
  ]);
}
