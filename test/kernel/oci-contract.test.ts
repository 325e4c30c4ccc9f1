// The OCI runtime's contract on the real kernel.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LinuxClock } from "@nacre/linux/clock.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { machineState } from "../../scripts/machine-state.ts";
import { ociRuntimeContract } from "../contract/oci-runtime.ts";
import { kernel, makeRoot } from "./native.ts";

ociRuntimeContract("the real kernel", async () => {
  const directory = mkdtempSync(join(tmpdir(), "nacre-test-"));
  const bundle = join(directory, "bundle");
  symlinkSync("busybox", join(makeRoot(join(bundle, "rootfs")), "bin/false"));
  const scratch = join(directory, "scratch");
  mkdirSync(scratch);
  const mark = { name: "NACRE_TEST_BENCH", value: directory, temporary: directory };
  return {
    ...{ kernel: kernel(), files: new LinuxFiles(), clock: new LinuxClock(), bundle, scratch },
    pid: process.pid,
    state: () => {
      const kept = [...machineState(mark)].filter(
        ([kind]) => kind === "mount" || kind === "cgroup",
      );
      return [...kept.map(([kind, names]) => [kind, ...names]), readdirSync(`${scratch}/state`)];
    },
    pass: (ms) => sleep(ms),
    dispose: () => rmSync(directory, { recursive: true, force: true }),
  };
});
