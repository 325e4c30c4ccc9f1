// What keeps a namespace alive: a process, a descriptor, a bind mount, and nothing else.

import { SIGNALS } from "@nacre/core/program/signals.ts";
import { SimulatedClock } from "@nacre/simulated/clock.ts";
import { close, open } from "@nacre/simulated/descriptor-calls.ts";
import * as files from "@nacre/simulated/file-calls.ts";
import { SimulatedKernel } from "@nacre/simulated/kernel.ts";
import type { Machine } from "@nacre/simulated/machine.ts";
import { moveMount, openTree, unmount } from "@nacre/simulated/mount-calls.ts";
import { holdersOf, livingNamespaces } from "@nacre/simulated/namespace-holders.ts";
import type { Namespace } from "@nacre/simulated/namespaces.ts";
import { lookup } from "@nacre/simulated/path-lookup.ts";
import { NullDescriptor } from "@nacre/simulated/pipe.ts";
import type { Process } from "@nacre/simulated/process.ts";
import { clone } from "@nacre/simulated/process-calls.ts";
import { describe, expect, it } from "vitest";
import { wasmCore } from "../core/wasm-core.ts";

function machine() {
  const kernel = new SimulatedKernel(new SimulatedClock(), { core: wasmCore() });
  const { machine } = kernel;
  const caller = machine.processes.all()[1] as Process;
  const nothing = new NullDescriptor();
  const streams = { stdin: nothing, stdout: nothing, stderr: nothing };
  const as = <T>(call: () => T): T => machine.as(caller, call);
  const child = as(() => clone(machine, caller, ["mnt", "uts", "pid"], streams));
  const end = (): void => {
    machine.processes.exit(child, { code: 0, signal: SIGNALS.KILL });
    machine.processes.reap(child);
  };
  return { machine, caller, child, as, end, file: `/proc/${child.pid}/ns/` };
}

/** By numbers and names: what holds is part of a whole machine, too large to print. */
function held(of: Machine, namespace: Namespace) {
  const { processes, descriptors, mounts } = holdersOf(of, namespace);
  const pids = (all: readonly Process[]): number[] => all.map(({ pid }) => pid);
  return { processes: pids(processes), descriptors: pids(descriptors), mounts };
}
const lives = (of: Machine, namespace: Namespace): boolean =>
  livingNamespaces(of).includes(namespace);

describe("a namespace", () => {
  it("lives while a process is in it", () => {
    const { machine: of, child, end } = machine();
    const { mnt, uts } = child.namespaces;
    expect(held(of, uts).processes).toEqual([child.pid]);
    end();
    expect(lives(of, uts)).toBe(false);
    expect(of.mountNamespaces.has(mnt)).toBe(false);
  });

  it("lives while somebody has its file open", () => {
    const { machine: of, caller, child, as, end, file } = machine();
    const { mnt } = child.namespaces;
    const descriptor = as(() => open(caller, `${file}mnt`, { read: true }));
    end();
    expect(held(of, mnt)).toMatchObject({ processes: [], descriptors: [caller.pid] });
    expect(mnt.tree.mounts.size).toBeGreaterThan(0);
    as(() => close(of, caller, descriptor));
    expect(lives(of, mnt)).toBe(false);
    expect(of.mountNamespaces.has(mnt)).toBe(false);
  });

  it("lives while its file is mounted somewhere", () => {
    const { machine: of, caller, child, as, end, file } = machine();
    const { uts } = child.namespaces;
    as(() => {
      files.makeNode(caller, "/tmp/pin", "file", 0o644, undefined);
      const tree = openTree(of, caller, lookup(caller, `${file}uts`), { recursive: false });
      moveMount(of, caller, tree, lookup(caller, "/tmp/pin"));
    });
    end();
    expect(held(of, uts)).toMatchObject({ processes: [], mounts: ["/tmp/pin"] });
    as(() => unmount(of, caller, "/tmp/pin", { detach: false }));
    expect(lives(of, uts)).toBe(false);
  });

  it("lives while another one belongs to it or lies within it", () => {
    const { machine: of, child } = machine();
    const { pid } = child.namespaces;
    expect(holdersOf(of, of.user).namespaces.includes(child.namespaces.uts)).toBe(true);
    expect(holdersOf(of, pid.parent ?? pid).namespaces.includes(pid)).toBe(true);
  });
});
