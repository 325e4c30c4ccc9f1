import { type ContainerRequest, completeRequest } from "@nacre/core/program/request.ts";

/** A request as the command line makes it from `nacre run debian`. */
export function sampleRequest(change: Partial<ContainerRequest> = {}): ContainerRequest {
  return completeRequest({ image: "debian", ...change });
}
