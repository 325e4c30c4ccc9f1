// What of a request can be refused before anything is made.

import { NacreError } from "@nacre/core/error.ts";
import type { ImageProcess } from "@nacre/core/oci/image.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import { commandLine, workingDirectory } from "@nacre/core/program/spec.ts";

/** Docker's least memory limit: below it a process does not even start. */
const LEAST_MEMORY_BYTES = 6 << 20;
/** A hundredth of a processor, in billionths. */
const LEAST_NANO_CPUS = 1e7;

/** Throws NacreError `invalid`. `image`: what the image says of its process. */
export function checkRequest(request: ContainerRequest, image: ImageProcess): void {
  commandLine(request, image);
  workingDirectory(request, image);
  for (const { target } of request.mounts) checkMountTarget(target);
  const { memoryBytes, nanoCpus } = request.resources;
  if (memoryBytes !== undefined && memoryBytes < LEAST_MEMORY_BYTES) {
    throw new NacreError("invalid", "minimum memory limit allowed is 6MB", {
      advice: "Give at least --memory 6m.",
    });
  }
  if (nanoCpus !== undefined && nanoCpus < LEAST_NANO_CPUS) {
    throw new NacreError("invalid", "--cpus is too small: a hundredth of a processor is the least");
  }
}

/** Docker's rule: absolute, and not the root itself. */
function checkMountTarget(target: string): void {
  const depth = target.split("/").reduce((at, part) => {
    if (part === "" || part === ".") return at;
    return part === ".." ? Math.max(at - 1, 0) : at + 1;
  }, 0);
  if (target.startsWith("/") && depth > 0) return;
  throw new NacreError("invalid", `invalid mount target ${JSON.stringify(target)}`, {
    advice: "It must be an absolute path in the container, and not / itself.",
  });
}
