// Copies that are known again without being read: real files, for what shows a change is the
// kernel's to say.

import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, renameSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CopyLayer } from "@nacre/engine/build/copy-layer.ts";
import { CopiedMembers } from "@nacre/engine/build/copy-members.ts";
import { keyOfCopy } from "@nacre/engine/build/copy-step.ts";
import { KnownCopies, type LookedAt } from "@nacre/engine/build/known-copies.ts";
import { DirectoryTree } from "@nacre/engine/build/source-tree.ts";
import type { StepContext } from "@nacre/engine/build/stage-steps.ts";
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { beforeEach, expect, it } from "vitest";
import { temporaryDirectory } from "../../contract/temporary.ts";

const ADDON = fileURLToPath(new URL("../../../backends/linux/dist/addon.node", import.meta.url));

/** Files that say which of them were read. */
class ReadFiles extends LinuxFiles {
  readonly read: string[] = [];
  override readBeneath(directory: string, path: string, limitBytes: number) {
    this.read.push(path);
    return super.readBeneath(directory, path, limitBytes);
  }
}

const hasher = () => {
  const hash = createHash("sha256");
  return { update: (bytes: Uint8Array) => hash.update(bytes), digest: () => hash.digest("hex") };
};

let context: string;
let files: ReadFiles;
let paths: StatePaths;
beforeEach(() => {
  const base = temporaryDirectory();
  context = join(base, "context");
  mkdirSync(join(context, "in"), { recursive: true });
  writeFileSync(join(context, "a"), "one");
  writeFileSync(join(context, "in/b"), "two");
  files = new ReadFiles(ADDON);
  paths = new StatePaths(join(base, "root"));
});

/** The layer of `COPY . /` by a look that is so much later than now. */
function layer(laterMs = 60_000): CopyLayer {
  const tree = new DirectoryTree("the context", context, files.walk(context), Date.now() + laterMs);
  const rules = { target: "/", rootOwned: true, parents: false, exclude: [] };
  const members = new CopiedMembers(rules);
  members.add(tree, ".");
  return new CopyLayer(files, hasher, members.finish(), undefined);
}

/** Until the file system's clock has gone on, which stands still for some milliseconds. */
function nextMoment(): void {
  const probe = join(context, "../probe");
  const changed = (): bigint => {
    writeFileSync(probe, "");
    return statSync(probe, { bigint: true }).ctimeNs;
  };
  for (const began = changed(); changed() === began; );
}

const lookedAt = (): LookedAt => layer().lookedAt() as LookedAt;

it("knows files again that are what they were", () => {
  expect(lookedAt()).toEqual(lookedAt());
  expect(lookedAt().isSettled).toBe(true);
  expect(files.read).toEqual([]);
});

it("sees every change, whatever is done about the times of a file", () => {
  const seen = [lookedAt().fingerprint];
  const changes = [
    () => {
      const { atime, mtime } = statSync(join(context, "a"));
      writeFileSync(join(context, "a"), "own");
      utimesSync(join(context, "a"), atime, mtime);
    },
    () => {
      const { atime, mtime } = statSync(join(context, "a"));
      writeFileSync(join(context, "in/c"), "new");
      utimesSync(join(context, "in/c"), atime, mtime);
      renameSync(join(context, "in/c"), join(context, "a"));
    },
    () => chmodSync(join(context, "in/b"), 0o600),
    () => writeFileSync(join(context, "in/d"), ""),
    () => renameSync(join(context, "in/d"), join(context, "in/e")),
  ];
  for (const change of changes) {
    nextMoment();
    change();
    seen.push(lookedAt().fingerprint);
  }
  expect(new Set(seen).size).toBe(changes.length + 1);
});

it("keeps nothing of files that may change once more in the moment of the look", () => {
  const copies = new KnownCopies(files, paths, "boot");
  const young = layer(0).lookedAt() as LookedAt;
  expect(young.isSettled).toBe(false);
  copies.put(young, "sha256:1");
  expect(copies.find(young)).toBeUndefined();
});

it("keeps the last few for the boot that they were seen in, and none that were torn", () => {
  const copies = new KnownCopies(files, paths, "boot");
  const of = (n: number): LookedAt => ({ fingerprint: `${n}`, isSettled: true });
  for (let n = 0; n < 300; n++) copies.put(of(n), `sha256:${n}`);
  const again = () => new KnownCopies(files, paths, "boot");
  expect([again().find(of(0)), again().find(of(299))]).toEqual([undefined, "sha256:299"]);
  expect(new KnownCopies(files, paths, "another").find(of(299))).toBeUndefined();
  writeFileSync(join(paths.builds, "copies.json"), '{"boot":"bo');
  expect(again().find(of(299))).toBeUndefined();
});

it("tells of a large file that has changed between its digest and its tar", async () => {
  writeFileSync(join(context, "large"), Buffer.alloc(3 << 20, "x"));
  const copied = async (between: () => void): Promise<boolean> => {
    const one = layer();
    await one.digest();
    between();
    for await (const _ of one.tar());
    return one.isTorn;
  };
  expect(await copied(() => {})).toBe(false);
  nextMoment();
  expect(
    await copied(() => writeFileSync(join(context, "large"), Buffer.alloc(3 << 20, "y"))),
  ).toBe(true);
  // Small ones are in the tar as they are in the digest.
  expect(await copied(() => writeFileSync(join(context, "a"), "new"))).toBe(false);
});

it("reads files only where they have changed, or their layer is not here", async () => {
  const copies = new KnownCopies(files, paths, "boot");
  const here = new Set<string>();
  const cache = {
    key: (kind: string, { digest }: { digest: string }) => `${kind} ${digest}`,
    find: async (key: string) => (here.has(key) ? { diffId: "", createdMs: 0 } : undefined),
  };
  const run = { services: { cache, copies }, newest: undefined };
  const key = (isFresh = false): Promise<string> => {
    files.read.length = 0;
    const step = { run, isFresh } as unknown as StepContext;
    return keyOfCopy("COPY", layer(), step);
  };
  const first = await key();
  expect(files.read).toEqual(["a", "in/b"]);
  expect(await key()).toBe(first);
  expect(files.read).toEqual(["a", "in/b"]);
  here.add(first);
  expect(await key()).toBe(first);
  expect(files.read).toEqual([]);
  expect(await key(true)).toBe(first);
  expect(files.read).toEqual(["a", "in/b"]);
  writeFileSync(join(context, "a"), "own");
  const other = await key();
  expect(other).not.toBe(first);
  expect(files.read).toEqual(["a", "in/b"]);
  writeFileSync(join(context, "a"), "one");
  expect(await key()).toBe(first);
});
