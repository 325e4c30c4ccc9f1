// Users of an OCI container: config-linux.md, "User namespace mappings"; config.md, "Mounts".

import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Config, OciBench, withUsers } from "./oci-bench.ts";

let bench: OciBench;
beforeAll(() => {
  bench = new OciBench();
});
afterAll(() => bench?.[Symbol.dispose]());

describe("linux.uidMappings, gidMappings", () => {
  it("are those of a new user namespace, in which a container works as in none", () => {
    const script =
      "cat /proc/self/uid_map /proc/self/gid_map; id -u; touch /dev/shm/x && stat -c '%u %g' /dev/shm/x; echo > /dev/null && echo devices; hostname";
    const lines = bench.lines(script, withUsers);
    expect(lines.map((line) => line.trim().replace(/ +/g, " "))).toEqual([
      "0 100000 2000",
      "0 200000 3000",
      "0",
      "0 0",
      "devices",
      "nacre",
    ]);
  });

  it("do not keep a container from what its mounts name, by whose IDs they say", () => {
    const closed = bench.path("closed");
    mkdirSync(join(closed, "open"), { recursive: true });
    chmodSync(closed, 0o700);
    writeFileSync(join(closed, "open/file"), "reached\n");
    const source = join(closed, "open");
    const lines = bench.lines("cat /plain/file; stat -c %u /plain/file /shown/file", (config) => {
      withUsers(config);
      const { uidMappings, gidMappings } = config.linux;
      const bind = { type: "bind", source, options: ["bind"] };
      config.mounts.push({ destination: "/plain", ...bind }, {
        destination: "/shown",
        ...bind,
        uidMappings,
        gidMappings,
      } as Config["mounts"][0]);
    });
    expect(lines).toEqual(["reached", "65534", "0"]);
  });
});
