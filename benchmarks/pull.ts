// Pulls from a registry on loopback into an empty store on an empty disk, flushed inside the
// measured time. The registry's blobs lie in memory. Both sides end with the same digest.

import { join } from "node:path";
import { debianLayout } from "../test/images/debian.ts";
import { manyFilesLayout, manyLayersLayout } from "../test/images/many-files.ts";
import { startRegistry } from "../test/images/registry.ts";
import { freshDisk } from "./fresh-disk.ts";
import { type Benchmark, compare, type Row } from "./harness.ts";
import { openNacre } from "./nacre.ts";
import { prepareCgroups } from "./peers/cgroups.ts";
import { startDocker } from "./peers/docker.ts";

interface Subject {
  readonly work: string;
  readonly atMost: number;
  readonly layout: () => Promise<string>;
}

const FULL: readonly Subject[] = [
  { work: "pull of 50,000 small files", atMost: 0.15, layout: () => manyFilesLayout() },
  { work: "pull of Debian, 12,000 files", atMost: 0.4, layout: debianLayout },
];
const SMALL: readonly Subject[] = [
  { work: "pull of 500 small files", atMost: 1, layout: () => manyFilesLayout(500) },
  { work: "pull of 5 layers", atMost: 1, layout: () => manyLayersLayout(5) },
];

/** What a side reports as the digest of what it pulled. */
type Digests = Set<string>;

const FORMAT = ["--format", "{{index .RepoDigests 0}}"];

function digestOf(repoDigest: string): string {
  return repoDigest.split("@")[1] ?? repoDigest;
}

function pullOurs(image: string, digests: Digests): number {
  using disk = freshDisk();
  const nacre = openNacre(join(disk.path, "nacre"));
  const start = performance.now();
  nacre.timed("pull", "--quiet", image);
  disk.flush();
  const elapsedMs = performance.now() - start;
  digests.add(digestOf(nacre.output("image", "inspect", ...FORMAT, image)));
  return elapsedMs;
}

async function pullTheirs(image: string, digests: Digests): Promise<number> {
  using disk = freshDisk();
  await using docker = await startDocker(join(disk.path, "docker"));
  const start = performance.now();
  docker.timed("pull", "--quiet", image);
  disk.flush();
  const elapsedMs = performance.now() - start;
  digests.add(digestOf(docker.output("image", "inspect", ...FORMAT, image)));
  return elapsedMs;
}

/** Starts a daemon once, so that a missing one is known before anything is measured. */
async function dockerVersion(): Promise<string> {
  using disk = freshDisk();
  await using docker = await startDocker(join(disk.path, "docker"));
  return docker.version;
}

function pullRow(subject: Subject, image: string, digest: string, runs: number): Promise<Row> {
  const digests: Digests = new Set([digest]);
  return compare({
    ...{ work: subject.work, atMost: subject.atMost, runs, warmUp: 0, peer: "docker" },
    ours: () => pullOurs(image, digests),
    open: async () => ({
      name: "docker",
      version: await dockerVersion(),
      once: () => pullTheirs(image, digests),
    }),
    hash: () => {
      if (digests.size === 1) return digest.slice(0, "sha256:".length + 12);
      throw new Error(`${subject.work}: the digests differ: ${[...digests].join(", ")}`);
    },
  });
}

export const pull: Benchmark = {
  name: "pull",
  about: "an image from a registry on loopback into an empty store",
  async run({ small, log }) {
    using _cgroups = prepareCgroups();
    await using registry = await startRegistry({ folder: "/dev/shm" });
    const rows: Row[] = [];
    for (const subject of small ? SMALL : FULL) {
      log(`making the image for: ${subject.work}`);
      const name = `subject-${rows.length}`;
      const digest = await registry.push(await subject.layout(), name);
      const image = `${registry.address}/${name}:latest`;
      rows.push(await pullRow(subject, image, digest, small ? 1 : 5));
    }
    return rows;
  },
};
