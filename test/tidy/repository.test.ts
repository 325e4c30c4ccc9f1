// Names, documents and what must not be in the repository at all.

import { basename, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { FILES, type Node, ROOT, readText, report, SOURCES, type Source } from "./source-tree.ts";

/** Names that a tool or a custom fixes. */
const CUSTOMARY = /^[A-Z]+(-[A-Z]+)*\.md$|^LICENSE$|^Makefile$/;
const KEBAB = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;

const TEXT = /\.(ts|js|mjs|json|md|c|h|sh|yml|yaml)$|(^|\/)(nacre|run|LICENSE|Makefile)$/;

/** The doc comment that ends right before a node. */
function docComment(source: Source, node: Node): string | undefined {
  const before = source.comments.filter((c) => c.end <= node.start).at(-1);
  if (before === undefined || before.type !== "Block" || !before.value.startsWith("*"))
    return undefined;
  return source.text.slice(before.end, node.start).trim() === "" ? before.value : undefined;
}

/** Exported declarations of a source by kind and name. */
function exported(source: Source): { node: Node; declaration: Node; name: string }[] {
  return (source.program.body as Node[]).flatMap((node) => {
    const declaration = node.declaration as Node | null | undefined;
    if (node.type !== "ExportNamedDeclaration" || !declaration) return [];
    const id =
      declaration.id ?? ((declaration.declarations as Node[] | undefined)?.[0]?.id as Node);
    return id ? [{ node, declaration, name: String((id as Node).name) }] : [];
  });
}

/** Why a port's file is not the manual that a port owes to those who implement it. */
function portFault(source: Source): string | undefined {
  const all = exported(source);
  const tokens = all.filter((e) => {
    const init = (e.declaration.declarations as Node[] | undefined)?.[0]?.init as Node | undefined;
    return init?.type === "CallExpression" && (init.callee as Node).name === "token";
  });
  for (const { name } of tokens) {
    const port = all.find(
      (e) => e.declaration.type === "TSInterfaceDeclaration" && e.name === name,
    );
    if (port === undefined) return `the token ${name} has no interface of its name beside it`;
    const doc = docComment(source, port.node);
    if (doc === undefined) return `${name} has no doc comment: write its lifecycle there`;
    const members = (port.declaration.body as Node).body as Node[];
    const methods = members.filter((m) => m.type === "TSMethodSignature");
    if (methods.length > 3 && !/Lifecycle:|\*\n/.test(doc))
      return `${name} has ${methods.length} methods: say in its doc comment in which order they are called`;
  }
  return undefined;
}

describe("names", () => {
  it("are kebab-case", () => {
    const found = FILES.flatMap((path) =>
      path.split("/").filter((part) => !KEBAB.test(part) && !CUSTOMARY.test(part)),
    );
    expect([...new Set(found)].join("\n"), "rename to kebab-case").toBe("");
  });

  it("put a test beside nothing but tests", () => {
    const found = FILES.filter((path) => /\.test\.ts$/.test(path) && !path.startsWith("test/"));
    expect(found.join("\n"), "tests stand under test/, at the path of their source").toBe("");
  });
});

describe("ports", () => {
  it("are each documented on the interface, with their lifecycle", () => {
    const found = SOURCES.filter((s) => s.path.startsWith("core/ports/")).flatMap((source) => {
      const message = portFault(source);
      return message === undefined ? [] : [{ path: source.path, message }];
    });
    expect(report(found)).toBe("");
  });
});

describe("documents", () => {
  it("number the decisions without a gap", () => {
    const decisions = FILES.filter((path) => posix.dirname(path) === "docs/decisions");
    const numbers = decisions.map((path) => Number(/^(\d{4})-/.exec(basename(path))?.[1]));
    const expected = decisions.map((_, i) => i + 1);
    expect(numbers, "name them NNNN-title.md, from 0001").toEqual(expected);
  });

  it("link to files that exist", () => {
    const found = FILES.filter((path) => path.endsWith(".md")).flatMap((path) =>
      [...readText(path).matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)]
        .map((match) => posix.join(posix.dirname(path), match[1] ?? ""))
        .filter((target) => !FILES.some((f) => f === target || f.startsWith(`${target}/`)))
        .map((target) => ({ path, message: `links to ${target}, which is not there` })),
    );
    expect(report(found)).toBe("");
  });
});

describe("the repository", () => {
  it("names no path of the machine it was written on", () => {
    const outside = /(^|[\s"'`(])\.\.\/shared\b/;
    // As a whole, and no name at the root: images have such, as /app, and longer ones begin like it.
    const isTelling = posix.dirname(ROOT) !== "/";
    const names = (line: string): boolean =>
      isTelling && line.split(ROOT).some((rest, at) => at > 0 && !/^[\w.-]/.test(rest));
    const found = FILES.filter((path) => TEXT.test(path)).flatMap((path) => {
      const lines = readText(path).split("\n");
      const hit = lines.findIndex((line) => names(line) || outside.test(line));
      if (hit === -1) return [];
      return [{ path, line: hit + 1, message: "say it without a path of this machine" }];
    });
    expect(report(found)).toBe("");
  });

  it("credits people by commit, not by trailer", () => {
    const credit = new RegExp(["co", "authored", "by:"].join("-"), "i");
    const found = FILES.filter((path) => TEXT.test(path) && credit.test(readText(path)));
    expect(found.join("\n")).toBe("");
  });

  it("holds no binary that the build makes", () => {
    const found = FILES.filter((path) => /\.(wasm|o|a|so|node|tgz)$/.test(path));
    expect(found.join("\n"), "let scripts/build.ts make it; dist/ and build/ are ignored").toBe("");
  });
});
