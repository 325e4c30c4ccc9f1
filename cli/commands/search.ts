import type { SearchResult } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { FlagError } from "../flag-error.ts";
import { interruptible } from "../interruption.ts";
import { flag, text, value } from "../options.ts";
import { type Filter, filterOption } from "../parse/filter.ts";
import { parseBoolean } from "../parse/number.ts";
import { tlsVerify } from "../registry-options.ts";
import { neutralise } from "../text/escape.ts";
import { formatListing, type Row } from "../text/listing.ts";
import { ellipsis } from "../text/table.ts";

const HEADINGS = {
  Name: "NAME",
  Tag: "TAG",
  Description: "DESCRIPTION",
  StarCount: "STARS",
  IsOfficial: "OFFICIAL",
};
const DESCRIPTION_WIDTH = 45;
const MOST_RESULTS = 100;

export default command({
  usage: "[OPTIONS] TERM",
  description:
    "Finds repositories by a part of their name: on Docker Hub, or in another registry as DOMAIN/TERM, where it answers searches or lists what it has.",
  options: {
    filter: filterOption("Only those for which it holds: is-official=BOOL, stars=N"),
    format: text(["format"], "string", "'table', 'json', a Go template, or 'table TEMPLATE'", [
      "table",
      "json",
    ]),
    limit: value(["limit"], "number", "Most results; 25 if not given", limitOf),
    listTags: flag(["list-tags"], "List the tags of the repository TERM"),
    noTrunc: flag(["no-trunc"], "Do not shorten descriptions"),
    tlsVerify,
  },
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre search --filter is-official=true debian", "on Docker Hub"],
    ["nacre search registry.example:5000/team", "in a registry of one's own"],
    ["nacre search --list-tags registry.example/team/app", "its tags"],
  ],
  async run(context, { filter, format, limit, listTags, noTrunc, tlsVerify }, [term]) {
    const { host } = context;
    const { registries } = await context.engine();
    return interruptible(host, async (signal) => {
      const reach = { insecure: !tlsVerify, signal };
      if (listTags) {
        const tags = await registries.tags(term!, reach);
        const shown = tags.slice(0, limit).map((Tag) => ({ Name: neutralise(term!), Tag }));
        const columns = ["Name", "Tag"];
        host.print(formatListing({ rows: shown, headings: HEADINGS, columns }, format));
        return 0;
      }
      const more = limit === undefined ? {} : { limit };
      const found = await registries.search(term!, { ...reach, ...more });
      const rows = found.filter((one) => isWanted(one, filter)).map((one) => row(one, noTrunc));
      const columns = ["Name", "Description", "StarCount", "IsOfficial"];
      host.print(formatListing({ rows, headings: HEADINGS, columns }, format));
      return 0;
    });
  },
});

function limitOf(word: string): number {
  const limit = /^\d+$/.test(word) ? Number(word) : 0;
  if (limit >= 1 && limit <= MOST_RESULTS) return limit;
  throw new FlagError(`it must be between 1 and ${MOST_RESULTS}`);
}

function isWanted({ official, stars }: SearchResult, filters: readonly Filter[]): boolean {
  return filters.every(([key, wanted]) => {
    if (key === "is-official") return parseBoolean(wanted) === official;
    if (key === "stars") return stars >= Number(wanted);
    throw new FlagError(`invalid filter '${key}'`);
  });
}

function row({ name, description, stars, official }: SearchResult, whole: boolean): Row {
  const text = neutralise(description);
  return {
    Name: neutralise(name),
    Description: whole ? text : ellipsis(text, DESCRIPTION_WIDTH),
    StarCount: String(stars),
    IsOfficial: official ? "[OK]" : "",
  };
}
