// What of a request can be refused before anything is made.

import { NacreError } from "@nacre/core/error.ts";
import type { ImageProcess } from "@nacre/core/oci/image.ts";
import type { SpecNamespaceType } from "@nacre/core/oci/runtime-spec.ts";
import { cgroupParentPath } from "@nacre/core/program/cgroup-parent.ts";
import { healthCheck } from "@nacre/core/program/health-check.ts";
import { DEFAULT_LOG, logLimits } from "@nacre/core/program/log-options.ts";
import { checkNamespaces } from "@nacre/core/program/namespace-plan.ts";
import type { ContainerRequest, RequestedMount } from "@nacre/core/program/request.ts";
import { checkResources, type MachineFacts } from "@nacre/core/program/resource-spec.ts";
import { securityLabels } from "@nacre/core/program/security-labels.ts";
import { signalNumber } from "@nacre/core/program/signals.ts";
import {
  processArguments,
  processCapabilities,
  workingDirectory,
} from "@nacre/core/program/spec.ts";
import { checkSysctls } from "@nacre/core/program/sysctls.ts";
import { checkTag } from "../logs/journal-fields.ts";

/** Throws NacreError `invalid`. `image`: what the image says of its process. */
export function checkRequest(
  request: ContainerRequest,
  image: ImageProcess,
  machine: MachineFacts,
): void {
  processArguments(request, image);
  workingDirectory(request, image);
  for (const mount of request.mounts) checkMountTarget(mount);
  checkNamespaces(request);
  checkRootDirectory(request);
  checkSysctls(request.sysctls ?? {}, ownNamespaces(request));
  checkRestart(request);
  if (request.cgroupParent) cgroupParentPath(request.cgroupParent);
  healthCheck(request.health, image);
  logLimits(request.logDriver ?? DEFAULT_LOG, request.log);
  if (request.log?.tag !== undefined) checkTag(request.log);
  checkProcess(request);
  processCapabilities(0, request, machine);
  securityLabels(request, machine);
  checkResources(request.resources, machine);
}

/** Where a command begins that joins a container: in docker's words, that of run is checked with the rest. */
export function mustBeAbsolute(directory = "/"): void {
  if (directory.startsWith("/")) return;
  throw new NacreError(
    "command-not-executable",
    `chdir to cwd (${JSON.stringify(directory)}) failed: it must be an absolute path`,
  );
}

/** As far as a request says: a network that a plugin brings is known when the program is made. */
function ownNamespaces({ namespaces = {}, network }: ContainerRequest): Set<SpecNamespaceType> {
  return new Set([
    ...(namespaces.ipc === "host" ? [] : (["ipc"] as const)),
    ...(namespaces.uts === "host" ? [] : (["uts"] as const)),
    ...(network === "host" ? [] : (["network"] as const)),
  ]);
}

/** What there is no image for. */
function checkRootDirectory({
  rootDirectory,
  image,
  removeImage,
  accounts,
}: ContainerRequest): void {
  if (!rootDirectory) return;
  const refuse = (what: string): never => {
    throw new NacreError("conflict", `${what} and --rootfs cannot be used together`, {
      advice: "--rootfs runs a directory as it is, and no image.",
    });
  };
  if (image !== "") refuse(`the image ${image}`);
  if (removeImage) refuse("--rmi");
  const { hostUsers, passwdEntry, groupEntry } = accounts ?? {};
  if (hostUsers) refuse("--hostuser");
  if (passwdEntry !== undefined) refuse("--passwd-entry");
  if (groupEntry !== undefined) refuse("--group-entry");
}

/** Throws NacreError `invalid`. */
export function checkRestart({
  autoRemove,
  restart,
}: Pick<ContainerRequest, "autoRemove" | "restart">): void {
  if (!autoRemove || !restart || restart.name === "no") return;
  throw new NacreError("invalid", "conflicting options: cannot specify both --restart and --rm", {
    advice: "What is removed at its end is not there to be started again.",
  });
}

function checkProcess(request: ContainerRequest): void {
  const { oomScoreAdj, stopSignal, shmBytes, pidFile = "/" } = request;
  const { timeoutMs = 1 } = request;
  if (!(Number.isSafeInteger(timeoutMs) && timeoutMs > 0)) {
    throw new NacreError("invalid", "the timeout of a container is a positive number of seconds");
  }
  if (!pidFile.startsWith("/")) {
    throw new NacreError("invalid", `the PID file ${pidFile} needs to be an absolute path`);
  }
  if (request.imageHosts && request.extraHosts) {
    throw new NacreError("invalid", "--no-hosts and --add-host cannot be set together");
  }
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

/** Files of /proc that may be covered, one by one: what lxcfs and its kind show in their place. */
const COVERABLE = new Set([
  ...["/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/net/dev"],
  ...["/proc/slabinfo", "/proc/stat", "/proc/swaps", "/proc/uptime"],
  ...["/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled"],
]);

/** As the kernel reads it from the container's root, links apart. */
function normalised(target: string): string {
  const parts: string[] = [];
  for (const part of target.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/**
 * Docker's rule: absolute, and not the root itself. Nothing but the kernel's own /proc stands at
 * /proc (CVE-2019-16884): what is written there in good faith would be the user's to read.
 */
export function checkMountTarget(mount: RequestedMount): void {
  const { target } = mount;
  const place = normalised(target);
  if (!target.startsWith("/") || place === "/") {
    throw new NacreError("invalid", `invalid mount target ${JSON.stringify(target)}`, {
      advice: "It must be an absolute path in the container, and not / itself.",
    });
  }
  const isProc = mount.type === "bind" && normalised(mount.source) === "/proc" && place === "/proc";
  if (!/^\/proc(\/|$)/.test(place) || isProc) return;
  if (mount.type === "bind" && COVERABLE.has(place)) return;
  throw new NacreError(
    "invalid",
    `${JSON.stringify(target)} cannot be mounted on: it is inside /proc`,
    { advice: "Choose a place outside of /proc." },
  );
}
