// What is done to containers that are there, by the command line: joined, listed, looked at,
// stopped; and a hundred of them, by one process.

import { join } from "node:path";
import type { Engine } from "@nacre/engine/engine.ts";
import { busyboxImage } from "../test/images/busybox.ts";
import { type Benchmark, compare, type Once, type Row } from "./harness.ts";
import { openEngine, request } from "./library.ts";
import { type Nacre, openNacre } from "./nacre.ts";
import { type Docker, startDocker } from "./peers/docker.ts";
import { openPodman, type Podman } from "./peers/podman.ts";
import { openStage } from "./stage.ts";

const NETWORK = ["--network", "none"];
/** Ends at once when it is asked to: `wait` is interrupted, where a `sleep` would be waited for. */
const POLITE = ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"];
const SILENT = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
const AT_ONCE = 4;

/** One side: the words before a command, and what its `run` needs. */
interface Side {
  readonly timed: (...words: string[]) => number;
  readonly output: (...words: string[]) => string;
  readonly run: readonly string[];
}

const sideOf = (peer: Docker | Podman): Side => ({
  timed: peer.timed,
  output: peer.output,
  run: "run" in peer ? peer.run : ["run"],
});

interface Work {
  readonly work: string;
  readonly docker: number;
  readonly podman?: number;
  /** Makes one side ready; what is timed then, and what ends it. */
  readonly prepare: (side: Side, image: string, small: boolean) => { once: Once; end: () => void };
}

function ended(side: Side, names: readonly string[]): () => void {
  return () => void side.output("rm", "-f", ...names);
}

const WORKS: readonly Work[] = [
  {
    ...{ work: "exec true", docker: 0.5, podman: 0.25 },
    prepare(side, image) {
      side.output(...side.run, "-d", ...NETWORK, "--name", "joined", image, "sleep", "1000");
      return { once: () => side.timed("exec", "joined", "true"), end: ended(side, ["joined"]) };
    },
  },
  {
    ...{ work: "ps -a with 200 containers", docker: 1.6 },
    prepare(side, image, small) {
      const names = Array.from({ length: small ? 5 : 200 }, (_, i) => `many${i}`);
      const create = ["create", ...side.run.slice(1), ...NETWORK];
      for (const name of names) side.output(...create, "--name", name, image, "true");
      return { once: () => side.timed("ps", "-a"), end: ended(side, names) };
    },
  },
  {
    ...{ work: "inspect", docker: 1.6 },
    prepare(side, image) {
      side.output(...side.run, "-d", ...NETWORK, "--name", "seen", image, "sleep", "1000");
      return { once: () => side.timed("inspect", "seen"), end: ended(side, ["seen"]) };
    },
  },
  {
    ...{ work: "stop of a container that ends at once", docker: 0.3 },
    prepare(side, image) {
      const start = [...side.run, "-d", ...NETWORK, "--name", "polite", image, ...POLITE];
      const once = () => {
        side.output(...start);
        try {
          return side.timed("stop", "polite");
        } finally {
          side.output("rm", "-f", "polite");
        }
      };
      return { once, end: () => {} };
    },
  },
];

async function measure(
  { work, docker, podman, prepare }: Work,
  nacre: Nacre,
  image: string,
  disk: string,
  small: boolean,
): Promise<Row[]> {
  const mine: Side = { timed: nacre.timed, output: nacre.output, run: ["run"] };
  const rows: Row[] = [];
  const peers = [
    { peer: "docker", atMost: docker, open: () => startDocker(join(disk, "docker")) },
    { peer: "podman", atMost: podman, open: async () => openPodman(join(disk, "podman")) },
  ];
  for (const { peer, atMost, open } of peers) {
    if (atMost === undefined) continue;
    const ours = prepare(mine, image, small);
    rows.push(
      await compare({
        ...{ work, atMost, peer, runs: small ? 1 : 15, ours: ours.once },
        open: async (stack) => {
          const opened: Docker | Podman = await open();
          if (Symbol.asyncDispose in opened) stack.use(opened);
          else stack.use(opened);
          const insecure = peer === "podman" ? ["--tls-verify=false"] : [];
          opened.output("pull", "--quiet", ...insecure, image);
          const theirs = prepare(sideOf(opened), image, small);
          stack.defer(theirs.end);
          return { name: opened.name, version: opened.version, once: theirs.once };
        },
      }).finally(ours.end),
    );
  }
  return rows;
}

/** So many containers one after the other in each of four hands. */
async function many(engine: Engine, image: string, count: number): Promise<number> {
  const start = performance.now();
  let left = count;
  const hand = async (): Promise<void> => {
    while (left-- > 0) {
      const running = await engine.containers.run(request(image, ["true"]), SILENT);
      const code = await running.exited;
      if (code !== 0) throw new Error(`a container ended with ${code}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, hand));
  return performance.now() - start;
}

/** The same by a peer's command line, as many processes at a time. */
function manyOf(peer: Docker | Podman, image: string, count: number): number {
  const words = ["--rm", ...NETWORK, image, "true"];
  return peer.many(count, AT_ONCE, ...("run" in peer ? peer.run : ["run"]), ...words);
}

export const life: Benchmark = {
  name: "life",
  about: "containers that are joined, listed, looked at, stopped; and a hundred of them",
  async run({ small }) {
    await using stage = await openStage();
    const { reference } = await stage.publish("busybox", busyboxImage());
    const { path } = stage.disk;
    const nacre = openNacre(join(path, "nacre"));
    nacre.output("pull", "--quiet", reference);
    const rows: Row[] = [];
    for (const work of WORKS) rows.push(...(await measure(work, nacre, reference, path, small)));
    const count = small ? 4 : 100;
    await using engine = await openEngine(join(path, "nacre"));
    const common = {
      work: `${count} containers by one process, ${AT_ONCE} at a time`,
      atMost: 0.15,
    };
    rows.push(
      await compare({
        ...{
          ...common,
          peer: "docker",
          runs: small ? 1 : 3,
          ours: () => many(engine, reference, count),
        },
        open: async (stack) => {
          const docker = stack.use(await startDocker(join(path, "docker")));
          docker.output("pull", "--quiet", reference);
          return { ...docker, once: () => manyOf(docker, reference, count) };
        },
      }),
    );
    return rows;
  },
};
