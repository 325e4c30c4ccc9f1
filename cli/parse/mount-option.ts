// --mount: fields parted by commas, as a line of CSV has them, each `key=value`.

import type { RequestedMount, TmpfsRequest } from "@nacre/core/program/request.ts";
import { FlagError } from "../flag-error.ts";
import { parseMemoryLimit } from "./bytes.ts";
import { parseIdMap } from "./id-map.ts";
import { propagationOf } from "./mount.ts";
import { parseBoolean } from "./number.ts";

const RECURSIVE = ["enabled", "disabled", "writable", "readonly"] as const;

/** What was read so far; keys are docker's, with one name each. */
interface Fields {
  type: string;
  source?: string;
  target?: string;
  readOnly?: boolean;
  propagation?: string;
  recursive?: (typeof RECURSIVE)[number];
  createSource?: boolean;
  idmap?: string;
  noCopy?: boolean;
  driver?: string;
  labels?: Record<string, string>;
  options?: Record<string, string>;
  volumeSubpath?: string;
  imageSubpath?: string;
  sizeBytes?: number;
  mode?: number;
  /** The kinds of options that were given: `bind`, `volume`, … */
  readonly kinds: Set<string>;
}

/** Fields of a line of CSV: one in quotes may have commas, and quotes that are doubled. */
function splitFields(text: string): string[] {
  if (text === "") throw new FlagError("value is empty");
  const fields: string[] = [];
  for (let rest = text; ; ) {
    const quoted = /^"((?:[^"]|"")*)"(?=,|$)/.exec(rest);
    if (rest.startsWith('"') && !quoted) throw new FlagError(`a quote is not closed in '${text}'`);
    const raw = quoted ? quoted[0] : (/^[^,]*/.exec(rest)?.[0] ?? "");
    fields.push(quoted ? quoted[1]!.replaceAll('""', '"') : raw);
    if (rest.length === raw.length) return fields;
    rest = rest.slice(raw.length + 1);
  }
}

function boolean(key: string, text: string): boolean {
  try {
    return parseBoolean(text);
  } catch {
    throw new FlagError(`invalid value for ${key}: ${text}`);
  }
}

function oneOf<T extends string>(key: string, text: string, words: readonly T[]): T {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  throw new FlagError(`invalid value for ${key}: ${text} (must be one of ${words.join(", ")})`);
}

/** `K=V`, or a bare `K` of an empty value. */
function pair(text: string): Record<string, string> {
  const at = text.indexOf("=");
  return at < 0 ? { [text]: "" } : { [text.slice(0, at)]: text.slice(at + 1) };
}

function octal(key: string, text: string): number {
  if (!/^[0-7]{1,11}$/.test(text)) throw new FlagError(`invalid value for ${key}: ${text}`);
  return Number.parseInt(text, 8);
}

function bytes(key: string, text: string): number {
  try {
    return parseMemoryLimit(text);
  } catch {
    throw new FlagError(`invalid value for ${key}: ${text}`);
  }
}

type Reader = (fields: Fields, value: string, key: string) => void;

const READERS: Readonly<Record<string, Reader>> = {
  type: (f, value) => {
    f.type = value.toLowerCase();
  },
  source: (f, value) => {
    f.source = value;
  },
  target: (f, value) => {
    f.target = value;
  },
  readonly: (f, value, key) => {
    f.readOnly = boolean(key, value);
  },
  consistency: () => {},
  "bind-propagation": (f, value, key) => {
    if (propagationOf(value) === undefined) {
      throw new FlagError(`invalid value for ${key}: ${value}`);
    }
    f.propagation = value;
  },
  "bind-nonrecursive": (f, value, key) => {
    f.recursive = boolean(key, value) ? "disabled" : "enabled";
  },
  "bind-recursive": (f, value, key) => {
    f.recursive = oneOf(key, value, RECURSIVE);
  },
  "bind-create-src": (f, value, key) => {
    f.createSource = boolean(key, value);
  },
  idmap: (f, value) => {
    f.idmap = value;
  },
  "volume-subpath": (f, value) => {
    f.volumeSubpath = value;
  },
  "volume-nocopy": (f, value, key) => {
    f.noCopy = boolean(key, value);
  },
  "volume-label": (f, value) => {
    f.labels = { ...f.labels, ...pair(value) };
  },
  "volume-driver": (f, value) => {
    f.driver = value;
  },
  "volume-opt": (f, value) => {
    f.options = { ...f.options, ...pair(value) };
  },
  "image-subpath": (f, value) => {
    f.imageSubpath = value;
  },
  "tmpfs-size": (f, value, key) => {
    f.sizeBytes = bytes(key, value);
  },
  "tmpfs-mode": (f, value, key) => {
    f.mode = octal(key, value);
  },
};

const OTHER_NAMES: Readonly<Record<string, string>> = {
  src: "source",
  dst: "target",
  destination: "target",
  ro: "readonly",
};
/** Keys that may stand alone, and what that means. */
const ALONE: Readonly<Record<string, string>> = {
  readonly: "true",
  "bind-nonrecursive": "true",
  "volume-nocopy": "true",
  idmap: "",
};

function readField(fields: Fields, field: string): void {
  const at = field.indexOf("=");
  const given = (at < 0 ? field : field.slice(0, at)).toLowerCase();
  const key = OTHER_NAMES[given] ?? given;
  const value = at < 0 ? ALONE[key] : field.slice(at + 1);
  if (value === undefined) {
    throw new FlagError(`invalid field '${field}' must be a key=value pair`);
  }
  const reader = Object.hasOwn(READERS, key) ? READERS[key] : undefined;
  if (!reader) throw new FlagError(`unexpected key '${given}' in '${field}'`);
  reader(fields, value, given);
  const kind = /^(bind|volume|image|tmpfs)-/.exec(key)?.[1];
  if (kind !== undefined) fields.kinds.add(kind);
  if (key === "idmap") fields.kinds.add("bind");
}

function checkTogether(fields: Fields): void {
  for (const kind of fields.kinds) {
    if (kind === fields.type) continue;
    throw new FlagError(`cannot mix '${kind}-*' options with mount type '${fields.type}'`);
  }
  const { recursive, readOnly, propagation = "rprivate" } = fields;
  if ((recursive === "writable" || recursive === "readonly") && !readOnly) {
    throw new FlagError(
      `option 'bind-recursive=${recursive}' requires 'readonly' to be specified in conjunction`,
    );
  }
  if (recursive === "readonly" && propagation !== "rprivate") {
    throw new FlagError(
      "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
    );
  }
}

function tmpfsOf({ target = "", readOnly, sizeBytes, mode }: Fields): TmpfsRequest {
  return {
    type: "tmpfs",
    target,
    options: [
      ...(readOnly ? ["ro"] : []),
      ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`]),
      ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`]),
    ],
  };
}

function bindFrom(fields: Fields): RequestedMount {
  const { source, target = "", readOnly = false, recursive, propagation, idmap } = fields;
  if (!source) throw refused(fields.type, "field Source must not be empty");
  return {
    type: "bind",
    source,
    target,
    readOnly,
    recursive: recursive !== "disabled",
    propagation: propagationOf(propagation ?? "rprivate") ?? "private",
    ...(!fields.createSource && { mustExist: true }),
    ...(recursive === "writable" && { writableBelow: true }),
    ...(idmap !== undefined && { idmap: parseIdMap(idmap) }),
  };
}

function volumeFrom(fields: Fields): RequestedMount {
  const { source, target = "", readOnly = false } = fields;
  return {
    type: "volume",
    ...(source && { name: source }),
    target,
    readOnly,
    ...(fields.noCopy && { noCopy: true }),
    ...(fields.volumeSubpath !== undefined && { subpath: fields.volumeSubpath }),
    ...(fields.driver !== undefined && { driver: fields.driver }),
    ...(fields.options && { options: fields.options }),
    ...(fields.labels && { labels: fields.labels }),
  };
}

const refused = (type: string, why: string) =>
  new FlagError(`invalid mount config for type "${type}": ${why}`);

/** A mount whose source is not yet taken from the working directory. @throws FlagError */
export function parseMount(text: string): RequestedMount {
  const fields: Fields = { type: "volume", kinds: new Set() };
  for (const field of splitFields(text)) readField(fields, field);
  const { type, source, target = "", imageSubpath: subpath } = fields;
  if (target === "") throw new FlagError("target is required");
  checkTogether(fields);
  if (!target.startsWith("/")) {
    throw refused(type, `invalid mount path: '${target}' mount path must be absolute`);
  }
  switch (type) {
    case "bind":
      return bindFrom(fields);
    case "volume":
      return volumeFrom(fields);
    case "tmpfs":
      if (source) throw refused(type, "field Source must not be specified");
      return tmpfsOf(fields);
    case "image":
      if (!source) throw refused(type, "field Source must not be empty");
      return { type, source, target, ...(subpath !== undefined && { subpath }) };
    default:
      throw refused(type, "mount type unknown: there are bind, volume, tmpfs, image");
  }
}
