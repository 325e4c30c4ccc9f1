// Which events are meant, as docker's --filter has it.

import type { EventRecord } from "@nacre/core/state/records.ts";
import { allHold, type Filters, hasLabel } from "./filters.ts";

/** Of a thing by the beginning of its ID or name. */
const begins = (event: EventRecord, type: EventRecord["type"]) => (value: string) =>
  event.type === type &&
  [event.subject, event.attributes.name].some((one) => one?.startsWith(value));

const OTHERS = ["config", "daemon", "network", "node", "plugin", "secret", "service"] as const;

/** With or without its tag; events of containers say what they were made of. */
const isOfImage =
  ({ type, subject, attributes }: EventRecord) =>
  (value: string) => {
    if (type === "volume") return false;
    const name = type === "image" ? attributes.name : attributes.image;
    const untagged = name?.replace(/:[^:/]*$/, "");
    return [type === "image" ? subject : undefined, name, untagged].includes(value);
  };

/**
 * Keys: `container`, `event`, `image`, `label`, `scope`, `type`, `volume`, and those of docker's
 * for things that make no events here: `daemon`, `network`, `plugin` and their kind.
 * @throws NacreError `invalid` for another one
 */
export function isMeantEvent(event: EventRecord, filters: Filters): boolean {
  const tests = {
    container: begins(event, "container"),
    // `health_status` means both, `health_status: healthy` and the other.
    event: (value: string) => event.action === value || event.action.startsWith(`${value}: `),
    image: isOfImage(event),
    label: (value: string) => hasLabel(event.attributes, value),
    // All that happens on one machine is local.
    scope: (value: string) => value === "local",
    type: (value: string) => event.type === value,
    volume: begins(event, "volume"),
    ...Object.fromEntries(OTHERS.map((key) => [key, () => false])),
  };
  return allHold(tests, filters);
}

/** Throws what `isMeantEvent` would, though there be no event. */
export function checkEventFilters(filters: Filters): void {
  const some = { sequence: 0, timeMs: 0, type: "container", action: "", subject: "" } as const;
  isMeantEvent(
    { ...some, attributes: {} },
    Object.fromEntries(Object.keys(filters).map((key) => [key, []])),
  );
}
