// ls(1).

import { errorText } from "../error-text.ts";
import type { ProgramContext } from "../program.ts";
import type { FileInformation } from "../program-files.ts";
import { parseOptions } from "./options.ts";
import { accounts, tool } from "./tool.ts";

const LETTERS: Readonly<Record<FileInformation["kind"], string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  character: "c",
  block: "b",
  fifo: "p",
  socket: "s",
};

/** `drwxr-xr-x`. */
function modeText({ kind, mode }: FileInformation): string {
  const bits = [...`rwxrwxrwx`].map((letter, i) => ((mode >> (8 - i)) & 1 ? letter : "-"));
  for (const [bit, at, letter] of [
    [0o4000, 2, "s"],
    [0o2000, 5, "s"],
    [0o1000, 8, "t"],
  ] as const) {
    if ((mode & bit) !== 0) bits[at] = bits[at] === "x" ? letter : letter.toUpperCase();
  }
  return LETTERS[kind] + bits.join("");
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const HALF_YEAR_MS = 182 * 864e5;

function timeText(seconds: number, nowMs: number): string {
  const at = new Date(seconds * 1000);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${MONTHS[at.getUTCMonth()]} ${String(at.getUTCDate()).padStart(2)}`;
  const recent = Math.abs(nowMs - seconds * 1000) < HALF_YEAR_MS;
  return `${day} ${recent ? `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}` : ` ${at.getUTCFullYear()}`}`;
}

interface Entry {
  readonly name: string;
  readonly path: string;
  readonly found: FileInformation;
}

class Listing {
  readonly #context: ProgramContext;
  readonly #flags: ReadonlySet<string>;
  code = 0;

  constructor(context: ProgramContext, flags: ReadonlySet<string>) {
    this.#context = context;
    this.#flags = flags;
  }

  async complain(path: string, error: unknown): Promise<void> {
    await this.#context.stderr.write(`ls: cannot access '${path}': ${errorText(error)}\n`);
    this.code = 2;
  }

  async entries(names: readonly (readonly [name: string, path: string])[]): Promise<Entry[]> {
    const found: Entry[] = [];
    for (const [name, path] of names) {
      try {
        found.push({ name, path, found: this.#context.files.status(path, { follow: false }) });
      } catch (error) {
        await this.complain(path, error);
      }
    }
    const time = ({ found: { mtime } }: Entry): number => mtime.seconds + mtime.nanoseconds / 1e9;
    if (this.#flags.has("t")) found.sort((a, b) => time(b) - time(a));
    if (this.#flags.has("S")) found.sort((a, b) => b.found.sizeBytes - a.found.sizeBytes);
    return this.#flags.has("r") ? found.reverse() : found;
  }

  async show(entries: readonly Entry[]): Promise<void> {
    const lines = this.#flags.has("l")
      ? this.#long(entries)
      : entries.map((one) => this.#name(one));
    const numbered = this.#flags.has("i")
      ? lines.map((line, i) => `${entries[i]?.found.inode} ${line}`)
      : lines;
    await this.#context.stdout.write(numbered.map((line) => `${line}\n`).join(""));
  }

  #name({ name, found }: Entry): string {
    const mark = this.#flags.has("F") || this.#flags.has("p");
    return mark && found.kind === "directory" ? `${name}/` : name;
  }

  #long(entries: readonly Entry[]): string[] {
    const [users, groups] = [accounts(this.#context, "passwd"), accounts(this.#context, "group")];
    const numeric = this.#flags.has("n");
    const rows = entries.map((entry) => {
      const { found, path } = entry;
      const text = found.kind === "symlink" ? ` -> ${this.#context.files.readLink(path)}` : "";
      return [
        modeText(found),
        String(found.links),
        numeric ? String(found.uid) : users.name(found.uid),
        numeric ? String(found.gid) : groups.name(found.gid),
        found.node ? `${found.node.major}, ${found.node.minor}` : String(found.sizeBytes),
        timeText(found.mtime.seconds, this.#context.nowMs()),
        `${this.#name(entry)}${text}`,
      ];
    });
    const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
    return rows.map((row) =>
      row
        .map((cell, i) => {
          if (i > 4 || i === 0) return cell;
          return i === 1 || i === 4 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
        })
        .join(" "),
    );
  }

  async directory(path: string, titled: boolean): Promise<void> {
    let names: string[];
    try {
      names = this.#context.files.list(path);
    } catch (error) {
      await this.#context.stderr.write(
        `ls: cannot open directory '${path}': ${errorText(error)}\n`,
      );
      this.code = 2;
      return;
    }
    if (titled) await this.#context.stdout.write(`${path}:\n`);
    const all = this.#flags.has("a");
    const shown = names.filter((name) => all || this.#flags.has("A") || !name.startsWith("."));
    const named = [...(all ? [".", ".."] : []), ...shown].map(
      (name) => [name, path.endsWith("/") ? path + name : `${path}/${name}`] as const,
    );
    const entries = await this.entries(named);
    if (this.#flags.has("l")) await this.#context.stdout.write("total 0\n");
    await this.show(entries);
    if (!this.#flags.has("R")) return;
    for (const entry of entries) {
      if (entry.found.kind !== "directory" || /^\.\.?$/.test(entry.name)) continue;
      await this.#context.stdout.write("\n");
      await this.directory(entry.path, true);
    }
  }
}

export const ls = tool(async (context) => {
  const { flags, operands } = parseOptions(context.arguments.slice(1), "1aAdFhilnpRrStgoCxs", "", {
    all: "a",
    "almost-all": "A",
    directory: "d",
    recursive: "R",
    color: "h",
    "human-readable": "h",
  });
  const paths = operands.length > 0 ? [...operands].sort() : ["."];
  // What is shown in full is shown itself, unless a slash behind it says otherwise.
  const follow = (path: string): boolean => !flags.has("l") || path.endsWith("/");
  const listing = new Listing(context, flags);
  const isDirectory = (path: string): boolean =>
    !flags.has("d") && context.files.kindOf(path, { follow: follow(path) }) === "directory";
  const files = paths.filter((path) => !isDirectory(path));
  await listing.show(await listing.entries(files.map((path) => [path, path])));
  const directories = paths.filter(isDirectory);
  for (const [i, path] of directories.entries()) {
    if (i > 0 || files.length > 0) await context.stdout.write("\n");
    await listing.directory(path, paths.length > 1 || flags.has("R"));
  }
  return listing.code;
});
