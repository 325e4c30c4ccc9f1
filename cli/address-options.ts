// Options about a container's addresses and names on a network. The networks that there are give
// none: docker refuses these options with them, too.

import { NacreError } from "@nacre/core/error.ts";
import { alsoNamed, list, text, type Values } from "./options.ts";

const YET = "not with the networks that there are yet";

export const ADDRESS_OPTIONS = {
  ip: text(["ip"], "address", `An IPv4 address of its own: ${YET}`),
  ip6: text(["ip6"], "address", `An IPv6 address of its own: ${YET}`),
  link: list(["link"], "container", `Another container by its name: ${YET}`, String),
  linkLocalIp: list(["link-local-ip"], "address", `A link-local address: ${YET}`, String),
  macAddress: text(["mac-address"], "address", `A MAC address: ${YET}`),
  networkAlias: alsoNamed(
    "net-alias",
    list(["network-alias"], "name", `A name on its network: ${YET}`, String),
  ),
};

/** @throws NacreError `unsupported` that names the first that was given */
export function refuseAddresses(values: Values<typeof ADDRESS_OPTIONS>, network: string): void {
  for (const [key, { long }] of Object.entries(ADDRESS_OPTIONS)) {
    const [given] = [values[key as keyof typeof ADDRESS_OPTIONS]].flat();
    if (given === undefined) continue;
    throw new NacreError("unsupported", `--${long} ${given}: the network ${network} has no such`, {
      advice:
        "With none a container has its own lo alone, with host this machine's addresses and names. Leave the option out.",
    });
  }
}
