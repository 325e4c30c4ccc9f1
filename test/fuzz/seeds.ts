// Programs to begin fuzzing with: one of each operation, in each section where it may stand.

import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { encodeProgram } from "@nacre/core/program/wire.ts";
import fc from "fast-check";
import { operations } from "../kernel/random-programs.ts";

const CHILD: Operation[] = [
  { op: "unshare", namespaces: ["cgroup", "user"] },
  { op: "setUser", uid: 1, gid: 2, groups: [3, 4] },
  { op: "boundCapabilities", bounding: 7n },
  { op: "setCapabilities", effective: 1n, permitted: 1n, inheritable: 0n, ambient: 0n },
  { op: "setLimit", resource: 7, soft: 1n, hard: 2n },
  { op: "openTerminal", rows: 24, columns: 80 },
  { op: "filterSystemCalls", filter: new Uint8Array(16), flags: ["log", "listener"] },
  { op: "writeOwnFile", name: "attr/exec", data: "label" },
  { op: "placeAttribute", path: "/a", name: "user.x", value: Uint8Array.of(1, 2) },
  { op: "execute", arguments: ["a", "b"], environment: ["A=1"] },
];

const program = (host: Operation[], child: Operation[]): KernelProgram => ({
  title: "seed",
  host,
  process: {
    clone: {
      create: ["mnt", "pid"],
      join: { pid: 7, startTime: 9n, namespaces: ["net"] },
      cgroups: ["/c/a", "/c/b"],
      joinPaths: [{ kind: "uts", path: "/proc/1/ns/uts" }],
    },
    parent: [{ op: "joinCgroup", path: "/c" }],
    child,
    supervision: {
      ...{ stdin: "null", output: "both", terminal: "none" },
      ...{ collect: ["/c/events"], onExit: ["nacre"], detached: true },
    },
  },
});

/** The same ones each time. */
export function seeds(): Uint8Array[] {
  const random = fc.sample(operations, { numRuns: 60, seed: 1 });
  const listener: Operation = { op: "connectListener", path: "/run/x", state: ["{", "}"] };
  return [
    { title: "seed", host: [] },
    program([listener, { op: "makeCgroup", path: "/c", shared: true }], CHILD),
    ...random.map((list) => program([], list)),
  ].map(encodeProgram);
}
