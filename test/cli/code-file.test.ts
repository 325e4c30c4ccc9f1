// Whose compiled code a command takes: cli/code-file.ts, and what the build has made of it.

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { codeFile, OWN_CODE } from "../../cli/code-file.ts";

const DIST = fileURLToPath(new URL("../../cli/dist", import.meta.url));
const version = `.${process.versions.v8}-${process.arch}`;

it("is a command's own for those that people wait for", () => {
  expect(codeFile(["run", "image"])).toBe(`${version}.run.code`);
  expect(codeFile(["--root", "/tmp/r", "ps", "-a"])).toBe(`${version}.ps.code`);
});

it("is everybody's for all others, whatever follows them", () => {
  for (const words of [[], ["version"], ["image", "ls", "--format", "run"], ["oci", "run", "id"]]) {
    expect(codeFile(words)).toBe(`${version}.code`);
  }
});

// As another user the build cannot start the containers by which it learns what is called.
it.runIf(process.getuid?.() === 0)(
  "was made for each of them by the build, and is the smaller",
  () => {
    const names = readdirSync(DIST);
    for (const command of OWN_CODE) {
      const own = names.filter((name) => name.endsWith(`.${command}.code`));
      expect(
        own.map((name) => name.replace(/-.*/, "")),
        command,
      ).toEqual(expect.arrayContaining(["nacre", "engine"]));
    }
  },
);
