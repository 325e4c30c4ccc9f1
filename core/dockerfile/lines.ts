// A Dockerfile's logical lines: comments and parser directives out, continued lines joined, and
// here-documents with the line that asks for them.
// Source: https://docs.docker.com/reference/dockerfile/, "Format", "Parser directives".

import { expandWords } from "./expansion.ts";
import { dockerfileFault, type Place, type Source } from "./fault.ts";

/** Files that stand in the Dockerfile itself: `<<NAME` up to a line `NAME`. */
export interface Heredoc {
  readonly name: string;
  readonly content: string;
  /** Variables in it are expanded; a quoted name says no. */
  readonly expand: boolean;
  /** `<<-`: tabs at the beginning of its lines are not part of it. */
  readonly chomp: boolean;
}

export interface LogicalLine {
  /** Joined, without space at its ends. */
  readonly text: string;
  /** Where it begins. */
  readonly place: Place;
  readonly lastLine: number;
  readonly heredocs: readonly Heredoc[];
}

export interface Directives {
  readonly escape: "\\" | "`";
  readonly syntax?: string;
  readonly check?: string;
}

export interface Lines {
  readonly directives: Directives;
  readonly lines: readonly LogicalLine[];
  /** Continuations that are empty lines, which a later Docker may refuse. */
  readonly emptyContinuations: readonly number[];
}

const HEREDOC_TAKERS = new Set(["RUN", "COPY", "ADD"]);
const DIRECTIVE = /^#[ \t]*([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(.+?)[ \t\r]*$/;

/** @throws NacreError `invalid`, with its place */
export function readLines(source: Source): Lines {
  const physical = source.text.replace(/^\ufeff/, "").split("\n");
  // A line feed at the end ends a line and begins none.
  if (physical.at(-1) === "") physical.pop();
  const directives = readDirectives(source, physical);
  const reader = new LineReader(source, physical, directives);
  return { directives, lines: reader.read(), emptyContinuations: reader.empty };
}

function readDirectives(source: Source, physical: readonly string[]): Directives {
  const found = new Map<string, string>();
  for (const [at, line] of physical.entries()) {
    const [, name = "", value = ""] = DIRECTIVE.exec(line) ?? [];
    const key = name.toLowerCase();
    if (!["escape", "syntax", "check"].includes(key)) break;
    const place = { line: at + 1, column: 1 };
    if (found.has(key)) {
      throw dockerfileFault(source, place, `the parser directive ${key} is given twice`);
    }
    if (key === "escape" && value !== "\\" && value !== "`") {
      const reason = `invalid escape token '${value}': only \\ and \` can be one`;
      throw dockerfileFault(source, { line: at + 1, column: line.indexOf(value) + 1 }, reason);
    }
    found.set(key, value);
  }
  const [syntax, check] = [found.get("syntax"), found.get("check")];
  return {
    escape: found.get("escape") === "`" ? "`" : "\\",
    ...(syntax !== undefined && { syntax }),
    ...(check !== undefined && { check }),
  };
}

class LineReader {
  readonly empty: number[] = [];
  readonly #source: Source;
  readonly #physical: readonly string[];
  readonly #continued: RegExp;
  #at = 0;

  constructor(source: Source, physical: readonly string[], directives: Directives) {
    this.#source = source;
    this.#physical = physical;
    const mark = directives.escape === "\\" ? "\\\\" : "`";
    // An escape that is itself escaped continues nothing.
    this.#continued = new RegExp(`^([\\s\\S]*[^${mark}]|)${mark}[ \\t]*$`);
  }

  read(): LogicalLine[] {
    const found: LogicalLine[] = [];
    while (this.#at < this.#physical.length) {
      const first = this.#take();
      if (isBlank(first) || isComment(first)) continue;
      found.push(this.#logical(first));
    }
    return found;
  }

  #logical(first: string): LogicalLine {
    const place = { line: this.#at, column: first.search(/\S/) + 1 };
    const text = this.#joined(first).trim();
    const heredocs = this.#heredocs(text, place);
    return { text, place, lastLine: this.#at, heredocs };
  }

  /** With the lines that continue it. Comments and empty lines among these do not end it. */
  #joined(first: string): string {
    let [, head] = this.#continued.exec(first.trimStart()) ?? [];
    if (head === undefined) return first;
    let text = head;
    while (head !== undefined && this.#at < this.#physical.length) {
      const next = this.#take();
      if (isComment(next)) continue;
      if (isBlank(next)) {
        this.empty.push(this.#at);
        continue;
      }
      [, head] = this.#continued.exec(next) ?? [];
      text += head ?? next;
    }
    return text;
  }

  #heredocs(text: string, place: Place): Heredoc[] {
    const [, trigger = ""] = /^(?:onbuild\s+)?(\S+)/i.exec(text) ?? [];
    if (!HEREDOC_TAKERS.has(trigger.toUpperCase()) || !text.includes("<<")) return [];
    return heredocsIn(text).map((asked) => ({ ...asked, content: this.#content(asked, place) }));
  }

  #content({ name, chomp }: AskedHeredoc, place: Place): string {
    let content = "";
    while (this.#at < this.#physical.length) {
      const line = this.#take();
      const own = chomp ? line.replace(/^\t+/, "") : line;
      if (own === name) return content;
      content += `${line}\n`;
    }
    throw dockerfileFault(
      this.#source,
      place,
      `unterminated heredoc: no line says ${name}`,
      `End it with a line that holds nothing but ${name}.`,
    );
  }

  /** Without what ends lines elsewhere. */
  #take(): string {
    const line = this.#physical[this.#at++] as string;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }
}

const isBlank = (line: string): boolean => line.trim() === "";
const isComment = (line: string): boolean => /^\s*#/.test(line);

type AskedHeredoc = Omit<Heredoc, "content">;

/** What a line asks for: `<<E`, `3<<-"E"`. */
function heredocsIn(text: string): AskedHeredoc[] {
  let words: string[];
  try {
    words = expandWords(text, new Map(), { escape: "\\", raw: true });
  } catch {
    // A quote that does not end: a shell will say so.
    return [];
  }
  return words.flatMap((word) => heredocOf(word) ?? []);
}

/** A word that asks for a here-document; undefined for any other. */
export function heredocOf(word: string): AskedHeredoc | undefined {
  const [whole, chomp, rest = ""] = /^\d*<<(-?)([^<]*)$/.exec(word) ?? [];
  if (whole === undefined || rest === "") return undefined;
  const [name = "", ...more] = expandWords(rest, new Map(), { escape: "\\", keepUnset: true });
  if (name === "" || more.length > 0) return undefined;
  return { name, expand: name === rest, chomp: chomp === "-" };
}

/** A here-document's content as whoever takes it gets it. */
export function heredocContent({ content, chomp }: Heredoc): string {
  return chomp ? content.replace(/^\t+/gm, "") : content;
}
