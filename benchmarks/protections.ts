// What safety costs: the same run with every protection that is on by default, and without those
// that options lift. Its filter is compiled before, and kept.

import { join } from "node:path";
import { busyboxImage } from "../test/images/busybox.ts";
import { type Benchmark, compare } from "./harness.ts";
import { openNacre } from "./nacre.ts";
import { openStage } from "./stage.ts";

const LIFTED = [
  ...["--security-opt", "seccomp=unconfined"],
  ...["--security-opt", "systempaths=unconfined"],
  ...["--cap-add", "ALL"],
];

export const protections: Benchmark = {
  name: "protections",
  about: "a run with all protections beside one without",
  async run({ small }) {
    await using stage = await openStage();
    const { reference } = await stage.publish("busybox", busyboxImage());
    const nacre = openNacre(join(stage.disk.path, "nacre"));
    nacre.output("pull", "--quiet", reference);
    const command = ["--rm", "--network", "none", reference, "true"];
    const row = await compare({
      work: "run --rm IMAGE true with all protections",
      ...{ atMost: 1.1, runs: small ? 1 : 40, warmUp: small ? 1 : 3, peer: "the same without" },
      ours: () => nacre.timed("run", ...command),
      open: () => ({
        name: "nacre without filter, masks and bounds",
        version: nacre.version,
        once: () => nacre.timed("run", ...LIFTED, ...command),
      }),
    });
    return [row];
  },
};
