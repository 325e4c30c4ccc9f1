// `update`: other limits, by words or as JSON.

import { NacreError } from "@nacre/core/error.ts";
import { Field, parseJson } from "@nacre/core/oci/config-field.ts";
import { readResources } from "@nacre/core/oci/config-resources.ts";
import { text, type Values } from "../options.ts";
import { parseMemoryBytes } from "../parse/bytes.ts";
import { ociCommand } from "./command.ts";
import { absolute } from "./create.ts";

const OPTIONS = {
  resources: text(
    ["resources", "r"],
    "FILE",
    "linux.resources as JSON, from a file or - for standard input",
  ),
  memory: text(["memory"], "BYTES", "The limit of memory"),
  reservation: text(["memory-reservation"], "BYTES", "What it is brought down to"),
  swap: text(["memory-swap"], "BYTES", "Memory and swap together, -1 for no limit"),
  kernelMemory: text(
    ["kernel-memory"],
    "BYTES",
    "Taken, and of no use: Linux has no such limit any more",
  ),
  shares: text(["cpu-share"], "N", "Its share of the processors"),
  sharesToo: text(["cpu-shares"], "N", "The same"),
  quota: text(["cpu-quota"], "US", "Processor time in each period"),
  period: text(["cpu-period"], "US", "The period"),
  burst: text(["cpu-burst"], "US", "What it may save up"),
  idle: text(["cpu-idle"], "0|1", "Run when nobody else wants to"),
  rtRuntime: text(["cpu-rt-runtime"], "US", "Realtime in each period"),
  rtPeriod: text(["cpu-rt-period"], "US", "The period of that"),
  cpus: text(["cpuset-cpus"], "LIST", "Which processors"),
  mems: text(["cpuset-mems"], "LIST", "Which memory nodes"),
  pids: text(["pids-limit"], "N", "How many processes, -1 for no limit"),
  weight: text(["blkio-weight"], "N", "Its share of the disks"),
};

const whole = (word: string): number => {
  if (/^-?\d+$/.test(word)) return Number(word);
  throw new NacreError("invalid", `${JSON.stringify(word)} is no number`);
};
const bytes = (word: string): number =>
  /^-?\d+$/.test(word) ? Number(word) : parseMemoryBytes(word);

function fromWords(options: Values<typeof OPTIONS>): unknown {
  const part = (members: Record<string, readonly [string | undefined, (w: string) => unknown]>) => {
    const given = Object.entries(members).filter(([, [word]]) => word !== undefined);
    const read = given.map(([name, [word, parse]]) => [name, parse(word as string)]);
    return read.length > 0 ? Object.fromEntries(read) : undefined;
  };
  const same = (word: string) => word;
  return {
    memory: part({
      limit: [options.memory, bytes],
      reservation: [options.reservation, bytes],
      swap: [options.swap, bytes],
    }),
    cpu: part({
      shares: [options.shares ?? options.sharesToo, whole],
      quota: [options.quota, whole],
      period: [options.period, whole],
      burst: [options.burst, whole],
      idle: [options.idle, whole],
      realtimeRuntime: [options.rtRuntime, whole],
      realtimePeriod: [options.rtPeriod, whole],
      cpus: [options.cpus, same],
      mems: [options.mems, same],
    }),
    pids: part({ limit: [options.pids, whole] }),
    blockIO: part({ weight: [options.weight, whole] }),
  };
}

export const update = ociCommand({
  usage: "ID",
  summary: "Change the limits of a container while it runs",
  options: OPTIONS,
  async run({ host, runtime }, options, [id]) {
    const { resources } = options;
    const file = resources === "-" || resources === undefined ? "resources" : resources;
    const given =
      resources === undefined
        ? fromWords(options)
        : parseJson(
            resources === "-" ? host.readInput() : host.readText(absolute(host, file)),
            file,
          );
    await runtime.update(id as string, readResources(new Field(given, "", file)));
    return 0;
  },
});
