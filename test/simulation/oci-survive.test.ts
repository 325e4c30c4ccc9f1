// Every point of an OCI container's life made to fail: it may be told, and nothing is left.

import { OciRuntime } from "@nacre/engine/oci/oci-runtime.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import type { FaultOptions } from "@nacre/simulated/faults.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import { expect, it } from "vitest";
import { wasmCore } from "../core/wasm-core.ts";

const BUNDLE = "/srv/bundle";
const ROOT = "/srv/state";
const QUIET = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
const hook = (name: string) => [{ path: `${BUNDLE}/rootfs/bin/${name}` }];

const CONFIG = {
  ociVersion: "1.2.0",
  root: { path: "rootfs" },
  process: { cwd: "/", args: ["sleep", "3600"], env: ["PATH=/bin"], oomScoreAdj: 10 },
  hostname: "h",
  mounts: [
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "ro"] },
  ],
  hooks: { prestart: hook("true"), createContainer: hook("true"), poststop: hook("true") },
  linux: {
    namespaces: ["pid", "mount", "uts", "ipc"].map((type) => ({ type })),
    cgroupsPath: "/a/b",
    resources: { pids: { limit: 10 } },
    maskedPaths: ["/proc/uptime"],
  },
};

function machine() {
  const clock = new SimulatedClock();
  const kernel = new SimulatedKernel(clock, { core: wasmCore() });
  const files = kernel.hostFiles();
  for (const name of ["bin", "proc", "dev", "tmp"]) {
    files.makeDirectory(`${BUNDLE}/rootfs/${name}`, 0o755);
  }
  for (const name of ["true", "sleep"]) kernel.installProgram(`${BUNDLE}/rootfs/bin/${name}`);
  files.replace(`${BUNDLE}/config.json`, JSON.stringify(CONFIG));
  files.makeDirectory(ROOT);
  const runtime = new OciRuntime(kernel, files, clock, {
    ...{ root: ROOT, systemdCgroup: false, owner: () => "root", ids: { uid: 0, gid: 0 } },
    ...{ pid: 1, architecture: "amd64", environment: {}, warn: () => {} },
  });
  const settled = async <T>(work: Promise<T>): Promise<T> => {
    let done = false;
    const end = work.finally(() => {
      done = true;
    });
    end.catch(() => {}); // thrown below
    while (!done) await clock.advance(5);
    return end;
  };
  const life = async () => {
    await settled(runtime.create({ id: "one", bundle: BUNDLE, detached: true, streams: QUIET }));
    await settled(runtime.start("one"));
    await settled(runtime.delete("one", true));
  };
  const left = () => ({ ...kernel.state(), files: files.list(ROOT) });
  return { kernel, runtime, settled, life, left };
}

async function points(): Promise<number> {
  const { kernel, life } = machine();
  const faults = kernel.injectFaults({ trace: true });
  await life();
  return faults?.trace.length ?? 0;
}

it("survives the failure of each of its points, and leaves nothing", async () => {
  const count = await points();
  expect(count).toBeGreaterThan(50);
  const outcomes = { failed: 0, survived: 0 };
  for (let at = 0; at < count; at++) {
    const { kernel, runtime, settled, life, left } = machine();
    const before = left();
    const rules: FaultOptions["rules"] = [{ at, fault: { do: "fail", errno: "EIO" } }];
    kernel.injectFaults({ rules });
    try {
      await life();
      outcomes.survived++;
    } catch {
      outcomes.failed++;
    }
    kernel.injectFaults(undefined);
    await settled(runtime.delete("one", true));
    expect({ at, left: left() }).toEqual({ at, left: before });
  }
  expect(outcomes.failed).toBeGreaterThan(outcomes.survived);
}, 120_000);
