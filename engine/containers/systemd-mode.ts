// podman's mode for containers whose first process is systemd: it finds memory where it writes, a
// cgroup hierarchy of its own, and that it runs in a container.

import type { ImageProcess } from "@nacre/core/oci/image.ts";
import type { ContainerRequest, TmpfsRequest } from "@nacre/core/program/request.ts";
import { processArguments } from "@nacre/core/program/spec.ts";
import { HOST_IMAGE } from "./host-image.ts";
import { withoutTaken } from "./mount-sources.ts";

/** By these paths it is called as the init of a machine. */
const INITS: readonly string[] = ["/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init"];
/** What systemd takes for the wish to halt. */
const HALT = "SIGRTMIN+3";

/** Where it writes, and with what modes. */
const MEMORY: Readonly<Record<string, string>> = {
  "/run": "mode=755",
  "/run/lock": "mode=1777",
  "/tmp": "mode=1777",
  "/var/log/journal": "mode=755",
};

/** What its command says is settled: the mode is on from here on, or it is not asked for. */
export function withSystemdMode(request: ContainerRequest, image: ImageProcess): ContainerRequest {
  const { systemd, ...rest } = request;
  const [command = ""] = processArguments(request, image);
  const isInit = INITS.includes(command) || command.split("/").at(-1) === "systemd";
  if (systemd !== "always" && !isInit) return rest;
  const { stopSignal = image.StopSignal || HALT } = rest;
  return { ...rest, systemd: "always", stopSignal };
}

/**
 * What it gets in memory, but for places that are `taken`; with what its root has there, unless that
 * is the machine's own, where others are at work.
 */
export function systemdMounts(
  { image }: Pick<ContainerRequest, "image">,
  taken: readonly { readonly target: string }[],
): TmpfsRequest[] {
  const copied = image === HOST_IMAGE ? [] : ["tmpcopyup"];
  const all = Object.entries(MEMORY).map(
    ([target, mode]): TmpfsRequest => ({
      ...{ type: "tmpfs", target, options: ["exec", mode, ...copied] },
    }),
  );
  return withoutTaken(all, taken);
}
