// A container from an embedding program, from creation to removal, beside an OCI runtime on a
// bundle that somebody else has prepared: an image, a storage layer, a record and events are in
// our time, and not in the runtime's.

import { join } from "node:path";
import { busyboxEntries, busyboxImage } from "../test/images/busybox.ts";
import { type Benchmark, compare } from "./harness.ts";
import { openEngine, request } from "./library.ts";
import { ociBundle } from "./peers/oci-runtime.ts";
import { openStage } from "./stage.ts";

const SILENT = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;

export const inProcess: Benchmark = {
  name: "in-process",
  about: "a container from the library, create to removal",
  async run({ small }) {
    await using stage = await openStage();
    const { reference } = await stage.publish("busybox", busyboxImage());
    await using engine = await openEngine(join(stage.disk.path, "nacre"));
    await engine.images.pull(reference);
    const ours = async (): Promise<number> => {
      const start = performance.now();
      const running = await engine.containers.run(request(reference, ["true"]), SILENT);
      const code = await running.exited;
      if (code !== 0) throw new Error(`the container ended with ${code}`);
      return performance.now() - start;
    };
    const row = await compare({
      work: "create, run `true`, remove, in-process",
      ...{ atMost: 1, runs: small ? 1 : 40, warmUp: small ? 0 : 3, peer: "crun", ours },
      open: (stack) => {
        const crun = stack.use(ociBundle("crun", stage.disk.path, busyboxEntries(), ["true"]));
        return { ...crun, once: () => crun.run() };
      },
    });
    return [row];
  },
};
