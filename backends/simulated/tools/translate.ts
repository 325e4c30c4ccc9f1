// tr(1), on bytes, as they come.

import { parseOptions, UsageFault } from "./options.ts";
import { tool } from "./tool.ts";

const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  "\\": 92,
};
const CLASSES: Readonly<Record<string, RegExp>> = {
  alpha: /[A-Za-z]/,
  digit: /\d/,
  alnum: /[A-Za-z0-9]/,
  upper: /[A-Z]/,
  lower: /[a-z]/,
  space: /\s/,
  blank: /[ \t]/,
  punct: /[!-/:-@[-`{-~]/,
  cntrl: /[\0-\x1f\x7f]/,
};

const bytesOf = (text: string): number[] => [...new TextEncoder().encode(text)];

/** `a-z`, `[:upper:]`, `\0`, `\n`, `\101`: the bytes that a set stands for, in order. */
function setOf(text: string): number[] {
  const found: number[] = [];
  const part = /\[:(\w+):\]|\\([0-7]{1,3})|\\(.)|(.)-([^\\])|(.)/gsuy;
  for (const [, name, octal, escaped, from, to, plain] of text.matchAll(part)) {
    if (name !== undefined) {
      const members = CLASSES[name];
      if (!members) throw new UsageFault(`invalid character class '${name}'`);
      for (let byte = 0; byte < 128; byte++) {
        if (members.test(String.fromCharCode(byte))) found.push(byte);
      }
    } else if (octal !== undefined) found.push(Number.parseInt(octal, 8) & 0xff);
    else if (escaped !== undefined)
      found.push(...(ESCAPES[escaped] === undefined ? bytesOf(escaped) : [ESCAPES[escaped]]));
    else if (from !== undefined && to !== undefined) {
      const [first, last] = [from.codePointAt(0) ?? 0, to.codePointAt(0) ?? 0];
      for (let code = first; code <= last; code++)
        found.push(...bytesOf(String.fromCodePoint(code)));
    } else found.push(...bytesOf(plain ?? ""));
  }
  return found;
}

export const tr = tool(async (context) => {
  const { flags, operands } = parseOptions(context.arguments.slice(1), "cCds", "", {
    complement: "c",
    delete: "d",
    "squeeze-repeats": "s",
  });
  const [first, second] = operands.map(setOf);
  if (!first || (!second && !flags.has("d") && !flags.has("s")))
    throw new UsageFault("missing operand");
  const complement = flags.has("c") || flags.has("C");
  const from = complement ? [...Array(256).keys()].filter((byte) => !first.includes(byte)) : first;
  const deletes = new Set(flags.has("d") ? from : []);
  const to = flags.has("d") ? undefined : second;
  const last = to?.at(-1);
  const map = new Map(to ? from.map((byte, i) => [byte, to[i] ?? last ?? byte]) : []);
  const squeezes = new Set(flags.has("s") ? (second ?? from) : []);
  let before: number | undefined;
  for (let chunk = await context.stdin.read(); chunk; chunk = await context.stdin.read()) {
    const kept: number[] = [];
    for (const byte of chunk) {
      if (deletes.has(byte)) continue;
      const changed = map.get(byte) ?? byte;
      if (changed === before && squeezes.has(changed)) continue;
      before = changed;
      kept.push(changed);
    }
    await context.stdout.write(Uint8Array.from(kept));
  }
});
