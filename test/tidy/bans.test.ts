import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { isBarrel, offences } from "./bans.ts";
import { FILES, parse, readText, report, SOURCES } from "./source-tree.ts";

/** Barrels that are a package's public entry, which is what a barrel is for. */
const PUBLIC_ENTRIES = new Set([
  "core/assembly/index.ts",
  "cli/nacre.ts",
  "cli/contract.ts",
  "cli/plugin.ts",
  "cli/simulated.ts",
]);

function messages(path: string, text: string): string {
  return offences(parse(path, text))
    .map(({ message }) => message)
    .join("; ");
}

describe("the bans of the house", () => {
  it("are kept by every source", () => {
    expect(report(SOURCES.flatMap(offences))).toBe("");
  });

  it("hold for the C sources too: nothing is left for later", () => {
    const native = FILES.filter((path) => /\.[ch]$/.test(path));
    const found = native.filter((path) => /\b(TODO|FIXME|XXX|HACK)\b/.test(readText(path)));
    expect(found.join("\n"), "do it now, or open an issue").toBe("");
  });

  it("name a file after its concept, not after its usefulness", () => {
    const vague = /^(utils?|helpers?|misc|common|shared|stuff)\.[a-z.]+$/;
    const found = FILES.filter((path) => vague.test(basename(path)));
    expect(found.join("\n"), "name the concept that these functions share").toBe("");
  });

  it("have no barrel but a package's public entry", () => {
    const found = SOURCES.filter((s) => isBarrel(s) && !PUBLIC_ENTRIES.has(s.path));
    const message = "import from the file that has it: `@nacre/core/ports/files.ts`";
    expect(found.map((s) => s.path).join("\n"), message).toBe("");
  });
});

describe("the bans themselves", () => {
  it("hit the host's clock, chance, timers, process and network", () => {
    expect(messages("engine/x.ts", "Date.now();")).toMatch(/Clock\.nowMs/);
    expect(messages("engine/x.ts", "new Date();")).toMatch(/Clock\.nowMs/);
    expect(messages("engine/x.ts", "new Date(5);")).toBe("");
    expect(messages("core/x.ts", "const r = Math.random();")).toMatch(/Random\.bytes/);
    expect(messages("core/x.ts", "const f = setTimeout;")).toMatch(/Clock\.sleep/);
    expect(messages("core/x.ts", "globalThis.setTimeout(f, 1);")).toMatch(/Clock\.sleep/);
    expect(messages("backends/simulated/x.ts", "process.exit(1);")).toMatch(/cli/);
    expect(messages("backends/linux/x.ts", "process.exit(Date.now());")).toBe("");
  });

  it("spare what only has such a name", () => {
    expect(messages("core/x.ts", "const f = (process: P) => process.pid;")).toBe("");
    expect(messages("core/x.ts", "const f = ({ process }: R) => () => process.pid;")).toBe("");
    expect(messages("core/x.ts", "running.process; const x = { process: 1 };")).toBe("");
    expect(messages("core/x.ts", "interface R { process: P; fetch(r: R): void }")).toBe("");
    expect(messages("core/x.ts", "class F { fetch() { return 1; } }")).toBe("");
    expect(messages("core/x.ts", "// Date.now()\nconst s = 'Math.random()';")).toBe("");
  });

  it("hit any, enums, decorators, I-prefixes and silenced types", () => {
    expect(messages("core/x.ts", "let a: any;")).toMatch(/unknown/);
    expect(messages("core/x.ts", "enum E { A }")).toMatch(/union/);
    expect(messages("engine/x.ts", "@injectable() class A {}")).toMatch(/module\.ts/);
    expect(messages("core/x.ts", "interface IKernel {}")).toMatch(/prefix/);
    expect(messages("core/x.ts", "interface IoBuffer {}")).toBe("");
    expect(messages("core/x.ts", "// @ts-ignore\nf();")).toMatch(/types/);
    expect(messages("core/x.ts", `// ${"TO"}DO later\nf();`)).toMatch(/issue/);
  });

  it("hit tests that do not run, unless they say why", () => {
    expect(messages("test/x.test.ts", "it.only('a', f);")).toMatch(/-t name/);
    expect(messages("test/x.test.ts", "describe.skip('a', f);")).toMatch(/skipIf/);
    expect(messages("test/x.test.ts", "it.skipIf(!root)('a', f);")).toMatch(/reason/);
    expect(messages("test/x.test.ts", "// Mounting needs root.\nit.skipIf(!root)('a', f);")).toBe(
      "",
    );
    expect(messages("engine/x.ts", "list.skip(3); pages.only;")).toBe("");
  });

  it("let only those speak who have somebody to speak to", () => {
    expect(messages("engine/x.ts", "console.log(1);")).toMatch(/event/);
    expect(messages("cli/x.ts", "console.log(1);")).toBe("");
  });
});
