// `nacre-runtime` beside the runtimes that podman, containerd and docker come with, on bundles that
// are ready. A start of Node is in each of our processes; theirs are C and Go.

import { fileURLToPath } from "node:url";
import { busyboxEntries } from "../test/images/busybox.ts";
import { type Benchmark, compare, type Row } from "./harness.ts";
import { type OciRuntime, ociBundle } from "./peers/oci-runtime.ts";
import { openStage } from "./stage.ts";

const OURS = fileURLToPath(new URL("../cli/bin/nacre-runtime", import.meta.url));

interface Work {
  readonly work: string;
  readonly once: (runtime: OciRuntime) => number;
  readonly atMost: Readonly<Record<string, number>>;
}

const WORKS: readonly Work[] = [
  {
    work: "OCI runtime: run `true`, one process",
    once: (runtime) => runtime.run(),
    atMost: { crun: 1.75, runc: 1.1 },
  },
  {
    work: "OCI runtime: create, start, delete, three processes",
    once: (runtime) => runtime.steps(),
    atMost: { crun: 2, runc: 1.4 },
  },
];

export const oci: Benchmark = {
  name: "oci",
  about: "the OCI runtime on a bundle that is ready",
  async run({ small }) {
    await using stage = await openStage();
    const { path } = stage.disk;
    using ours = ociBundle(OURS, path, busyboxEntries(), ["true"]);
    const rows: Row[] = [];
    for (const { work, once, atMost } of WORKS) {
      for (const peer of ["crun", "runc"]) {
        rows.push(
          await compare({
            ...{ work, atMost: atMost[peer] ?? 1, runs: small ? 1 : 20, peer },
            ours: () => once(ours),
            open: (stack) => {
              const theirs = stack.use(ociBundle(peer, path, busyboxEntries(), ["true"]));
              return { ...theirs, once: () => once(theirs) };
            },
          }),
        );
      }
    }
    return rows;
  },
};
