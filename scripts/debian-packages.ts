// What tests and the demonstration need beside Node: commands, and the Debian packages that bring
// them. As root on a machine with apt they are installed; elsewhere whoever asks is told.

import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Command → Debian package. */
export const TEST_COMMANDS: Readonly<Record<string, string>> = {
  busybox: "busybox-static",
  "docker-registry": "docker-registry",
  igzip: "isal",
  getfattr: "attr",
  skopeo: "skopeo",
  mmdebstrap: "mmdebstrap",
  "mkfs.ext4": "e2fsprogs",
  zstd: "zstd",
  openssl: "openssl",
  python3: "python3",
  cc: "gcc",
  make: "make",
  chromium: "chromium",
};

function onPath(command: string): boolean {
  const path = `${process.env.PATH ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`;
  return path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Commands of the table that are not on this machine. */
export function missingCommands(table: Readonly<Record<string, string>>): string[] {
  return Object.keys(table).filter((command) => !onPath(command));
}

function apt(...args: string[]): { readonly ok: boolean; readonly output: string } {
  const run = spawnSync("apt-get", args, {
    encoding: "utf8",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" },
  });
  return { ok: run.status === 0, output: `${run.stdout ?? ""}${run.stderr ?? ""}`.trim() };
}

/** A daemon that a package would start at once would only be in the way of the tests. */
const QUIET = ["-y", "-qq", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"];
/** A mirror may hiccup, and a machine that has just begun may be at its own updates. */
const PATIENT = ["-o", "Acquire::Retries=5", "-o", "DPkg::Lock::Timeout=300"];

/**
 * Installs what is missing of a table where that is possible (root, apt), quietly. Returns the
 * commands that are still missing, each with the reason in the second place.
 */
export function ensureCommands(table: Readonly<Record<string, string>>): string[] {
  const missing = missingCommands(table);
  if (missing.length === 0) return [];
  if (process.getuid?.() !== 0 || !onPath("apt-get")) return missing;
  const packages = [...new Set(missing.map((command) => table[command] ?? command))];
  console.log(`installing ${packages.join(", ")}`);
  const update = apt("update", "-qq", ...PATIENT);
  const install = apt("install", ...QUIET, ...PATIENT, ...packages);
  if (!install.ok)
    console.error(update.ok ? install.output : `${update.output}\n${install.output}`);
  return missingCommands(table);
}
