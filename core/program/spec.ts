// From what the user asked and what the image says to the OCI runtime spec's config.json. Pure:
// the same request over the same image is the same spec.

import { NacreError } from "../error.ts";
import type { ImageProcess } from "../oci/image.ts";
import type { Spec, SpecNamespaceType } from "../oci/runtime-spec.ts";
import { chosenCapabilities, DEFAULT_CAPABILITIES } from "./capabilities.ts";
import { commandLine } from "./command-line.ts";
import { MASKED_PATHS, READONLY_PATHS } from "./hidden-paths.ts";
import { type NetworkNamespace, specNamespaces, type UserNamespace } from "./namespace-plan.ts";
import type { ContainerRequest, PlainMount } from "./request.ts";
import { type MachineFacts, specResources } from "./resource-spec.ts";
import { securityLabels } from "./security-labels.ts";
import { specDevices } from "./spec-devices.ts";
import { allMounts, withBoundDevices } from "./spec-mounts.ts";
import type { ProcessUser } from "./user.ts";

export const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What surrounds a container: facts that neither the request nor the image has. */
export interface SpecContext {
  readonly id: string;
  readonly user: ProcessUser;
  readonly network: NetworkNamespace;
  /** Absent: the machine's users. */
  readonly users?: UserNamespace;
  /** Files of its own: the names of those in a directory that are bound over the root's of /etc. */
  readonly ownFiles?: { readonly directory: string; readonly names: readonly string[] };
  /** The user's mounts, as the kernel can do them. */
  readonly mounts: readonly PlainMount[];
  /** Where the shared memory is that other containers have too; absent: its own. */
  readonly sharedMemory?: string;
  readonly rootfs: string;
  readonly cgroupsPath: string;
  readonly terminalSize?: { readonly rows: number; readonly columns: number };
  readonly machine: MachineFacts;
  /** Where a namespace of another container is. NacreError `not-found`, `conflict`. */
  readonly namespaceOf: (container: string, type: SpecNamespaceType) => string;
}

/** @throws NacreError `invalid` where neither the user nor the image names a command */
export function processArguments(request: ContainerRequest, image: ImageProcess): string[] {
  const { entrypoint, command } = commandLine(request, image);
  const line = [...entrypoint, ...command];
  if (line.length === 0) {
    throw new NacreError("invalid", "no command specified", {
      advice: request.rootDirectory
        ? "A directory has neither entrypoint nor command: name one behind it."
        : `The image has neither entrypoint nor command: name one, as in nacre run ${request.image} sh.`,
    });
  }
  return line;
}

/** PATH, HOSTNAME, TERM, the image's, without those to be unset; the user's, HOME; a later one of a name replaces the earlier. */
export function environment(
  request: ContainerRequest,
  image: ImageProcess,
  hostname: string,
  home: string,
): string[] {
  const { unsetEnvironment: unset = [] } = request;
  const variables = new Map<string, string>();
  const add = (entry: string) => variables.set(entry.split("=", 1)[0]!, entry);
  add(DEFAULT_PATH);
  add(`HOSTNAME=${hostname}`);
  if (request.terminal) add("TERM=xterm");
  for (const entry of image.Env ?? []) add(entry);
  for (const name of unset === "all" ? [...variables.keys()] : unset) variables.delete(name);
  if (!variables.has("HOSTNAME")) add(`HOSTNAME=${hostname}`);
  for (const entry of request.environment) add(entry);
  if (!variables.has("HOME")) add(`HOME=${home}`);
  return [...variables.values()];
}

/** `/` where nobody says otherwise; a relative one is taken from `/`, as docker refuses it. */
export function workingDirectory(request: ContainerRequest, image: ImageProcess): string {
  const directory = request.workingDirectory ?? (image.WorkingDir || "/");
  if (!directory.startsWith("/")) {
    throw new NacreError(
      "invalid",
      `the working directory '${directory}' is invalid, it needs to be an absolute path`,
    );
  }
  return cleaned(directory);
}

/** Without `.`, `..` and what is doubled: one that is not there yet is made under its plain name. */
function cleaned(directory: string): string {
  const parts: string[] = [];
  for (const part of directory.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

export function specUser({ uid, gid, additionalGids }: ProcessUser, { umask }: ContainerRequest) {
  return { uid, gid, additionalGids, ...(umask !== undefined && { umask }) };
}

/** Of every process of a container that is started from outside. */
export function processLimits({ limits = [], oomScoreAdj }: ContainerRequest) {
  return {
    rlimits: limits.map(({ name, soft, hard }) => ({
      type: `RLIMIT_${name.toUpperCase()}`,
      soft,
      hard,
    })),
    ...(oomScoreAdj !== undefined && { oomScoreAdj }),
  };
}

/** What a request and its image come to: the runtime specification's config.json, as far as containers of the engine use it. */
export function createSpec(
  request: ContainerRequest,
  image: ImageProcess,
  context: SpecContext,
): Spec {
  const hostname = request.hostname ?? context.id.slice(0, 12);
  const { user, machine } = context;
  const size = context.terminalSize;
  const { devices, rules, bound } = specDevices(request, machine, context.users !== undefined);
  const mounts = allMounts(request, context.mounts, context.ownFiles, context.sharedMemory);
  const { privileged = false, systemPaths, sysctls = {} } = request;
  const open = privileged || systemPaths === "unconfined";
  return {
    ociVersion: "1.2.0",
    hostname,
    ...(request.domainname !== undefined && { domainname: request.domainname }),
    process: {
      terminal: request.terminal,
      ...(size && { consoleSize: { height: size.rows, width: size.columns } }),
      user: specUser(user, request),
      args: processArguments(request, image),
      env: environment(request, image, hostname, user.home),
      cwd: workingDirectory(request, image),
      capabilities: processCapabilities(user.uid, request, machine),
      noNewPrivileges: request.noNewPrivileges ?? false,
      ...securityLabels(request, machine),
      ...processLimits(request),
    },
    root: { path: context.rootfs, readonly: request.readOnlyRoot },
    mounts: withBoundDevices(
      mounts,
      bound.map((path) => ({ path, source: path })),
    ),
    linux: {
      namespaces: specNamespaces(request, context.network, context.namespaceOf, context.users),
      cgroupsPath: context.cgroupsPath,
      resources: {
        ...specResources(request.resources, machine),
        devices: rules,
      },
      devices,
      maskedPaths: open ? [] : MASKED_PATHS,
      readonlyPaths: open ? [] : READONLY_PATHS,
      sysctl: sysctls,
    },
    ...(request.annotations && { annotations: request.annotations }),
  };
}

/** A user other than root keeps only the bounding set; inheritable stays empty (CVE-2022-24769). */
export function processCapabilities(
  uid: number,
  { privileged, capabilities }: Pick<ContainerRequest, "privileged" | "capabilities">,
  machine: Pick<MachineFacts, "capabilities">,
): Spec["process"]["capabilities"] {
  const bounding = privileged
    ? machine.capabilities()
    : capabilities
      ? chosenCapabilities(capabilities, machine.capabilities)
      : DEFAULT_CAPABILITIES;
  const held = uid === 0 ? bounding : [];
  return {
    bounding,
    effective: held,
    permitted: held,
    inheritable: [],
    ambient: [],
  };
}
