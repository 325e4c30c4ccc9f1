// A machine that does not list the overlay file system, for a user who is not root: the kernel is
// asked by a process, which must not be started for commands that mount nothing.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

const FACTS = join(import.meta.dirname, "..", "..", "backends", "linux", "facts.ts");

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "nacre-unlisted-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

it("is asked for the overlay when somebody wants to know, and once", () => {
  const init = join(directory, "init");
  const listed = join(directory, "filesystems");
  const log = join(directory, "log");
  writeFileSync(init, `#!/bin/sh\necho asked >>${log}\n`, { mode: 0o755 });
  writeFileSync(listed, "nodev\ttmpfs\n\text4\n");
  writeFileSync(log, "");
  const script = `
    import { readFileSync } from "node:fs";
    import { probeFacts } from ${JSON.stringify(FACTS)};
    const asked = () => readFileSync(${JSON.stringify(log)}, "utf8").length / 6;
    const facts = probeFacts(${JSON.stringify(init)}, undefined, undefined, "no user namespace");
    const counts = [asked(), typeof facts.overlay, asked(), typeof facts.overlay, asked()];
    console.log(JSON.stringify([facts.erofs, ...counts]));
  `;
  const shell = `mount --bind ${listed} /proc/filesystems && exec "$0" --input-type=module -e "$1"`;
  const words = ["-m", "sh", "-c", shell, process.execPath, script];
  const out = execFileSync("unshare", words, { encoding: "utf8", cwd: import.meta.dirname });
  expect(JSON.parse(out)).toEqual(["none", 0, "boolean", 1, "boolean", 1]);
  expect(readFileSync("/proc/filesystems", "utf8")).toContain("tmpfs");
});
