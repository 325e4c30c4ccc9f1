// docs/LIBRARY.md lists what an engine can do: nothing of it may be missing there.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const INTERFACES = [
  "engine",
  ...[
    "archive",
    "build",
    "container",
    "copy",
    "index",
    "kernel",
    "secret",
    "sharing",
    "system",
    "volume",
  ].map((name) => `${name}-interface`),
].map((name) => read(`engine/${name}.ts`));

/** The body of an interface, as it is written: members stand two columns in. */
function bodyOf(name: string): string {
  const found = INTERFACES.flatMap((text) => {
    return (
      new RegExp(`^export interface ${name}\\b.*? \\{\\n(.*?)^\\}`, "ms").exec(text)?.[1] ?? []
    );
  });
  expect(found, name).toHaveLength(1);
  return found[0] as string;
}

const methodsOf = (name: string): string[] =>
  [...bodyOf(name).matchAll(/^ {2}(\w+)\(/gm)].map(([, method]) => method as string);

describe("the guide to the library", () => {
  const guide = read("docs/LIBRARY.md");
  const parts = [...bodyOf("Engine").matchAll(/^ {2}readonly (\w+): ([A-Z]\w+);/gm)];

  it("names every part of an engine", () => {
    expect(parts.length).toBeGreaterThan(8);
    for (const [, part] of parts) expect(guide).toContain(`**\`engine.${part}\`**`);
  });

  it.each([...parts.map(([, , type]) => type as string), "ImageSharing", "ContainerFiles"])(
    "names every method of %s",
    (type) => {
      const methods = methodsOf(type);
      expect(methods.length).toBeGreaterThan(2);
      expect(
        methods.filter(
          (method) => !guide.includes(`\`${method}\``) && !guide.includes(`.${method}(`),
        ),
      ).toEqual([]);
    },
  );
});
