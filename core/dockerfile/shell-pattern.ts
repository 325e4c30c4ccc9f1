// Patterns of `${X#pattern}` and `${X/pattern/word}`: `*`, `?` and escapes.

function source(pattern: string, greedy: boolean): string {
  let text = "";
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] as string;
    if (character === "*") text += greedy ? "[\\s\\S]*" : "[\\s\\S]*?";
    else if (character === "?") text += "[\\s\\S]";
    else text += quoted(character === "\\" ? (pattern[++at] ?? "\\") : character);
  }
  return text;
}

const quoted = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

/** `${value#pattern}`, or `##` with the longest (POSIX shell, 2.6.2). */
export function trimPrefix(value: string, pattern: string, longest: boolean): string {
  return value.replace(new RegExp(`^(?:${source(pattern, longest)})`), "");
}

/** `${value%pattern}`, or `%%` with the longest. */
export function trimSuffix(value: string, pattern: string, longest: boolean): string {
  const whole = new RegExp(`^(?:${source(pattern, true)})$`);
  const ends = Array.from({ length: value.length + 1 }, (_, at) => at);
  const order = longest ? ends : ends.reverse();
  const end = order.find((at) => whole.test(value.slice(at)));
  return end === undefined ? value : value.slice(0, end);
}

/** `${value/pattern/word}`, or `//` for all of them, as bash has it. */
export function withReplaced(value: string, pattern: string, word: string, all: boolean): string {
  if (pattern === "") return value;
  return value.replace(new RegExp(source(pattern, true), all ? "g" : ""), () => word);
}
