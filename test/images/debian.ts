// A real Debian with Python, made by mmdebstrap from Debian's mirrors: about 12,000 files. It takes
// half a minute or a few, so it is kept in the cache.

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { CACHED_TAG, cachedLayout } from "./cache.ts";
import { writeLayout } from "./layout.ts";

const SUITE = "bookworm";
const PACKAGES = ["python3", "ca-certificates", "git", "file", "xz-utils"];
const OPTIONS = ["--variant=minbase", "--mode=root", "--quiet", `--include=${PACKAGES.join(",")}`];

/** Folder of a layout with Debian and Python in one layer. Needs root, mmdebstrap and the network. */
export function debianLayout(): Promise<string> {
  const recipe = ["mmdebstrap 1", SUITE, ...OPTIONS].join(" ");
  return cachedLayout(`debian-${SUITE}`, recipe, async (folder) => {
    const archive = join(folder, "root.tar");
    const patient = `--aptopt=Acquire::Retries "5"`;
    execFileSync("mmdebstrap", [...OPTIONS, patient, SUITE, archive], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, SOURCE_DATE_EPOCH: "1700000000", LC_ALL: "C.UTF-8" },
    });
    await writeLayout(folder, CACHED_TAG, {
      layers: [{ tar: archive, createdBy: `mmdebstrap ${SUITE}` }],
      process: {
        Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        Cmd: ["bash"],
      },
    });
    rmSync(archive);
  });
}
