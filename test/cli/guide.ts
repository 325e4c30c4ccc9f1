// A page of docs/ as something to be carried out: its fenced blocks are files, by the name behind
// the language, and console sessions.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const DOCS = fileURLToPath(new URL("../../docs", import.meta.url));

export type Step =
  | { readonly kind: "file"; readonly name: string; readonly content: string }
  | { readonly kind: "command"; readonly line: string; readonly output: string };

/** In the order of the page. */
export function stepsOf(page: string): Step[] {
  const text = readFileSync(join(DOCS, page), "utf8");
  return [...text.matchAll(/^```(\w+) ?(\S*)\n(.*?)^```$/gms)].flatMap(
    ([, language, name = "", content = ""]) => {
      if (language === "console") return commands(content);
      return name === "" ? [] : [{ kind: "file", name, content } satisfies Step];
    },
  );
}

function commands(session: string): Step[] {
  return session
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf("\n");
      return { kind: "command", line: part.slice(0, end), output: part.slice(end + 1) };
    });
}

/** What a page shows as output: `…` is anything, a line of it any number of lines. */
export function shown(output: string): RegExp {
  const escaped = output.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("…\n", "[^]*").replaceAll("…", ".*")}$`);
}
