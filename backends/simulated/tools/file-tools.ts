// Tools on files that just-bash does not have, or has without owners and virtual time.

import type { ProgramContext } from "../program.ts";
import { parseOptions, UsageFault } from "./options.ts";
import { accounts, forEach, tool } from "./tool.ts";

function* treeBelow(context: ProgramContext, path: string): Generator<string> {
  yield path;
  if (context.files.kindOf(path, { follow: false }) !== "directory") return;
  for (const name of context.files.list(path)) yield* treeBelow(context, `${path}/${name}`);
}

const changeOwners = (groupOnly: boolean) =>
  tool((context) => {
    const long = { recursive: "R", "no-dereference": "h" };
    const { flags, operands } = parseOptions(context.arguments.slice(1), "Rhvcf", "", long);
    const [owner = "", ...paths] = operands;
    if (paths.length === 0) throw new UsageFault("missing operand");
    const [user = "", group = ""] = groupOnly ? ["", owner] : owner.split(/[:.]/);
    const uid = user === "" ? undefined : accounts(context, "passwd").id(user);
    const gid = group === "" ? undefined : accounts(context, "group").id(group);
    return forEach(context, paths, (path) => {
      for (const each of flags.has("R") ? treeBelow(context, path) : [path]) {
        context.files.changeOwner(each, uid, gid, { follow: !flags.has("h") && !flags.has("R") });
      }
    });
  });

export const chown = changeOwners(false);
export const chgrp = changeOwners(true);

function timestamp(ms: number): { seconds: number; nanoseconds: number } {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanoseconds: Math.round((ms - seconds * 1000) * 1e6) };
}

export const touch = tool((context) => {
  const { files } = context;
  const { flags, values, operands } = parseOptions(context.arguments.slice(1), "acmh", "drt", {
    date: "d",
    "no-create": "c",
    reference: "r",
  });
  const [date, reference] = [values.get("d"), values.get("r")];
  const parsed = date?.startsWith("@") ? Number(date.slice(1)) * 1000 : Date.parse(`${date}Z`);
  if (date !== undefined && Number.isNaN(parsed)) throw new UsageFault(`invalid date '${date}'`);
  const mtime =
    reference !== undefined
      ? files.status(reference).mtime
      : timestamp(date === undefined ? context.nowMs() : parsed);
  return forEach(context, operands, (path) => {
    if (files.kindOf(path) === undefined) {
      if (flags.has("c")) return;
      context.open(path, { write: true, create: true }).close();
    }
    files.changeTime(path, mtime);
  });
});

const ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

export const mktemp = tool(async (context) => {
  const { files } = context;
  const { flags, values, operands } = parseOptions(context.arguments.slice(1), "dqtu", "p");
  const directory = values.get("p") ?? context.environment.TMPDIR ?? "/tmp";
  const template = operands[0] ?? "tmp.XXXXXXXXXX";
  const base =
    template.includes("/") || (operands.length > 0 && !values.has("p") && !flags.has("t"))
      ? template
      : `${directory}/${template}`;
  // Names in order, so that a run repeats itself.
  for (let number = context.pid * 1000; ; number++) {
    let left = number;
    const path = base.replace(/X{3,}(?!.*X{3,})/, (holes) =>
      holes.replaceAll("X", () => {
        const letter = ALPHABET[left % ALPHABET.length] as string;
        left = Math.floor(left / ALPHABET.length);
        return letter;
      }),
    );
    if (files.kindOf(path, { follow: false }) !== undefined) continue;
    if (flags.has("d")) files.makeDirectory(path, 0o700);
    else {
      files.write(path, "");
      files.changeMode(path, 0o600);
    }
    await context.stdout.write(`${path}\n`);
    return 0;
  }
});

export const mkfifo = tool((context) =>
  forEach(context, parseOptions(context.arguments.slice(1), "", "m").operands, (path) =>
    context.files.makeFifo(path),
  ),
);

export const realpath = tool((context) =>
  forEach(context, parseOptions(context.arguments.slice(1), "emqsLPz").operands, (path) =>
    context.stdout.write(`${context.files.realPath(path)}\n`),
  ),
);

export const truncate = tool((context) => {
  const { flags, values, operands } = parseOptions(context.arguments.slice(1), "co", "sr");
  const bytes = sizeBytes(values.get("s") ?? "");
  return forEach(context, operands, (path) => {
    if (context.files.kindOf(path) === undefined) {
      if (flags.has("c")) return;
      context.files.write(path, "");
    }
    context.files.truncate(path, bytes);
  });
});

const UNITS = "kmgt";

/** `10`, `4k`, `1M`: powers of 1024. */
export function sizeBytes(text: string): number {
  const [, number, unit = ""] = /^(\d+)([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  if (number === undefined) throw new UsageFault(`invalid number: '${text}'`);
  return Number(number) * 1024 ** (UNITS.indexOf(unit.toLowerCase() || " ") + 1);
}

/** `dd if=… of=… bs=… count=… seek=… skip=…`. */
export const dd = tool(async (context) => {
  const given = new Map(
    context.arguments.slice(1).map((word) => word.split(/=(.*)/s, 2) as [string, string]),
  );
  const block = sizeBytes(given.get("bs") ?? "512");
  const count = given.has("count") ? Number(given.get("count")) : Number.POSITIVE_INFINITY;
  const from = given.get("if");
  const to = given.get("of");
  const source = from === undefined ? context.stdin : context.open(from, { read: true });
  const keep = (given.get("conv") ?? "").includes("notrunc");
  const seek = block * Number(given.get("seek") ?? 0);
  const target =
    to === undefined
      ? context.stdout
      : context.open(to, { write: true, create: true, truncate: !keep && seek === 0, at: seek });
  if (to !== undefined && !keep && seek > 0) context.files.truncate(to, seek);
  let left = block * count;
  let done = 0;
  try {
    for (let skip = block * Number(given.get("skip") ?? 0); left > 0; ) {
      const chunk = await source.read();
      if (!chunk) break;
      const bytes = chunk.subarray(Math.min(skip, chunk.length)).subarray(0, left);
      skip -= Math.min(skip, chunk.length);
      await target.write(bytes);
      left -= bytes.length;
      done += bytes.length;
    }
  } finally {
    if (to !== undefined) target.close();
    const [whole, part] = [Math.floor(done / block), done % block === 0 ? 0 : 1];
    await context.stderr.write(`${whole}+${part} records in\n${whole}+${part} records out\n`);
  }
});
