// The Kernel contract on the real kernel, below a temporary directory and one cgroup of its own.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { kernelAtLeast } from "@nacre/core/kernel-release.ts";
import { LinuxKernel } from "@nacre/linux/kernel.ts";
import { kernelContract } from "../contract/kernel.ts";
import { build, makeRoot } from "./native.ts";

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Names of all directories below one, and of files where the tree is not a cgroup's. */
function below(path: string, files: boolean): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const own = join(path, entry.name);
    if (entry.isDirectory()) return [own, ...below(own, files)];
    return files ? [own] : [];
  });
}

const init = build();
let count = 0;

kernelContract("the real kernel", async () => {
  const kernel = new LinuxKernel(init);
  const directory = mkdtempSync(join(tmpdir(), "nacre-test-"));
  const rootfs = makeRoot(join(directory, "rootfs"));
  symlinkSync("busybox", join(rootfs, "bin/false"));
  writeFileSync(join(rootfs, "bin/plain"), "no permission to execute\n");
  writeFileSync(join(rootfs, "bin/nonsense"), "no program\n");
  chmodSync(join(rootfs, "bin/nonsense"), 0o755);
  const scratch = join(directory, "scratch");
  mkdirSync(scratch);
  for (const path of [directory, scratch]) chmodSync(path, 0o755);
  const hierarchy = existsSync("/sys/fs/cgroup/pids") ? "/sys/fs/cgroup/pids" : "/sys/fs/cgroup";
  const cgroup = join(hierarchy, `nacre-test-${process.pid}-${count++}`);
  mkdirSync(cgroup);
  const mixed = `/sys/fs/cgroup/unified/nacre-test-${process.pid}-${count}`;
  const hybrid = existsSync("/sys/fs/cgroup/unified");
  if (hybrid) mkdirSync(mixed);
  // Version 2: a node has the files of a controller when its parent hands it down.
  const unified = existsSync(join(cgroup, "cgroup.subtree_control"));
  if (unified) {
    for (const node of [hierarchy, cgroup]) {
      writeFileSync(join(node, "cgroup.subtree_control"), "+pids");
    }
  }
  return {
    kernel,
    scratch,
    rootfs,
    cgroup,
    unified,
    tmpfsOwners: kernelAtLeast(release(), "6.3"),
    ...((unified || hybrid) && { unifiedCgroup: unified ? cgroup : mixed }),
    readText,
    // Other work on this machine does not count: only what is below these two directories.
    state: () => ({
      mounts: kernel.mounts().filter((mount) => mount.target.startsWith(directory)),
      files: below(directory, true),
      cgroups: [cgroup, ...(hybrid ? [mixed] : [])].flatMap((path) => below(path, false)),
    }),
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    dispose: () => {
      rmdirSync(cgroup);
      if (hybrid) rmdirSync(mixed);
      rmSync(directory, { recursive: true, force: true });
    },
  };
});
