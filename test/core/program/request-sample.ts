import type { ContainerRequest } from "@nacre/core/program/request.ts";

/** A request as the command line makes it from `nacre run IMAGE`. */
export function sampleRequest(change: Partial<ContainerRequest> = {}): ContainerRequest {
  return {
    image: "debian",
    command: [],
    environment: [],
    terminal: false,
    interactive: false,
    detached: false,
    autoRemove: false,
    readOnlyRoot: false,
    mounts: [],
    network: "none",
    resources: {},
    labels: {},
    pull: "missing",
    ...change,
  };
}
