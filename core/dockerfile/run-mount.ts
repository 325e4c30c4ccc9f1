// `RUN --mount=…`: what a step has mounted while it runs, none of which is in its layer.
// Source: https://docs.docker.com/reference/dockerfile/#run---mount.

import { NacreError } from "../error.ts";

interface Placed {
  readonly target?: string;
  readonly mode?: number;
  readonly uid: number;
  readonly gid: number;
  /** A step that cannot have it fails. */
  readonly required: boolean;
}

export type RunMount = Placed & {
  readonly type: "bind" | "cache" | "tmpfs" | "secret" | "ssh";
  /** A stage or an image; the context if absent. */
  readonly from?: string;
  readonly source?: string;
  readonly readOnly: boolean;
  readonly id?: string;
  readonly sharing: "shared" | "private" | "locked";
  readonly sizeBytes?: number;
  /** A secret as a variable of the step. */
  readonly env?: string;
};

type Draft = { -readonly [K in keyof RunMount]: RunMount[K] };
type Read = (draft: Draft, value: string, key: string) => void;

const TYPES: readonly string[] = ["bind", "cache", "tmpfs", "secret", "ssh"];
const SHARING: readonly string[] = ["shared", "private", "locked"];

const target: Read = (draft, value) => {
  draft.target = value;
};
const source: Read = (draft, value) => {
  draft.source = value;
};
const KEYS: Readonly<Record<string, Read>> = {
  type: (draft, value, key) => {
    if (!TYPES.includes(value)) throw bad(key, value, `There are ${TYPES.join(", ")}.`);
    draft.type = value as Draft["type"];
  },
  ...{ target, dst: target, destination: target, source, src: source },
  from: (draft, value) => {
    draft.from = value;
  },
  id: (draft, value) => {
    draft.id = value;
  },
  env: (draft, value) => {
    draft.env = value;
  },
  sharing: (draft, value, key) => {
    if (!SHARING.includes(value)) throw bad(key, value, `There are ${SHARING.join(", ")}.`);
    draft.sharing = value as Draft["sharing"];
  },
  mode: (draft, value, key) => {
    if (!/^[0-7]{1,5}$/.test(value)) throw bad(key, value, "It is octal: 0755.");
    draft.mode = Number.parseInt(value, 8);
  },
  uid: (draft, value, key) => {
    draft.uid = wholeNumber(key, value);
  },
  gid: (draft, value, key) => {
    draft.gid = wholeNumber(key, value);
  },
  size: (draft, value, key) => {
    draft.sizeBytes = bytes(key, value);
  },
  required: (draft, value, key) => {
    draft.required = truth(key, value);
  },
  ...{
    readonly: readOnly(true),
    ro: readOnly(true),
    rw: readOnly(false),
    readwrite: readOnly(false),
  },
};

function readOnly(meaning: boolean): Read {
  return (draft, value, key) => {
    draft.readOnly = truth(key, value) === meaning;
  };
}

/** @throws NacreError `invalid` */
export function parseRunMount(text: string): RunMount {
  const words = text.split(",").filter((word) => word !== "");
  const type =
    words.find((word) => word.toLowerCase().startsWith("type="))?.slice("type=".length) ?? "bind";
  const draft: Draft = {
    ...{ type: "bind", readOnly: type === "bind", sharing: "shared", uid: 0, gid: 0 },
    required: false,
  };
  for (const word of words) {
    const [name = "", value = "true"] = split(word);
    const key = name.toLowerCase();
    const read = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (!read) {
      throw new NacreError("invalid", `--mount knows no ${JSON.stringify(name)}`, {
        advice: `It knows ${Object.keys(KEYS).join(", ")}.`,
      });
    }
    read(draft, value, key);
  }
  check(draft);
  return draft;
}

function split(word: string): string[] {
  const equals = word.indexOf("=");
  return equals < 0 ? [word] : [word.slice(0, equals), word.slice(equals + 1)];
}

function check({ type, target: where, id, source: from, env }: Draft): void {
  const needsTarget = type === "bind" || type === "cache" || type === "tmpfs";
  if (needsTarget && (where ?? "") === "") {
    throw new NacreError("invalid", `--mount=type=${type} needs a target`, {
      advice: "Say where it is to be: target=/path.",
    });
  }
  if (type === "secret" && [where, id, from, env].every((one) => one === undefined)) {
    throw new NacreError("invalid", "--mount=type=secret needs an id or a target", {
      advice: "The id is that of --secret id=…",
    });
  }
}

function wholeNumber(key: string, value: string): number {
  if (/^\d{1,10}$/.test(value)) return Number(value);
  throw bad(key, value, "It is a whole number.");
}

function truth(key: string, value: string): boolean {
  if (/^(true|1|false|0)$/i.test(value)) return /^(true|1)$/i.test(value);
  throw bad(key, value, "It is true or false.");
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

function bytes(key: string, value: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?$/i.exec(value) ?? [];
  if (number === "") throw bad(key, value, "It looks like 64m.");
  return Math.floor(Number(number) * (UNITS[unit.toLowerCase()] ?? 1));
}

const bad = (key: string, value: string, advice: string): NacreError =>
  new NacreError("invalid", `--mount: ${key} cannot be ${JSON.stringify(value)}`, { advice });
