// Images on their way to others and from them, each run on a fresh disk that is flushed inside the
// measured time: pushes to docker-registry, archives written and read.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { CACHED_TAG } from "../test/images/cache.ts";
import { largeLayout } from "../test/images/large.ts";
import { startRegistry } from "../test/images/registry.ts";
import { freshDisk } from "./fresh-disk.ts";
import { type Benchmark, compare, type Limit, type Row } from "./harness.ts";
import { openNacre } from "./nacre.ts";
import { prepareCgroups } from "./peers/cgroups.ts";
import { output, timed, version } from "./peers/command.ts";
import { startDocker } from "./peers/docker.ts";
import { digestAlone } from "./pull-limits.ts";

const LAYERS = 7;

interface Subject {
  readonly size: string;
  readonly layout: string;
  readonly runs: number;
  /** A store that has the image as `subject:1`. */
  readonly root: string;
  readonly folder: string;
}

async function pushRow({ size, layout, runs, root }: Subject): Promise<Row> {
  const digests = new Set<string>();
  const measured = async (push: (name: string) => number): Promise<number> => {
    using disk = freshDisk();
    await using registry = await startRegistry({ folder: disk.path });
    const name = `${registry.address}/team/subject:1`;
    const pushedMs = push(name);
    const elapsedMs = pushedMs + disk.flush();
    const format = ["--tls-verify=false", "--format", "{{.Digest}}"];
    digests.add(output("skopeo", "inspect", ...format, `docker://${name}`));
    return elapsedMs;
  };
  const nacre = openNacre(root);
  return compare({
    ...{ work: `push of a ${size} image`, atMost: 1, runs, peer: "skopeo" },
    limits: [await diskAlone(layoutBytes(layout))],
    ours: () =>
      measured((name) => {
        nacre.output("tag", "subject:1", name);
        return nacre.timed("push", "--quiet", name);
      }),
    open: () => ({
      ...{ name: "skopeo copy", version: version("skopeo", "--version") },
      once: () =>
        measured((name) => {
          const words = ["copy", "--quiet", "--dest-tls-verify=false"];
          return timed("skopeo", ...words, `oci:${layout}:${CACHED_TAG}`, `docker://${name}`);
        }),
    }),
    hash: () => {
      if (digests.size === 1) return [...digests][0]!.slice(0, "sha256:".length + 12);
      throw new Error(`push: the digests differ: ${[...digests].join(", ")}`);
    },
  });
}

async function archiveRows(subject: Subject): Promise<Row[]> {
  const { size, runs, root, folder } = subject;
  using store = freshDisk();
  await using docker = await startDocker(join(store.path, "docker"));
  const nacre = openNacre(root);
  const ours = join(folder, "ours.tar");
  nacre.output("save", "-o", ours, "subject:1");
  docker.output("load", "-q", "-i", ours);
  const given = join(folder, "docker.tar");
  docker.output("save", "-o", given, "subject:1");
  const saved = (save: (file: string) => number): number => {
    using disk = freshDisk();
    const savedMs = save(join(disk.path, "saved.tar"));
    return savedMs + disk.flush();
  };
  const { name, version } = docker;
  const save = await compare({
    ...{ work: `save of a ${size} image`, atMost: 0.3, runs, peer: "docker" },
    limits: [await diskAlone(statSync(ours).size)],
    ours: () => saved((file) => nacre.timed("save", "-o", file, "subject:1")),
    open: () => ({
      ...{ name, version },
      once: () => saved((file) => docker.timed("save", "-o", file, "subject:1")),
    }),
  });
  const load = await compare({
    ...{ work: `load of a ${size} image`, atMost: 0.3, runs, peer: "docker" },
    limits: [
      await diskAlone(statSync(given).size),
      { what: "the digests alone", ms: digestAlone(statSync(given).size) },
    ],
    ours: () => loadOurs(given),
    open: () => ({ ...{ name, version }, once: () => loadByDocker(given) }),
  });
  return [save, load];
}

function loadOurs(archive: string): number {
  using disk = freshDisk();
  const nacre = openNacre(join(disk.path, "nacre"));
  const loadedMs = nacre.timed("load", "-q", "-i", archive);
  return loadedMs + disk.flush();
}

async function loadByDocker(archive: string): Promise<number> {
  using disk = freshDisk();
  await using docker = await startDocker(join(disk.path, "docker"));
  const loadedMs = docker.timed("load", "-q", "-i", archive);
  return loadedMs + disk.flush();
}

function layoutBytes(layout: string): number {
  return Number(output("du", "-sb", layout).split("\t")[0]);
}

/** So many bytes in one file on a fresh disk, flushed. */
async function diskAlone(bytes: number): Promise<Limit> {
  using disk = freshDisk();
  const file = join(disk.path, "bytes");
  const start = performance.now();
  const block = 1 << 20;
  const words = [`if=/dev/zero`, `of=${file}`, `bs=${block}`, `count=${Math.ceil(bytes / block)}`];
  execFileSync("dd", words, { stdio: "ignore" });
  disk.flush();
  return { what: "the disk alone", ms: performance.now() - start };
}

export const share: Benchmark = {
  name: "share",
  about: "push, save and load of a large image",
  async run({ small, log }) {
    using _cgroups = prepareCgroups();
    const layers = small ? 1 : LAYERS;
    const layerBytes = small ? 1 << 20 : 64 << 20;
    log("making the image");
    const layout = await largeLayout(layers, layerBytes);
    const folder = mkdtempSync("/dev/shm/nacre-share-");
    try {
      const root = join(folder, "store");
      const nacre = openNacre(root);
      const archive = join(folder, "layout.tar");
      const to = `oci-archive:${archive}:docker.io/library/subject:1`;
      execFileSync("skopeo", ["copy", "--quiet", `oci:${layout}:${CACHED_TAG}`, to]);
      nacre.output("load", "-q", "-i", archive);
      rmSync(archive);
      const size = `${(layers * layerBytes) >> 20} MiB`;
      const subject = { size, layout, runs: small ? 1 : 5, root, folder };
      return [await pushRow(subject), ...(await archiveRows(subject))];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
