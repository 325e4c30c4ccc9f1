// Pulls from a registry on loopback into an empty store on an empty disk, flushed inside the
// measured time. The registry's blobs lie in memory. Both sides end with the same digest.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { CACHED_TAG } from "../test/images/cache.ts";
import { debianLayout } from "../test/images/debian.ts";
import { manyFilesLayout, manyLayersLayout } from "../test/images/many-files.ts";
import { startRegistry } from "../test/images/registry.ts";
import { freshDisk } from "./fresh-disk.ts";
import { type Benchmark, compared, interleave, peerMissing, type Row } from "./harness.ts";
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

async function pullTheirs(image: string, digests: Digests): Promise<[number, string]> {
  using disk = freshDisk();
  await using docker = await startDocker(join(disk.path, "docker"));
  const start = performance.now();
  docker.timed("pull", "--quiet", image);
  disk.flush();
  const elapsedMs = performance.now() - start;
  digests.add(digestOf(docker.output("image", "inspect", ...FORMAT, image)));
  return [elapsedMs, docker.version];
}

async function pullRow(
  subject: Subject,
  image: string,
  digest: string,
  runs: number,
): Promise<Row> {
  const common = { work: subject.work, atMost: subject.atMost, runs };
  const digests: Digests = new Set([digest]);
  let version = "";
  const theirOnce = async (): Promise<number> => {
    const [elapsedMs, said] = await pullTheirs(image, digests);
    version = said;
    return elapsedMs;
  };
  try {
    const sides = [() => pullOurs(image, digests), theirOnce];
    const [ours = 0, theirs = 0] = await interleave(sides, runs, 0);
    if (digests.size !== 1)
      throw new Error(`${subject.work}: the digests differ: ${[...digests].join(", ")}`);
    const hash = createHash("sha256").update(digest).digest("hex").slice(0, 12);
    return compared({ ...common, hash }, { name: "docker", version }, ours, theirs);
  } catch (error) {
    return peerMissing(common, "docker", error);
  }
}

export const pull: Benchmark = {
  name: "pull",
  about: `an image into an empty store (as ${CACHED_TAG} of a layout, pushed by skopeo)`,
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
