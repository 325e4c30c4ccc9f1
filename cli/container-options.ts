// The options of `run`, shared with `explain run`, and the request that they make.

import { NacreError } from "@nacre/core/error.ts";
import { checkNamespaces } from "@nacre/core/program/namespace-plan.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import { ADDRESS_OPTIONS, refuseAddresses } from "./address-options.ts";
import { parseStreamName, STREAM_NAMES } from "./attachment.ts";
import { ENTERING_OPTIONS, environmentOf, readEnvironmentFile } from "./entering-options.ts";
import { FlagError } from "./flag-error.ts";
import { HEALTH_OPTIONS, healthOf } from "./health-options.ts";
import type { Host } from "./host.ts";
import { MOUNT_OPTIONS, mountsOf } from "./mount-options.ts";
import { alsoNamed, choice, flag, list, text, type Values } from "./options.ts";
import { labelsOf, parseEnvironmentFile, parseLabel } from "./parse/environment.ts";
import { logRequestOf, parseLogOption } from "./parse/log.ts";
import { absolute } from "./parse/mount.ts";
import { PLATFORM_PARTS, platformOfParts } from "./platform-options.ts";
import { PROCESS_OPTIONS, processOf } from "./process-options.ts";
import { configuredProxies, OWN_PROXIES } from "./proxy-variables.ts";
import { checkPorts, PORT_OPTIONS } from "./published-ports.ts";
import { contentTrust } from "./registry-options.ts";
import { present, RESOURCE_OPTIONS, resourcesOf, unlessEmpty } from "./resource-options.ts";
import { SECRET_OPTIONS } from "./secret-options.ts";

const PULL_POLICIES = ["missing", "always", "never"] as const;

/** The network of a container that asked for none in particular, until bridges come. */
const DEFAULT_NETWORK = "none";

export const CONTAINER_OPTIONS = {
  annotation: list(["annotation"], "K=V", "Set an annotation of its OCI configuration", String),
  ...RESOURCE_OPTIONS,
  ...MOUNT_OPTIONS,
  ...PROCESS_OPTIONS,
  ...HEALTH_OPTIONS,
  ...PORT_OPTIONS,
  ...ADDRESS_OPTIONS,
  ...PLATFORM_PARTS,
  ...ENTERING_OPTIONS,
  ...SECRET_OPTIONS,
  attach: list(
    ["attach", "a"],
    "stream",
    "Have only this stream: stdin, stdout, stderr",
    parseStreamName,
    STREAM_NAMES,
  ),
  cgroupConf: list(
    ["cgroup-conf"],
    "file=value",
    "What a file of its node on cgroup v2 gets, such as memory.high=1073741824",
    parseCgroupFile,
  ),
  cidfile: text(["cidfile"], "file", "Write the container's ID to this new file", "files"),
  disableContentTrust: contentTrust,
  entrypoint: text(["entrypoint"], "string", "Replace the image's ENTRYPOINT and drop its CMD"),
  envMerge: list(
    ["env-merge"],
    "K=V",
    `Set a variable that the image has, with those of the image in it: 'PATH=\${PATH}:/opt/bin'`,
    String,
  ),
  envHost: flag(["env-host"], "Set all of your environment variables"),
  gpus: text(["gpus"], "request", "GPUs: not here; --device gives a container device nodes"),
  hostname: text(["hostname", "h"], "string", "The container's host name"),
  httpProxy: flag(["http-proxy"], "Set your own HTTP_PROXY and its kind"),
  label: list(["label", "l"], "K=V", "Set metadata on the container", parseLabel),
  labelFile: list(["label-file"], "file", "Read labels, one a line", String, "files"),
  logDriver: text(
    ["log-driver"],
    "name",
    "What keeps the output: json-file (default), local, journald, none, or a plugin's",
    ["json-file", "local", "journald", "none"],
  ),
  logOpt: list(
    ["log-opt"],
    "name=value",
    "max-size: bytes until another file is begun (default 20m, -1 for never); max-file: how many stay (default 5); of journald: tag, labels, env",
    parseLogOption,
    ["max-size=", "max-file="],
  ),
  name: text(["name"], "string", "A name for the container"),
  network: alsoNamed(
    "net",
    text(
      ["network"],
      "none|host",
      "none: a network of its own with lo alone (default); host: this machine's",
      ["none", "host"],
    ),
  ),
  pidfile: text(["pidfile"], "file", "Write the number of its first process to this file", "files"),
  platform: text(["platform"], "os/arch", "The platform to choose from a multi-platform image"),
  pull: choice(["pull"], PULL_POLICIES, "When to ask the registry (default missing)"),
  quiet: flag(["quiet", "q"], "Do not show the progress of a pull"),
  readOnly: flag(["read-only"], "Mount the container's root read-only"),
  replace: flag(["replace"], "First remove the container that has the name, whatever it does"),
  rm: flag(["rm"], "Remove the container when it ends"),
  rmi: flag(["rmi"], "Remove it when it ends, and its image unless somebody else needs that"),
  rootfs: flag(
    ["rootfs"],
    "Run a directory, named in place of IMAGE, as it is; DIR:O: only read it",
  ),
  runtime: text(
    ["runtime"],
    "name",
    "What executes the process: native, wasi, or a plugin's (default: by the image's platform)",
    ["native", "wasi"],
  ),
  unsetenv: list(["unsetenv"], "K", "Leave out a variable of the image or the defaults", String),
  unsetenvAll: flag(["unsetenv-all"], "Leave out all variables of the image and the defaults"),
};

export type ContainerValues = Values<typeof CONTAINER_OPTIONS>;

/** @throws FlagError, NacreError `unsupported` */
export function requestOf(
  values: ContainerValues,
  [image, ...command]: readonly string[],
  host: Host,
): ContainerRequest {
  const rootDirectory = values.rootfs ? rootDirectoryOf(image!, host) : undefined;
  refuseDevices(values.gpus);
  refuseAddresses(values, networkOf(values.network));
  checkPorts(values, networkOf(values.network), host);
  const process = processOf(values, host);
  checkNamespaces({ ...process, ...(values.hostname && { hostname: values.hostname }) });
  const optional = {
    pidFile: values.pidfile ? absolute(values.pidfile, host) : undefined,
    removeImage: values.rmi || undefined,
    mergeEnvironment: unlessEmpty(values.envMerge),
    unsetEnvironment: values.unsetenvAll ? ("all" as const) : unlessEmpty(values.unsetenv),
    rootDirectory,
    secrets: unlessEmpty(values.secret),
    name: values.name || undefined,
    hostname: values.hostname || undefined,
    user: values.user,
    workingDirectory: values.workdir || undefined,
    platform: platformOfParts(values, values.platform !== undefined) ?? values.platform,
    runtime: values.runtime,
    logDriver: values.logDriver,
    log: logRequestOf(values),
    attach: values.attach.length > 0 ? [...new Set(values.attach)] : undefined,
    health: healthOf(values),
    exposedPorts: unlessEmpty([...new Set(values.expose.flat())].sort()),
    entrypoint: entrypointOf(values.entrypoint),
    annotations: values.annotation.length > 0 ? labelsOf(values.annotation) : undefined,
  };
  if (values.kernelMemory !== undefined) host.printError(KERNEL_MEMORY_NOTE);
  return {
    ...present(optional),
    ...process,
    image: rootDirectory ? "" : image!,
    command,
    environment: environmentOf(
      values,
      host,
      [
        ...(values.envHost ? Object.keys(host.environment) : []),
        ...(values.httpProxy ? OWN_PROXIES : []),
      ],
      configuredProxies(values.env, host),
    ),
    terminal: values.tty,
    interactive: values.interactive,
    detached: values.detach,
    autoRemove: values.rm || values.rmi,
    readOnlyRoot: values.readOnly,
    ...mountsOf(values, host),
    network: networkOf(values.network),
    resources: {
      ...resourcesOf(values),
      ...(values.cgroupConf.length > 0 && { unified: Object.fromEntries(values.cgroupConf) }),
    },
    labels: labelsOf([...labelsFromFiles(values.labelFile, host), ...values.label]),
    pull: values.pull ?? "missing",
  };
}

/** Docker asks a driver for them, of which there is none here. @throws NacreError `unsupported` */
function refuseDevices(gpus: string | undefined): void {
  if (gpus === undefined) return;
  throw new NacreError("unsupported", `--gpus ${gpus}: there is no driver for GPUs here`, {
    advice:
      "Give the container the device nodes, such as --device /dev/dri, and mount the libraries.",
  });
}

/** @throws FlagError */
function parseCgroupFile(word: string): readonly [file: string, value: string] {
  const at = word.indexOf("=");
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
  throw new FlagError("a file and its value are needed, as in memory.high=1073741824");
}

/** podman's mark of a directory that is only read. */
const OVERLAY = ":O";

function rootDirectoryOf(word: string, host: Host) {
  const overlay = word.endsWith(OVERLAY);
  const path = overlay ? word.slice(0, -OVERLAY.length) : word;
  return { path: absolute(path, host), overlay };
}

/** An empty one clears the image's, as docker has it. */
function entrypointOf(given: string | undefined): readonly string[] | undefined {
  if (given === undefined) return undefined;
  return given === "" ? [] : [given];
}

function networkOf(given: string | undefined): string {
  return given === undefined || given === "" || given === "default" ? DEFAULT_NETWORK : given;
}

const KERNEL_MEMORY_NOTE =
  "nacre: note: --kernel-memory is not used: the kernel counts its memory with the container's own (--memory).\n";

/** In the form of an env file, whose bare names are none here: those of the options win. */
function labelsFromFiles(paths: readonly string[], host: Host): string[] {
  return paths.flatMap((path) =>
    parseEnvironmentFile(readEnvironmentFile(path, host), path)
      .filter((label) => label.includes("="))
      .map(parseLabel),
  );
}
