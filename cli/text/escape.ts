// Text that comes from outside (names in a registry's answer, paths in a layer, a program's
// error) may hold bytes that a terminal obeys: move the cursor, set the title, answer back. In
// tables and messages they are shown, not sent.

/** Control characters of both sets, and those that turn the direction of writing. */
const DANGEROUS = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** `text` with each such character as `\n`, `\x1b` or `\u202e`. */
export function neutralise(text: string): string {
  return text.replace(DANGEROUS, show);
}

/** The same, line by line: for messages of more than one line. */
export function neutraliseLines(text: string): string {
  return text.split("\n").map(neutralise).join("\n");
}

/**
 * For a container's log on a terminal: colours, tabs, returns and line ends pass, what could do
 * more than draw is shown. In a pipe a log passes byte for byte and this is not asked.
 */
export function neutraliseLog(text: string): string {
  return text.replace(
    /\u001b\[[0-9;:]*m|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g,
    (found) => (found.length > 1 ? found : show(found)),
  );
}

function show(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  const code = character.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}
