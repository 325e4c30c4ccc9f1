// The npm package testcontainers, on a dockerd of our own. It finds its daemon by the environment,
// so that is set before it is loaded; its reaper, a container that cleans up after killed tests,
// is left out: it would need an image from Docker Hub, and it would not make the peer faster.

import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "testcontainers/package.json" with { type: "json" };
import type { Peer } from "../harness.ts";
import type { Docker } from "./docker.ts";

export interface Service {
  readonly image: string;
  readonly command: readonly string[];
}

/** It serialises its starts with this file, and leaves it. */
const LOCK = join(tmpdir(), "testcontainers-node-0.lock");

/** Starts `service`, waits for `ready` in its log, executes `asked` in it, removes it. */
export async function openTestcontainers(
  stack: AsyncDisposableStack,
  docker: Docker,
  service: Service,
  ready: string,
  asked: readonly string[],
): Promise<Peer> {
  stack.defer(() => rmSync(LOCK, { force: true }));
  process.env.DOCKER_HOST = docker.host;
  process.env.TESTCONTAINERS_RYUK_DISABLED = "true";
  // Else it looks for the gateway of a bridge where this machine is a container itself.
  process.env.TESTCONTAINERS_HOST_OVERRIDE = "localhost";
  const { GenericContainer, Wait } = await import("testcontainers");
  const once = async (): Promise<number> => {
    const start = performance.now();
    const container = await new GenericContainer(service.image)
      .withNetworkMode("none")
      .withCommand([...service.command])
      .withWaitStrategy(Wait.forLogMessage(ready))
      .start();
    const { exitCode } = await container.exec([...asked]);
    if (exitCode !== 0) throw new Error(`the command in the container ended with ${exitCode}`);
    await container.stop({ timeout: 0 });
    return performance.now() - start;
  };
  return {
    name: "testcontainers",
    version: `${packageJson.version}; ${docker.version}`,
    once,
  };
}
