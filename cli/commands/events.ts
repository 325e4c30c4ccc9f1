import { NacreError } from "@nacre/core/error.ts";
import type { EventRecord } from "@nacre/core/state/records.ts";
import { command } from "../command.ts";
import { interruptible } from "../interruption.ts";
import { text } from "../options.ts";
import { filterOption, filtersOf } from "../parse/filter.ts";
import { timeOption } from "../parse/time.ts";
import { neutralise } from "../text/escape.ts";
import { goMap } from "../text/go-shapes.ts";
import { parseWholeTemplate } from "../text/template.ts";
import { rfc3339 } from "../text/time.ts";

export default command({
  usage: "[OPTIONS]",
  description:
    "Events of every nacre process on this state root: those since --since, then new ones until --until or an interrupt. Filters: container, event, image, label, scope, type, volume.",
  options: {
    filter: filterOption("Only those for which it holds, such as type=container"),
    format: text(["format"], "string", "'json' or a Go template", ["json"]),
    since: text(
      ["since"],
      "time",
      "Also events since then: 10m ago, a date, or seconds since 1970",
    ),
    until: text(["until"], "time", "Quit at that time"),
  },
  operands: { least: 0, most: 0 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [["nacre events --since 1h --until 0s", "the last hour, then quit"]],
  async run(context, { filter, format, since, until }) {
    const { host } = context;
    const nowMs = host.nowMs();
    const options = {
      sinceMs: since ? timeOption("since", since, nowMs) : nowMs,
      ...(filter.length > 0 && { filters: filtersOf(filter) }),
      ...(until ? { untilMs: timeOption("until", until, nowMs) } : {}),
    };
    const { sinceMs, untilMs = Number.POSITIVE_INFINITY } = options;
    if (since && sinceMs > untilMs) {
      throw new NacreError("invalid", "`since` time cannot be after `until` time");
    }
    const follow = untilMs > nowMs;
    const line = formatter(format);
    const engine = await context.engine();
    return interruptible(host, async (signal) => {
      for await (const event of engine.history({ ...options, follow, signal })) {
        host.print(`${line(event)}\n`);
      }
      return 0;
    });
  },
});

function formatter(format: string | undefined): (event: EventRecord) => string {
  if (format === undefined || format === "") return eventText;
  if (format === "json") return (event) => JSON.stringify(eventJson(event));
  const template = parseWholeTemplate(format);
  return (event) => template.render(eventFields(event));
}

/** `TIME container start ID (image=debian, name=web)`. */
function eventText(event: EventRecord): string {
  const attributes = Object.entries(event.attributes)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  const what = `${event.type} ${event.action} ${event.subject}`;
  const more = attributes.length === 0 ? "" : ` (${attributes.join(", ")})`;
  return neutralise(`${rfc3339(event.timeMs)} ${what}${more}`);
}

/** By the names that templates have for them. As JSON it is what `--format json` prints. */
function eventFields(event: EventRecord): object {
  const { status, id, from = "", scope, time, timeNano, ...same } = eventJson(event);
  const { Attributes, ...who } = same.Actor as { readonly Attributes: object };
  const fields = {
    ...same,
    Actor: { ...who, Attributes: goMap(Attributes) },
    ...{ Status: status, ID: id, From: from, Scope: scope, Time: time, TimeNano: timeNano },
  };
  return Object.defineProperty(fields, "toJSON", { value: () => eventJson(event) });
}

/** Docker's shape, with the fields that its older clients read. */
function eventJson(event: EventRecord): Record<string, unknown> {
  return {
    status: event.action,
    id: event.subject,
    ...(event.attributes.image !== undefined && { from: event.attributes.image }),
    Type: event.type,
    Action: event.action,
    Actor: {
      ID: event.subject,
      Attributes: Object.fromEntries(
        Object.entries(event.attributes).toSorted(([a], [b]) => (a < b ? -1 : 1)),
      ),
    },
    scope: "local",
    time: Math.trunc(event.timeMs / 1000),
    timeNano: Math.round(event.timeMs * 1e6),
  };
}
