// What each line of a container's log says of its container, where the log is journald's: the
// fields that docker's driver gives, so that what people look for is found.
// Source: systemd.journal-fields(7), docker's documentation of the journald driver.

import { NacreError } from "@nacre/core/error.ts";
import type { LogRequest } from "@nacre/core/program/log-options.ts";
import { shortId } from "@nacre/core/short-id.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";

export const JOURNAL_SOCKET = "/run/systemd/journal/socket";

type Words = Readonly<Record<string, string>>;

function wordsOf({ id, name, imageId = "", request }: ContainerRecord): Words {
  return {
    ...{ ID: shortId(id), FullID: id, Name: name, DaemonName: "nacre" },
    ...{ ImageName: request.image, ImageID: shortId(imageId), ImageFullID: imageId },
  };
}

const NOTHING: Words = wordsOf({ id: "", name: "", request: { image: "" } } as ContainerRecord);

/** `--log-opt tag`: a template of plain fields. @throws NacreError `invalid` */
export function checkTag({ tag = "" }: LogRequest): void {
  tagText(tag, NOTHING);
}

export const tagOf = (record: ContainerRecord, tag: string): string =>
  tagText(tag, wordsOf(record));

function tagText(tag: string, words: Words): string {
  return tag.replace(/\{\{\s*(.*?)\s*\}\}/g, (_, expression: string) => {
    const word = /^\.(\w+)$/.exec(expression)?.[1] ?? "";
    if (Object.hasOwn(words, word)) return words[word] as string;
    const known = Object.keys(words).map((one) => `{{.${one}}}`);
    throw new NacreError("invalid", `invalid log opt tag: there is no {{${expression}}}`, {
      advice: `A tag is made of text and of ${known.join(", ")}.`,
    });
  });
}

/** Upper case, digits and underscores; what begins with an underscore is journald's own. */
const fieldName = (name: string): string =>
  name
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "_")
    .replace(/^_+/, "")
    .slice(0, 64);

/** `KEY=VALUE` lines. A line's end in a value would begin a field of its own: it becomes a space. */
export function journalFields(record: ContainerRecord, environment: readonly string[]): string {
  const { request, id } = record;
  const { tag = "{{.ID}}", labels = [], env = [] } = request.log ?? {};
  const words = wordsOf(record);
  const variables = Object.fromEntries(
    environment.map((one) => [one.split("=", 1)[0], one.slice(one.indexOf("=") + 1)]),
  );
  const chosen = (names: readonly string[], from: Readonly<Record<string, string>>) =>
    names.flatMap((name) => (Object.hasOwn(from, name) ? [[fieldName(name), from[name]]] : []));
  const text = tagText(tag, words);
  const fields = [
    ...[...chosen(labels, request.labels), ...chosen(env, variables)].filter(([name]) => name),
    ["CONTAINER_ID", shortId(id)],
    ["CONTAINER_ID_FULL", id],
    ["CONTAINER_NAME", record.name],
    ["CONTAINER_TAG", text],
    ["IMAGE_NAME", request.image],
    ["SYSLOG_IDENTIFIER", text],
  ];
  return fields.map(([name, value = ""]) => `${name}=${value.replace(/\n/g, " ")}\n`).join("");
}
