// A fresh ext4 on an image in /dev/shm, for everything that writes to disk: what the machine's own
// disk happens to be good or bad at favours nobody, and both sides start empty.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timed } from "./peers/command.ts";

export interface FreshDisk extends Disposable {
  /** Where it is mounted. */
  readonly path: string;
  /** Writes everything that is dirty on it, and waits (syncfs(2)): how many milliseconds that takes. */
  flush(): number;
}

const GIBIBYTE = 2 ** 30;

/** Makes and mounts one. The image is sparse: it takes memory as it is written to. Needs root. */
export function freshDisk(sizeBytes = 6 * GIBIBYTE): FreshDisk {
  const path = mkdtempSync(join(tmpdir(), "nacre-disk-"));
  const image = join("/dev/shm", `${path.split("/").at(-1)}.ext4`);
  try {
    writeFileSync(image, "");
    truncateSync(image, sizeBytes);
    // Nothing is left for the kernel to initialise behind the measurement.
    const now = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
    execFileSync("mkfs.ext4", ["-q", "-F", "-E", now, image], { stdio: "pipe" });
    execFileSync("mount", ["-o", "loop", image, path], { stdio: "pipe" });
  } catch (error) {
    rmSync(image, { force: true });
    rmdirSync(path);
    throw error;
  }
  return {
    path,
    flush: () => timed("sync", "-f", path),
    [Symbol.dispose]: () => {
      execFileSync("umount", [path]);
      rmSync(image);
      rmdirSync(path);
    },
  };
}
