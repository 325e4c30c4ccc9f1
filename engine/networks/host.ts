import type { Files } from "@nacre/core/ports/files.ts";
import type { NetworkDriver, NetworkPlan } from "@nacre/core/ports/network-driver.ts";

/** The machine's own network: no namespace, the machine's resolver and names. */
export class HostNetwork implements NetworkDriver {
  readonly name = "host";
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
  }

  plan(): NetworkPlan {
    return {
      ownNamespace: false,
      host: [],
      child: [],
      resolvConf: this.#textOf("/etc/resolv.conf"),
      hosts: this.#textOf("/etc/hosts")
        .split("\n")
        .filter((line) => line.trim() !== ""),
    };
  }

  #textOf(path: string): string {
    try {
      return this.#files.readText(path);
    } catch {
      // A machine without the file gives its containers an empty one.
      return "";
    }
  }
}
