import type { NetworkDriver, NetworkPlan } from "@nacre/core/ports/network-driver.ts";

/** A network namespace with nothing in it but its loopback interface. */
export class NoneNetwork implements NetworkDriver {
  readonly name = "none";

  plan(): NetworkPlan {
    return {
      ownNamespace: true,
      host: [],
      child: [
        { op: "linkUp", name: "lo", why: "so that it can talk to itself, and to nobody else" },
      ],
      resolvConf: "",
      hosts: [],
    };
  }
}
