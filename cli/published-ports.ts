// Ports of a container, and those of this machine that would lead to them: networks will publish
// them, and the two that there are do not.

import { NacreError } from "@nacre/core/error.ts";
import { LAST_PORT, parsePortRange, portsIn } from "@nacre/core/oci/exposed-ports.ts";
import { FlagError } from "./flag-error.ts";
import type { Host } from "./host.ts";
import { flag, list, type Values } from "./options.ts";

export const PORT_OPTIONS = {
  expose: list(
    ["expose"],
    "port[-port][/protocol]",
    "Ports that the container says it serves, beside those of its image; inspect shows them",
    parseExposed,
  ),
  publish: list(
    ["publish", "p"],
    "port",
    "A port of this machine for one of the container: not with the networks that there are yet",
    String,
  ),
  publishAll: flag(["publish-all", "P"], "The same for all that the image exposes"),
};

/** All ports of a range, `8000-8002/udp`. @throws FlagError, with docker's words */
function parseExposed(word: string): readonly string[] {
  const range = parsePortRange(word);
  if (range) return portsIn(range);
  const [, ports = "", protocol] = /^([^/]*)\/([^/]*)$/.exec(word) ?? [];
  if (parsePortRange(ports)) {
    throw new FlagError(`invalid protocol ${JSON.stringify(protocol)}: tcp, udp or sctp`);
  }
  throw new FlagError(
    `invalid range format for --expose: a port from 0 to ${LAST_PORT} or a range of them, such as 80 or 8000-8010/udp`,
  );
}

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
