// What every implementation of NetworkDriver does.

import type { NetworkDriver } from "@nacre/core/ports/network-driver.ts";
import { describe, expect, it } from "vitest";

const ID = "0123456789abcdef".repeat(4);

export function networkDriverContract(name: string, makeDriver: () => NetworkDriver): void {
  describe(`${name} as NetworkDriver`, () => {
    it("has a name that --network can take", () => {
      expect(makeDriver().name).toMatch(/^[a-z0-9][a-z0-9_.-]*$/);
    });

    it("plans the same for the same container: it computes, programs act", () => {
      const driver = makeDriver();
      expect(driver.plan(ID)).toEqual(driver.plan(ID));
    });

    it("plans operations, resolv.conf and lines of /etc/hosts", () => {
      const { host, child, resolvConf, hosts } = makeDriver().plan(ID);
      for (const { op } of [...host, ...child]) expect(op).toMatch(/^[a-z][A-Za-z]+$/);
      expect(typeof resolvConf).toBe("string");
      for (const line of hosts) expect(line).toMatch(/^[^\n]+$/);
    });

    it("leaves the machine's own links alone", () => {
      const { ownNamespace, host, child } = makeDriver().plan(ID);
      const links = [...host, ...(ownNamespace ? [] : child)].filter(({ op }) => op === "linkUp");
      expect(links).toEqual([]);
    });
  });
}
