// Options of a tool: letters that stand alone, letters with a value, and operands.

export interface Options {
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
}

/** A mistake in a tool's command line, or in what it was asked for. */
export class UsageFault extends Error {}

/** `valued`: letters that take a value. Long options are known by `long`: their letter. */
export function parseOptions(
  words: readonly string[],
  letters: string,
  valued = "",
  long: Readonly<Record<string, string>> = {},
): Options {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const operands: string[] = [];
  const rest = [...words];
  const take = (letter: string, value: string | undefined): void => {
    if (value === undefined) throw new UsageFault(`option requires an argument -- '${letter}'`);
    values.set(letter, value);
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") return { flags, values, operands: [...operands, ...rest] };
    const [, name, value] = /^--([\w-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const letter = name === undefined ? undefined : long[name];
    if (name !== undefined && letter === undefined) {
      throw new UsageFault(`unrecognized option '--${name}'`);
    }
    if (letter !== undefined) {
      if (valued.includes(letter)) take(letter, value ?? rest.shift());
      else flags.add(letter);
    } else if (!/^-./.test(word)) operands.push(word);
    else {
      for (let at = 1; at < word.length; at++) {
        const one = word[at] as string;
        if (valued.includes(one)) {
          take(one, word.slice(at + 1) || rest.shift());
          break;
        }
        if (!letters.includes(one)) throw new UsageFault(`invalid option -- '${one}'`);
        flags.add(one);
      }
    }
  }
  return { flags, values, operands };
}
