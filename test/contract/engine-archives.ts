// What an engine tells of containers' roots, on whatever kernel: part of engineContract.

import { expect, it } from "vitest";
import type { Bench } from "./engine.ts";

/** Makes, changes and removes something of each kind that the tools of both kernels can make. */
const CHANGES = [
  "mkdir -p /made/deep",
  "echo new >/made/deep/file",
  "ln /made/deep/file /made/twin",
  "ln -s ../made /made/link",
  "rm /bin/broken",
  "mkdir /tmp/gone; rmdir /tmp/gone",
].join("; ");

async function changed(bench: Bench, name: string, script: string): Promise<string[]> {
  await bench.start(name, script);
  await bench.containers.wait(name);
  const changes = await bench.subject.engine.archives.changes(name);
  return changes.map(({ kind, path }) => `${kind} ${path}`);
}

export function archiveCases(bench: () => Bench): void {
  it("tells what a container has added, changed and deleted, and nothing of what was there", async () => {
    expect(await changed(bench(), "idle", "exit 0")).toEqual([]);
    const changes = await changed(bench(), "changed", CHANGES);
    expect(changes.filter((line) => !line.endsWith(" /tmp"))).toEqual([
      "C /bin",
      "D /bin/broken",
      "A /made",
      "A /made/deep",
      "A /made/deep/file",
      "A /made/link",
      "A /made/twin",
    ]);
  });

  it("tells what became of a directory that was removed and made anew", async () => {
    const changes = await changed(bench(), "anew", "cp -r /bin /kept; rm -r /bin");
    expect(changes).toContain("D /bin");
    expect(changes.filter((line) => line.includes(" /bin/"))).toEqual([]);
  });
}
