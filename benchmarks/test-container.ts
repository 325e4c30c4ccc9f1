// What a test does with a container: start it, wait until it says that it is ready, have something
// done in it, throw it away. Beside testcontainers, which asks a Docker daemon for the same.

import { join } from "node:path";
import type { Engine } from "@nacre/engine/engine.ts";
import { busyboxImage } from "../test/images/busybox.ts";
import { type Benchmark, compare, type Once } from "./harness.ts";
import { openEngine, request } from "./library.ts";
import { type Docker, startDocker } from "./peers/docker.ts";
import { openTestcontainers } from "./peers/testcontainers.ts";
import { openStage } from "./stage.ts";

const READY = "ready";
const SERVICE = ["sh", "-c", `echo ${READY}; exec sleep 1000`];
const ASKED = ["true"];
const SILENT = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;

async function once(engine: Engine, image: string): Promise<void> {
  const { containers } = engine;
  const service = { ...request(image, SERVICE), detached: true, autoRemove: false };
  const { container } = await containers.run(service, SILENT);
  for await (const { text } of containers.logs(container.id, { follow: true })) {
    if (text.startsWith(READY)) break;
  }
  const asked = await containers.exec(container.id, { command: ASKED }, SILENT);
  const code = await asked.exited;
  if (code !== 0) throw new Error(`the command in the container ended with ${code}`);
  await containers.remove(container.id, { force: true });
}

export const testContainer: Benchmark = {
  name: "test-container",
  about: "a container for one test, from the library: start, ready, exec, removal",
  async run({ small }) {
    await using stage = await openStage();
    const { reference } = await stage.publish("busybox", busyboxImage());
    await using engine = await openEngine(join(stage.disk.path, "nacre"));
    await engine.images.pull(reference);
    const ours: Once = async () => {
      const start = performance.now();
      await once(engine, reference);
      return performance.now() - start;
    };
    const row = await compare({
      work: "a test's container: start, ready, exec, removal",
      ...{ atMost: 0.2, runs: small ? 1 : 20, peer: "testcontainers", ours },
      open: async (stack) => {
        const docker: Docker = stack.use(await startDocker(join(stage.disk.path, "docker")));
        docker.output("pull", "--quiet", reference);
        return openTestcontainers(
          stack,
          docker,
          { image: reference, command: SERVICE },
          READY,
          ASKED,
        );
      },
    });
    return [row];
  },
};
