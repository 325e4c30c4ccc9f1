// Programs to begin fuzzing with: each operation in each place where it may stand, and lists of them.

import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { encodeProgram } from "@nacre/core/program/wire.ts";
import { malformed } from "@nacre/simulated/interpreter.ts";
import fc from "fast-check";
import { operations } from "../kernel/random-programs.ts";
import { samples } from "./samples.ts";

type Place = "host" | "parent" | "child" | "outside";
const PLACES: readonly Place[] = ["host", "parent", "child", "outside"];

interface Sections {
  readonly host?: readonly Operation[];
  readonly parent?: readonly Operation[];
  readonly child?: readonly Operation[];
}

const program = ({ host = [], parent = [], child = [] }: Sections): KernelProgram => ({
  title: "seed",
  host,
  process: {
    clone: {
      create: ["mnt", "pid"],
      join: { pid: 7, startTime: 9n, namespaces: ["net"] },
      cgroups: ["/c/a", "/c/b"],
      joinPaths: [{ kind: "uts", path: "/proc/1/ns/uts" }],
    },
    parent,
    child,
    supervision: {
      ...{ stdin: "null", output: "both", terminal: "none", detached: true },
      ...{ collect: ["/c/events"], onExit: ["nacre"], leaveKeys: [16, 17], descriptors: 2 },
      ...{ journal: { socket: "/run/j", fields: "A=b\n" }, startPath: "/run/s" },
    },
  },
});

function standing(operation: Operation, place: Place): KernelProgram {
  if (place === "host") return { title: "seed", host: [operation] };
  if (place === "outside") return program({ child: [{ ...operation, outside: true }] });
  return program({ [place]: [operation] });
}

/** Each operation in each place, and whether it may stand there, as the simulated kernel has it. */
export const STANDING = samples.flatMap((operation) =>
  PLACES.map((place) => {
    const stands = standing(operation, place);
    return { operation, place, program: stands, sound: malformed(stands) === undefined };
  }),
);

/** The same ones each time. */
export function seeds(): Uint8Array[] {
  const random = fc.sample(operations, { numRuns: 60, seed: 1 });
  return [
    { title: "seed", host: [] },
    ...STANDING.filter(({ sound }) => sound).map((one) => one.program),
    ...random.map((child) => program({ child })),
  ].map(encodeProgram);
}
