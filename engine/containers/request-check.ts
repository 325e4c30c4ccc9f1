// What of a request can be refused before anything is made.

import { NacreError } from "@nacre/core/error.ts";
import type { ImageProcess } from "@nacre/core/oci/image.ts";
import { healthCheck } from "@nacre/core/program/health-check.ts";
import { DEFAULT_LOG, logLimits } from "@nacre/core/program/log-options.ts";
import { checkNamespaces } from "@nacre/core/program/namespace-plan.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import { checkResources, type MachineFacts } from "@nacre/core/program/resource-spec.ts";
import { signalNumber } from "@nacre/core/program/signals.ts";
import { commandLine, workingDirectory } from "@nacre/core/program/spec.ts";

/** Throws NacreError `invalid`. `image`: what the image says of its process. */
export function checkRequest(
  request: ContainerRequest,
  image: ImageProcess,
  machine: MachineFacts,
): void {
  commandLine(request, image);
  workingDirectory(request, image);
  for (const { target } of request.mounts) checkMountTarget(target);
  checkNamespaces(request);
  if (request.autoRemove && request.restart && request.restart.name !== "no") {
    throw new NacreError("invalid", "conflicting options: cannot specify both --restart and --rm");
  }
  healthCheck(request.health, image);
  logLimits(request.logDriver ?? DEFAULT_LOG, request.log);
  checkProcess(request);
  checkResources(request.resources, machine);
}

function checkProcess({ oomScoreAdj, stopSignal, shmBytes }: ContainerRequest): void {
  if (oomScoreAdj !== undefined && Math.abs(oomScoreAdj) > 1000) {
    throw new NacreError(
      "invalid",
      `invalid value ${oomScoreAdj}, range for oom score adj is [-1000, 1000]`,
    );
  }
  if (stopSignal !== undefined && signalNumber(stopSignal) === undefined) {
    throw new NacreError("invalid", `invalid signal: ${stopSignal}`, {
      advice: "Give a name, such as SIGQUIT, or a number from 1 to 64.",
    });
  }
  if (shmBytes !== undefined && shmBytes <= 0) {
    throw new NacreError("invalid", "SHM size can not be less than 0");
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
