// Random programs about what a process is and may do, for comparing two kernels: users, powers,
// limits, priorities, names, hooks, filters of system calls. They begin with the powers of a usual
// container, which every machine can give, so that what is refused is refused on both.

import { capabilityMask, DEFAULT_CAPABILITIES } from "@nacre/core/program/capabilities.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import fc from "fast-check";

const USUAL = capabilityMask(DEFAULT_CAPABILITIES);
const FEW = capabilityMask(["CAP_CHOWN", "CAP_SETUID", "CAP_SETPCAP"]);
const powers = fc.constantFrom(USUAL, FEW, 0n);

/** One instruction that allows every call, and what is no program (seccomp(2)). */
const ALLOW = Uint8Array.of(6, 0, 0, 0, 0, 0, 0xff, 0x7f);
const filters = fc.constantFrom(
  ALLOW,
  Uint8Array.of(...ALLOW, ...ALLOW),
  ALLOW.slice(1),
  ALLOW.slice(8),
);

const make = <N extends Operation["op"]>(
  op: N,
  fields: Record<string, fc.Arbitrary<unknown>>,
): fc.Arbitrary<Operation> => fc.record(fields).map((o) => ({ op, ...o }) as Operation);

const PATHS = [[], ["PATH=/bin"], ["PATH=/none:/bin"]];
const PROGRAMS = [["sleep"], ["/bin/sleep", "0"], ["none"], ["/a"], ["/"], []];

const CHOICES: readonly (readonly [weight: number, operation: fc.Arbitrary<Operation>])[] = [
  [
    1,
    make("joinSessionKeyring", {
      name: fc.constantFrom("_ses.random", ".hidden", ""),
      permissions: fc.constantFrom(0x3f1b0000, 0x3f130000),
    }),
  ],
  [1, make("setPersonality", { persona: fc.constantFrom(0, 8) })],
  [
    2,
    make("setIoPriority", {
      class: fc.constantFrom(0, 1, 2, 3, 4),
      priority: fc.constantFrom(0, 1, 7, 8),
    }),
  ],
  [
    2,
    make("setScheduler", {
      policy: fc.constantFrom(0, 1, 2, 3, 4, 5, 7),
      flags: fc.constant(0n),
      nice: fc.constantFrom(-20, -1, 0, 5, 19),
      priority: fc.constantFrom(0, 1, 99),
      ...{ runtimeNs: fc.constant(0n), deadlineNs: fc.constant(0n), periodNs: fc.constant(0n) },
    }),
  ],
  [
    2,
    make("setMemoryPolicy", {
      mode: fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 0x8002, 0x4003, 0xc003, 0x8000, 0x8001, 0x8004),
      nodes: fc.constantFrom([], [1n], [2n], [3n], [0n]),
    }),
  ],
  [
    1,
    make("writeOwnFile", {
      name: fc.constantFrom("timens_offsets", "none", "../x", "attr/none"),
      data: fc.constantFrom("monotonic 1 0\n", "x"),
    }),
  ],
  [
    2,
    make("findProgram", {
      arguments: fc.constantFrom(...PROGRAMS),
      environment: fc.constantFrom(...PATHS),
    }),
  ],
  [
    2,
    make("runHook", {
      path: fc.constantFrom("/bin/sleep", "/bin/none", "/a"),
      // It fails at once: where time stands still, one that sleeps would never end.
      arguments: fc.constantFrom(["sleep"], ["sleep", "x"]),
      environment: fc.constant([]),
      ...{ before: fc.constant("{"), after: fc.constant("}") },
      timeoutMs: fc.constant(20_000),
      by: fc.constant("self"),
    }),
  ],
  [
    2,
    make("setLimit", {
      // None of descriptors: who carries it out needs some.
      resource: fc.constantFrom(4, 99),
      soft: fc.constantFrom(0n, 50n, 64n, 65n),
      hard: fc.constant(64n),
    }),
  ],
  [1, make("setUmask", { mask: fc.constantFrom(0, 0o22, 0o777, 0o7777) })],
  [1, make("newSession", {})],
  [1, make("unshare", { namespaces: fc.constant(["time"]) })],
  [1, make("enterTimeNamespace", {})],
  [2, make("boundCapabilities", { bounding: powers })],
  [
    3,
    make("setCapabilities", {
      ...{ effective: powers, permitted: powers, inheritable: powers, ambient: powers },
    }),
  ],
  [
    3,
    make("setUser", {
      ...{ uid: fc.constantFrom(0, 7), gid: fc.constantFrom(0, 9) },
      groups: fc.constantFrom([], [9], [1, 2, 3]),
    }),
  ],
  [1, make("noNewPrivileges", {})],
  [1, make("setHostname", { name: fc.constantFrom("h", "", "x".repeat(64), "x".repeat(65)) })],
  [1, make("setDomainname", { name: fc.constantFrom("d", "x".repeat(65)) })],
  [1, make("filterSystemCalls", { filter: filters, flags: fc.constant([]) })],
  [1, make("maskInRoot", { path: fc.constantFrom("/a", "/none") })],
];

/** Powers and limits that the operations begin with. */
export const BEGINNING: readonly Operation[] = [
  { op: "makeDirectory", path: "/a", mode: 0o755, existing: "fail" },
  { op: "boundCapabilities", bounding: USUAL },
  { op: "setLimit", resource: 4, soft: 64n, hard: 64n },
  { op: "setLimit", resource: 7, soft: 64n, hard: 64n },
  { op: "setCapabilities", effective: USUAL, permitted: USUAL, inheritable: 0n, ambient: 0n },
];

export const natures: fc.Arbitrary<Operation[]> = fc.array(
  fc.oneof(...CHOICES.map(([weight, arbitrary]) => ({ weight, arbitrary }))),
  { minLength: 1, maxLength: 8 },
);

const FIELDS =
  /^(Umask|Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp|Seccomp_filters):/;
const LIMITS = /^Max (core file size|open files) /;

/** Of /proc/PID/status and /proc/PID/limits what the operations are about. */
export function natureOf(status: string, limits: string): string[] {
  const words = (text: string) => text.trim().split(/\s+/).join(" ");
  return [
    ...status.split("\n").filter((line) => FIELDS.test(line)),
    ...limits.split("\n").filter((line) => LIMITS.test(line)),
  ].map(words);
}
