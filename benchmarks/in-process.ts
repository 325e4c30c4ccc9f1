// A container from an embedding program, from creation to removal, beside an OCI runtime on a
// bundle that somebody else has prepared: an image, a storage layer, a record and events are in
// our time, and not in the runtime's.

import { join } from "node:path";
import { busyboxEntries, busyboxImage } from "../test/images/busybox.ts";
import { type Benchmark, compared, interleave, peerMissing, type Row } from "./harness.ts";
import { openEngine, request } from "./library.ts";
import { crunBundle } from "./peers/crun.ts";
import { openStage, type Stage } from "./stage.ts";

const SILENT = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;

async function row(stage: Stage, image: string, runs: number): Promise<Row> {
  const common = { work: "create, run `true`, remove, in-process", atMost: 1, runs };
  await using engine = await openEngine(join(stage.disk.path, "nacre"));
  await engine.images.pull(image);
  const ours = async (): Promise<number> => {
    const start = performance.now();
    const running = await engine.containers.run(request(image, ["true"]), SILENT);
    const code = await running.exited;
    if (code !== 0) throw new Error(`the container ended with ${code}`);
    return performance.now() - start;
  };
  try {
    using crun = crunBundle(stage.disk.path, busyboxEntries(), ["true"]);
    const [mine = 0, theirs = 0] = await interleave([ours, () => crun.run()], runs, 3);
    return compared(common, crun, mine, theirs);
  } catch (error) {
    return peerMissing(common, "crun", error);
  }
}

export const inProcess: Benchmark = {
  name: "in-process",
  about: "a container from the library, create to removal",
  async run({ small }) {
    await using stage = await openStage();
    const { reference } = await stage.publish("busybox", busyboxImage());
    return [await row(stage, reference, small ? 1 : 40)];
  },
};
