// Ports of this machine that would lead to a container's: networks will publish them, and the two
// that there are do not.

import { NacreError } from "@nacre/core/error.ts";
import type { Host } from "./host.ts";
import { flag, list, type Values } from "./options.ts";

export const PORT_OPTIONS = {
  publish: list(
    ["publish", "p"],
    "port",
    "A port of this machine for one of the container: not with the networks that there are yet",
    String,
  ),
  publishAll: flag(["publish-all", "P"], "The same for all that the image exposes"),
};

export function whyNothingIsPublished(network: string): string {
  if (network === "host") return "with the network host its ports are this machine's own";
  if (network === "none") return "with the network none it has no address but on its own lo";
  return `the network ${network} publishes no ports`;
}

/** With the machine's own network they are there already, as docker says too. @throws NacreError */
export function checkPorts(
  { publish, publishAll }: Values<typeof PORT_OPTIONS>,
  network: string,
  host: Host,
): void {
  if (publish.length === 0 && !publishAll) return;
  const why = whyNothingIsPublished(network);
  if (network !== "host") {
    const shown = publish.map((port) => `-p ${port}`).join(" ") || "-P";
    throw new NacreError("unsupported", `${shown}: no port can be published: ${why}`, {
      advice: "With --network host the container has this machine's ports themselves.",
    });
  }
  host.printError(`nacre: published ports are left out: ${why}\n`);
}
