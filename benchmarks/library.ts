// The engine in this process, as an embedding program has it.

import type { ContainerRequest } from "@nacre/core/program/request.ts";
import type { Engine } from "@nacre/engine/engine.ts";
import { createEngine } from "../cli/nacre.ts";

export function openEngine(root: string): Promise<Engine> {
  return createEngine({ root });
}

/** A container without a network that is removed when its command ends. */
export function request(image: string, command: readonly string[]): ContainerRequest {
  return {
    image,
    command,
    environment: [],
    terminal: false,
    interactive: false,
    detached: false,
    autoRemove: true,
    readOnlyRoot: false,
    mounts: [],
    network: "none",
    resources: {},
    labels: {},
    pull: "never",
  };
}
