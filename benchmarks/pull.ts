// Pulls from a registry on loopback into an empty store on an empty disk, flushed inside the
// measured time. The registry's blobs lie in memory. Both sides end with the same digest.

import { join } from "node:path";
import { debianLayout } from "../test/images/debian.ts";
import { manyFilesLayout, manyLayersLayout } from "../test/images/many-files.ts";
import { startRegistry } from "../test/images/registry.ts";
import { freshDisk } from "./fresh-disk.ts";
import { type Benchmark, compare, type Limit, type Peer, type Row } from "./harness.ts";
import { openNacre } from "./nacre.ts";
import { prepareCgroups } from "./peers/cgroups.ts";
import { startDocker } from "./peers/docker.ts";
import { openPodman } from "./peers/podman.ts";
import { pullLimits } from "./pull-limits.ts";

interface Goal {
  readonly atMost: number;
}

interface Subject {
  readonly work: string;
  readonly docker: Goal;
  readonly podman: Goal;
  readonly layout: () => Promise<string>;
}

const FULL: readonly Subject[] = [
  {
    work: "pull of 50,000 small files",
    docker: { atMost: 0.08 },
    podman: { atMost: 0.08 },
    layout: () => manyFilesLayout(),
  },
  {
    work: "pull of Debian, 12,000 files",
    docker: { atMost: 0.25 },
    podman: { atMost: 0.25 },
    layout: debianLayout,
  },
  {
    work: "pull of 41 small layers",
    docker: { atMost: 0.25 },
    podman: { atMost: 0.25 },
    layout: () => manyLayersLayout(41),
  },
];
const SMALL: readonly Subject[] = [
  {
    work: "pull of 500 small files",
    docker: { atMost: 1 },
    podman: { atMost: 1 },
    layout: () => manyFilesLayout(500),
  },
  {
    work: "pull of 5 layers",
    docker: { atMost: 1 },
    podman: { atMost: 1 },
    layout: () => manyLayersLayout(5),
  },
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
  const pulledMs = nacre.timed("pull", "--quiet", image);
  const elapsedMs = pulledMs + disk.flush();
  digests.add(digestOf(nacre.output("image", "inspect", ...FORMAT, image)));
  return elapsedMs;
}

async function pullByDocker(image: string, digests: Digests): Promise<number> {
  using disk = freshDisk();
  await using docker = await startDocker(join(disk.path, "docker"));
  const pulledMs = docker.timed("pull", "--quiet", image);
  const elapsedMs = pulledMs + disk.flush();
  digests.add(digestOf(docker.output("image", "inspect", ...FORMAT, image)));
  return elapsedMs;
}

function pullByPodman(image: string, digests: Digests): number {
  using disk = freshDisk();
  using podman = openPodman(join(disk.path, "podman"));
  const pulledMs = podman.timed("pull", "--quiet", "--tls-verify=false", image);
  const elapsedMs = pulledMs + disk.flush();
  digests.add(podman.output("image", "inspect", "--format", "{{.Digest}}", image));
  return elapsedMs;
}

/** A peer that has been started once, so that a missing one is known before anything is measured. */
const PEERS = {
  docker: async (image: string, digests: Digests): Promise<Peer> => {
    using disk = freshDisk();
    await using docker = await startDocker(join(disk.path, "docker"));
    const { name, version } = docker;
    return { name, version, once: () => pullByDocker(image, digests) };
  },
  podman: (image: string, digests: Digests): Peer => {
    using disk = freshDisk();
    using podman = openPodman(join(disk.path, "podman"));
    const { name, version } = podman;
    return { name, version, once: () => pullByPodman(image, digests) };
  },
};

interface Measured {
  readonly image: string;
  readonly digest: string;
  readonly limits: readonly Limit[];
  readonly runs: number;
}

function pullRow(subject: Subject, peer: "docker" | "podman", measured: Measured): Promise<Row> {
  const { image, digest, limits, runs } = measured;
  const digests: Digests = new Set([digest]);
  return compare({
    ...{ work: subject.work, ...subject[peer], limits, runs, warmUp: 0, peer },
    ours: () => pullOurs(image, digests),
    open: () => PEERS[peer](image, digests),
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
      const layout = await subject.layout();
      const name = `subject-${rows.length}`;
      const digest = await registry.push(layout, name);
      const image = `${registry.address}/${name}:latest`;
      const measured = { image, digest, limits: await pullLimits(layout), runs: small ? 1 : 5 };
      rows.push(await pullRow(subject, "docker", measured));
      rows.push(await pullRow(subject, "podman", measured));
    }
    return rows;
  },
};
