// What a container's /etc/hosts and /etc/resolv.conf say: what its network gives, and what the
// user asked for beside or instead.

import { NacreError } from "@nacre/core/error.ts";
import type { NetworkPlan } from "@nacre/core/ports/network-driver.ts";
import type { ContainerRequest, NameRequest } from "@nacre/core/program/request.ts";
import type { HostFiles } from "./host-files.ts";

/** docker's word for the machine as a container reaches it. */
const HOST_GATEWAY = "host-gateway";

/** `NAME:ADDRESS` as a line of hosts(5). NacreError `unsupported` where there is no gateway. */
function hostsLine(extra: string, network: string): string {
  const at = extra.indexOf(":");
  const [name, address] = [extra.slice(0, at), extra.slice(at + 1)];
  if (address !== HOST_GATEWAY) return `${address}\t${name}`;
  // In the machine's own network the machine is itself.
  if (network === "host") return `127.0.0.1\t${name}`;
  throw new NacreError("unsupported", `network ${network} has no gateway to call ${name}`, {
    advice: "Give an address instead of host-gateway, or --network host.",
  });
}

/** Docker's rule: what is named replaces all of its kind. */
function resolvConf(given: string, { servers, searches, options }: NameRequest): string {
  const kinds = [
    ["nameserver", servers.map((server) => `nameserver ${server}`)],
    // A single dot is docker's way to say: none.
    [
      "search",
      searches.length > 0 ? [`search ${searches.filter((s) => s !== ".").join(" ")}`] : [],
    ],
    ["options", options.length > 0 ? [`options ${options.join(" ")}`] : []],
  ] as const;
  const replaced = kinds.filter(([, lines]) => lines.length > 0).map(([kind]) => kind);
  const kept = given
    .split("\n")
    .filter((line) => line !== "" && !replaced.some((kind) => line.startsWith(`${kind} `)));
  const lines = [...kinds.flatMap(([, all]) => all), ...kept].filter((line) => line !== "search ");
  return lines.map((line) => `${line}\n`).join("");
}

/**
 * Lines of /etc/hosts beside its own, and the whole of /etc/resolv.conf: the network's, with what
 * was asked for in its place.
 */
export function namesInContainer(
  request: ContainerRequest,
  plan: NetworkPlan,
): Omit<HostFiles, "hostname"> {
  const extra = (request.extraHosts ?? []).map((one) => hostsLine(one, request.network));
  return {
    domainname: request.domainname,
    hosts: [...plan.hosts, ...extra],
    resolvConf: request.dns ? resolvConf(plan.resolvConf, request.dns) : plan.resolvConf,
  };
}
