// The smallest image with a shell: Debian's static busybox, and a link for each of its applets.

import { execFileSync } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import type { ImageSpec } from "./layout.ts";
import { type TarEntry, tar } from "./tar.ts";

const PATHS = ["/bin/busybox", "/usr/bin/busybox"];

function binary(): string {
  const found = PATHS.find((path) => {
    try {
      return realpathSync(path) !== "";
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error("no busybox here: apt-get install busybox-static");
  return found;
}

/** Files of a root directory with busybox in it. */
export function busyboxEntries(): TarEntry[] {
  const path = binary();
  const applets = execFileSync(path, ["--list"], { encoding: "utf8" }).split("\n").filter(Boolean);
  const folder = (name: string, mode = 0o755): TarEntry => ({ name, type: "directory", mode });
  return [
    folder("bin/"),
    { name: "bin/busybox", mode: 0o755, content: readFileSync(path) },
    ...applets
      .filter((name) => name !== "busybox")
      .map((name): TarEntry => ({ name: `bin/${name}`, type: "symlink", link: "busybox" })),
    folder("etc/"),
    {
      name: "etc/passwd",
      content: "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n",
    },
    { name: "etc/group", content: "root:x:0:\nuser:x:1000:\nextra:x:2000:user\n" },
    folder("home/"),
    { ...folder("home/user/"), uid: 1000, gid: 1000 },
    folder("root/", 0o700),
    folder("tmp/", 0o1777),
    folder("var/"),
  ];
}

/** `sh` by default, PATH set, one layer. */
export function busyboxImage(): ImageSpec {
  return {
    layers: [{ tar: tar(busyboxEntries()), createdBy: "busybox-static" }],
    process: { Env: ["PATH=/bin"], Cmd: ["sh"] },
  };
}
