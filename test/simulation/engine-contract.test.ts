import type { Operation } from "@nacre/core/program/operation.ts";
import { type SimulateOptions, simulate, tools } from "../../cli/simulated.ts";
import { engineContract } from "../contract/engine.ts";

const ODD: Operation = {
  ...{ op: "placeNode", path: "/dev/odd", type: "character", major: 120, minor: 9 },
  ...{ mode: 0o666, uid: 0, gid: 0 },
};

const MACHINES: readonly [string, SimulateOptions][] = [
  ["erofs", { snapshotter: "erofs" }],
  ["directory", { snapshotter: "directory" }],
  ["cgroup v2 alone", { cgroups: "v2" }],
];

for (const [name, options] of MACHINES) {
  engineContract(`the simulated kernel, with ${name}`, async () => {
    const files = { ...tools, "/bin/broken": "no program\n", "/sub/old": "old\n" };
    const simulation = await simulate({ images: { shell: { files } }, ...options });
    await simulation.engine.images.pull("shell");
    await simulation.kernel.perform({
      title: "a device",
      host: [{ op: "openRoot", path: "/" }, ODD],
    });
    return {
      engine: simulation.engine,
      image: "shell",
      device: "/dev/odd",
      scratch: "/srv/scratch",
      registry: "docker.io",
      dispose: () => Promise.resolve(simulation[Symbol.asyncDispose]()),
    };
  });
}
