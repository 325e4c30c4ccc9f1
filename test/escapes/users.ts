// Escapes of containers that have users of their own.

import { chmodSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { bindOf, changed, type Escape } from "./escape.ts";

const SETUID = 0o4000;
const EVERYBODY = "0 0 4294967295\n";

export const USERS: readonly Escape[] = [
  {
    ids: ["CVE-2021-21284"],
    shape: "root of a container with users of its own is the machine's root where files are shared",
    protection: "the maps of its user namespace, which writeProcessFile writes",
    attempt: async (world) => {
      chmodSync(join(world.canary, "secret"), 0o600);
      const shared = join(world.base, "shared");
      mkdirSync(shared);
      chmodSync(shared, 0o777);
      const mounts = [bindOf(shared, "/s"), bindOf(world.canary, "/c")];
      const line = "cp /bin/probe /s/program && chmod 4755 /s/program && cat /c/secret";
      const { output } = await world.run(line, { mounts, userns: "auto", network: "none" });
      const { uid, mode } = statSync(join(shared, "program"));
      return output.includes("the machine's own") || (uid === 0 && (mode & SETUID) !== 0);
    },
    without: {
      program: changed(({ parent }) => ({
        parent: parent.map((o) =>
          o.op === "writeProcessFile" && /^[ug]id_map$/.test(o.name)
            ? { ...o, data: EVERYBODY }
            : o,
        ),
      })),
    },
  },
];
