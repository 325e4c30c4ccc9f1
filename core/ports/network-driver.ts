import type { Operation } from "../program/operation.ts";
import { token } from "./token.ts";

/** What a network gives to one container's program. */
export interface NetworkPlan {
  /** Whether the container gets a network namespace of its own. */
  readonly ownNamespace: boolean;
  readonly host: readonly Operation[];
  readonly child: readonly Operation[];
  /** Contents of /etc/resolv.conf and additional lines of /etc/hosts. */
  readonly resolvConf: string;
  readonly hosts: readonly string[];
}

/** A way to connect containers, by the name that `--network` takes. It computes; programs act. */
export interface NetworkDriver {
  readonly name: string;
  plan(containerId: string): NetworkPlan;
}

export const NetworkDriver = token<NetworkDriver>("NetworkDriver");
