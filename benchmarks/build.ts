// Builds of Dockerfiles beside docker's classic builder, both from the command line, both stores and
// the context on one fresh disk, flushed inside the measured time.

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { busyboxImage } from "../test/images/busybox.ts";
import { type Benchmark, compare, type Limit, type Row } from "./harness.ts";
import { type Nacre, openNacre } from "./nacre.ts";
import { type Docker, startDocker } from "./peers/docker.ts";
import { openStage, type Stage } from "./stage.ts";

/** What is built, and what is done to the context before each time. */
interface Subject {
  readonly work: string;
  readonly atMost: number;
  readonly options: readonly string[];
  /** Whether the cache is emptied before each build. */
  readonly fresh: boolean;
  /** Called before each build with its number. */
  readonly prepare: (context: string, time: number) => void;
  readonly limits?: (disk: string) => Limit[];
}

const FILE_BYTES = 2048;

const echoes = (count: number, last = ""): string =>
  Array.from({ length: count }, (_, n) => `RUN echo ${n}${n === count - 1 ? last : ""}\n`).join("");

function subjects(base: string, small: boolean): Subject[] {
  const [steps, files] = small ? [2, 50] : [40, 20_000];
  const dockerfile = (context: string, lines: string): void =>
    writeFileSync(join(context, "Dockerfile"), `FROM ${base}\n${lines}`);
  const network = ["--network", "host"];
  return [
    {
      work: `build, ${steps} RUN steps of echo`,
      ...{ atMost: 0.15, options: ["--no-cache", ...network], fresh: true },
      prepare: (context) => dockerfile(context, echoes(steps)),
    },
    {
      work: "the same again, all cached",
      ...{ atMost: 0.6, options: network, fresh: false },
      prepare: (context) => dockerfile(context, echoes(steps)),
    },
    {
      work: "build with a changed last step",
      ...{ atMost: 0.3, options: network, fresh: false },
      prepare: (context, time) => dockerfile(context, echoes(steps, ` changed ${time}`)),
    },
    {
      work: `COPY of ${files.toLocaleString("en")} files`,
      ...{ atMost: 0.3, options: ["--no-cache"], fresh: true },
      prepare: (context, time) => {
        dockerfile(context, "COPY files /files\n");
        if (time === 0) makeFiles(join(context, "files"), files);
      },
      limits: (disk) => [
        { what: "writing its tar alone", ms: writing(disk, files * 3 * 512 + files * FILE_BYTES) },
      ],
    },
    {
      work: `the same COPY of ${files.toLocaleString("en")} files again, cached`,
      ...{ atMost: 0.6, options: [], fresh: false },
      prepare: (context, time) => {
        dockerfile(context, "COPY files /files\n");
        if (time === 0) makeFiles(join(context, "files"), files);
      },
    },
  ];
}

function makeFiles(directory: string, count: number): void {
  for (let n = 0; n < count; n++) {
    const within = join(directory, String(n % 100));
    if (n < 100) mkdirSync(within, { recursive: true });
    writeFileSync(join(within, `file-${n}`), `${n} `.repeat(FILE_BYTES).slice(0, FILE_BYTES));
  }
}

/** What so many bytes take to be written and flushed. */
function writing(disk: string, bytes: number): number {
  const path = join(disk, "limit");
  const start = performance.now();
  const descriptor = openSync(path, "w");
  const part = new Uint8Array(1 << 20).fill(1);
  for (let at = 0; at < bytes; at += part.length) writeSync(descriptor, part);
  fsyncSync(descriptor);
  closeSync(descriptor);
  const elapsedMs = performance.now() - start;
  rmSync(path);
  return elapsedMs;
}

/** One build by either side, flushed. */
function once(stage: Stage, side: Nacre | Docker, subject: Subject, context: string): () => number {
  let time = 0;
  return () => {
    subject.prepare(context, time++);
    const builtMs = side.timed("build", "-q", "-t", "built", ...subject.options, context);
    return builtMs + stage.disk.flush();
  };
}

function measured(
  stage: Stage,
  nacre: Nacre,
  docker: Docker,
  subject: Subject,
  small: boolean,
): Promise<Row> {
  const context = join(stage.disk.path, "context");
  const own = join(stage.disk.path, "context-of-docker");
  for (const path of [context, own]) {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
  }
  const build = once(stage, nacre, subject, context);
  const ours = (): number => {
    if (subject.fresh) nacre.output("builder", "prune", "-af");
    return build();
  };
  return compare({
    ...{
      work: subject.work,
      atMost: subject.atMost,
      runs: small ? 1 : 3,
      warmUp: subject.fresh ? 0 : 1,
      peer: "docker",
    },
    ...(subject.limits && { limits: subject.limits(stage.disk.path) }),
    ours,
    open: () => ({ ...docker, once: once(stage, docker, subject, own) }),
  });
}

export const build: Benchmark = {
  name: "build",
  about: "images from Dockerfiles, beside docker's classic builder",
  async run({ small }) {
    await using stage = await openStage();
    const { reference } = await stage.publish("busybox", busyboxImage());
    const nacre = openNacre(join(stage.disk.path, "nacre"));
    nacre.output("pull", "--quiet", reference);
    const before = process.env.DOCKER_BUILDKIT;
    process.env.DOCKER_BUILDKIT = "0";
    try {
      await using docker = await startDocker(join(stage.disk.path, "docker"));
      docker.output("pull", "--quiet", reference);
      const rows: Row[] = [];
      for (const subject of subjects(reference, small)) {
        rows.push(await measured(stage, nacre, docker, subject, small));
      }
      return rows;
    } finally {
      if (before === undefined) delete process.env.DOCKER_BUILDKIT;
      else process.env.DOCKER_BUILDKIT = before;
    }
  },
};
