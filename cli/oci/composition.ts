// The parts of the OCI runtime, put together: no store, no images, no container of dependencies.

import { userInfo } from "node:os";
import { join } from "node:path";
import { OciRuntime } from "@nacre/engine/oci/oci-runtime.ts";
import { LinuxClock } from "@nacre/linux/clock.ts";
import { ociArchitecture } from "@nacre/linux/facts.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { initBinary } from "@nacre/linux/init-binary.ts";
import { LinuxKernel } from "@nacre/linux/kernel.ts";
import { packageRoot } from "../package-root.ts";
import type { MakeRuntime } from "./main.ts";

function owner(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 0);
  }
}

/** nacre-init is the package's, or the one that was built below `root`. */
export const linuxRuntime: MakeRuntime = async ({ root, systemdCgroup, warn }) => {
  const dist = join(packageRoot(), "dist");
  const init = initBinary({
    directories: [dist, join(root, "init")],
    sources: join(dist, "native"),
  });
  const addon = join(dist, `addon-${process.arch}.node`);
  const kernel = new LinuxKernel(init, { addon, endsWithProcess: true });
  return new OciRuntime(kernel, new LinuxFiles(addon), new LinuxClock(), {
    ...{ root, systemdCgroup, warn, owner },
    architecture: ociArchitecture(),
    pid: process.pid,
    ids: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    environment: process.env,
  });
};
