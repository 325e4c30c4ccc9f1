// Random programs of system calls, by theme: something to begin with, random steps, and a look at all
// that the theme can have changed.

import fc from "fast-check";
import {
  ATTRIBUTES,
  CGROUPS,
  DESCRIPTORS,
  type Draft,
  either,
  KINDS,
  MOUNTS,
  NAMESPACES,
  NAMING,
  of,
  one,
  PINS,
  PLACES,
  words,
} from "./random-calls.ts";
import {
  CAPABILITIES,
  clone,
  EXECUTIONS,
  FIFOS,
  PIDFDS,
  PROCESSES,
  plainClone,
  USERS,
} from "./random-process-calls.ts";
import { MOST_ACTORS, type Step, type StepProgram, step, type Word } from "./steps.ts";

const STANDING: readonly Draft[] = [
  ["mkdir", "/a", 0o755],
  ["mkdir", "/a/b", 0o755],
  ["mkdir", "/b", 0o777],
  ["mkdir", "/c", 0o1777],
  ["open", "/a/c", "O_WRONLY|O_CREAT", 0o644],
  ["close", 3],
  ["put", "/a/c", "file"],
  ["symlink", "a", "/l"],
];

const relative = (word: Word, at: number): Word =>
  at === 1 && typeof word === "string" && word.startsWith("/") ? word.slice(1) : word;

const inLayer = (layer: string, drafts: readonly Draft[]): Draft[] => [
  ["mkdir", layer, 0o755],
  ["chdir", layer],
  ...drafts,
  ["chdir", "/"],
];

/**
 * Two lower layers and an upper one with all that they can have, and an overlay of them as the root:
 * the layers cannot be reached any more, because what an overlay shows is not defined once they are
 * changed beneath it.
 */
const LAYERED: readonly Draft[] = [
  ...inLayer("/low", [
    ...STANDING.map((draft) => draft.map(relative) as unknown as Draft),
    ["link", "a/c", "b/l"],
    ["put", "b/l", "linked"],
    ["setxattr", "a/b", "user.x", "low", 0],
    ["chown", "b", 7, 9],
  ]),
  ...inLayer("/middle", [
    ["mkdir", "a", 0o700],
    ["open", "a/b", "O_WRONLY|O_CREAT", 0o600],
    ["close", 3],
    ["mkdir", "c", 0o755],
    ["mknod", "b", "S_IFCHR", 0],
  ]),
  ...inLayer("/upper", [
    ["mkdir", "c", 0o755],
    ["setxattr", "c", "trusted.overlay.opaque", "y", 0],
    ["mkdir", "c/a", 0o755],
  ]),
  ["mkdir", "/work", 0o755],
  ["mkdir", "/m", 0o755],
  ["mount", "o", "/m", "overlay", 0, "lowerdir=/middle:/low,upperdir=/upper,workdir=/work"],
  ["chroot", "/m"],
  ["chdir", "/"],
];

const LOOK_AT_FILES: readonly Draft[] = [
  ["list", "/"],
  ...["/a", "/b", "/c", "/l", "/a/b", "/a/c", "/b/a", "/c/a"].flatMap((at): Draft[] => [
    ["lstat", at],
  ]),
  ["list", "/a"],
  ["list", "/b"],
  ["get", "/a/c"],
  ["getcwd"],
];
const LOOK_AT_MOUNTS: readonly Draft[] = [
  ["get", "/proc/self/mountinfo"],
  ["list", "/a"],
  ["list", "/b"],
  ["list", "/c"],
];
const LOOK_AT_NAMESPACES: readonly Draft[] = [
  ...KINDS.map((kind): Draft => ["readlink", `/proc/self/ns/${kind}`]),
  ...["1", "2", "3"].flatMap((at): Draft[] => [
    ["readlink", `/proc/${at}/ns/mnt`],
    ["readlink", `/proc/${at}/ns/user`],
    ["readlink", `/proc/${at}/ns/pid_for_children`],
    ["get", `/proc/${at}/uid_map`],
  ]),
  ["ids"],
  ["gethostname"],
  ["getpid"],
  ["list", "/proc/self/ns"],
];
const LOOK_AT_PROCESSES: readonly Draft[] = [
  ...["1", "2", "3", "4"].map((at): Draft => ["get", `/proc/${at}/status`]),
  ["getpgid", 0],
  ["getsid", 0],
  ["wait", -1, "WUNTRACED|WCONTINUED"],
];
const LOOK_AT_CGROUPS: readonly Draft[] = [
  ...["1", "2", "3", "4"].map((at): Draft => ["get", `/proc/${at}/cgroup`]),
  ["get", "/cg/pids/cgroup.procs"],
  ["list", "/proc/self/ns"],
];

interface Theme {
  readonly standing: readonly Draft[];
  readonly steps: fc.Arbitrary<Draft>;
  readonly look: readonly Draft[];
  readonly cgroups?: boolean;
  readonly probe?: boolean;
  /** Whether others than the first actor also look. */
  readonly all?: boolean;
}

export const THEMES: Readonly<Record<string, Theme>> = {
  files: {
    standing: STANDING,
    steps: one(...NAMING, ...DESCRIPTORS, ...PLACES),
    look: LOOK_AT_FILES,
  },
  permissions: {
    standing: STANDING,
    steps: one(...NAMING, ...ATTRIBUTES, ...USERS, ...CAPABILITIES.slice(0, 1), [
      2,
      words("clone", of(0)),
    ]),
    look: LOOK_AT_FILES,
    all: true,
  },
  mounts: {
    standing: STANDING,
    steps: one(...MOUNTS, ...NAMING.slice(0, 5), ...PLACES, ...DESCRIPTORS.slice(0, 3), [
      2,
      words("clone", either(0, "CLONE_NEWNS", "CLONE_NEWNS|CLONE_NEWUSER")),
    ]),
    look: LOOK_AT_MOUNTS,
    all: true,
  },
  overlays: {
    standing: LAYERED,
    steps: one(...NAMING, ...ATTRIBUTES, ...DESCRIPTORS.slice(0, 6)),
    look: LOOK_AT_FILES,
  },
  namespaces: {
    standing: STANDING,
    steps: one(...NAMESPACES, ...PINS, ...USERS, clone),
    look: LOOK_AT_NAMESPACES,
    all: true,
  },
  "user namespaces": {
    standing: STANDING,
    steps: one(...NAMESPACES, ...USERS, ...CAPABILITIES, ...ATTRIBUTES.slice(0, 4), ...MOUNTS, [
      6,
      words("clone", either("CLONE_NEWUSER", "CLONE_NEWUSER|CLONE_NEWNS", 0)),
    ]),
    look: [...LOOK_AT_NAMESPACES, ...LOOK_AT_MOUNTS.slice(0, 1)],
    all: true,
  },
  processes: {
    standing: [
      ["clone", 0],
      ["clone", 0],
    ],
    steps: one(...PROCESSES, plainClone, [1, words("clone", of("CLONE_NEWPID"))]),
    look: LOOK_AT_PROCESSES,
    all: true,
  },
  pidfds: {
    standing: [
      ["clone", 0],
      ["mkdir", "/a", 0o755],
      ["open", "/a/c", "O_WRONLY|O_CREAT", 0o644],
      ["close", 3],
      ["pidfd_open", 2, 0],
      ["clone", 0],
      ["pidfd_open", 3, 0],
    ],
    steps: one(...PIDFDS, ...PROCESSES.slice(0, 6), ...PROCESSES.slice(7, 8), plainClone, [
      1,
      words("clone", of("CLONE_NEWPID")),
    ]),
    look: LOOK_AT_PROCESSES,
    all: true,
  },
  fifos: {
    standing: [
      ...STANDING.slice(0, 7),
      ["mknod", "/a/f", "S_IFIFO", 0],
      ["chmod", "/a/f", 0o666],
      ["open", "/a/f", "O_RDONLY", 0],
      ["open", "/a/f", "O_WRONLY", 0],
    ],
    steps: one(...FIFOS, [3, words("clone", of(0))]),
    look: [
      ...[3, 4, 5].flatMap((at): Draft[] => [
        ["poll", at, "POLLIN|POLLOUT"],
        ["read", at, 32767],
      ]),
      ["lstat", "/a/f"],
      ["lstat", "/b/g"],
      ["wait", -1, 0],
    ],
    all: true,
  },
  executions: {
    standing: [...STANDING, ["clone", 0], ["chmod", "/p", 0o4755]],
    steps: one(...EXECUTIONS, ...USERS, ...CAPABILITIES.slice(0, 4), ...NAMESPACES.slice(10, 11), [
      2,
      words("clone", either(0, 0, "CLONE_NEWUSER", "CLONE_NEWUSER|CLONE_NEWNS")),
    ]),
    look: [["exec", "/p"], ["ids"]],
    probe: true,
    all: true,
  },
  credentials: {
    standing: STANDING.slice(0, 4),
    steps: one(
      ...USERS,
      ...CAPABILITIES,
      [2, words("clone", of(0))],
      [2, words("get", of("/proc/self/status"))],
    ),
    look: LOOK_AT_PROCESSES,
    all: true,
  },
  cgroups: {
    standing: [
      ["mkdir", "/cg/pids/x", 0o755],
      ["mkdir", "/cg/cpu/x", 0o755],
    ],
    steps: one(...CGROUPS, plainClone),
    look: LOOK_AT_CGROUPS,
    cgroups: true,
  },
};

const ignoresChildren = ([call, signal, how]: Draft): boolean =>
  call === "sigaction" && signal === 17 && how === "ignore";

/**
 * Where somebody ignores SIGCHLD, a signal to many may end it and its child at once: which of the
 * two was first, and so whether the child is a zombie, is chance.
 */
function withoutRaces(drafts: readonly (readonly [raw: number, draft: Draft])[]) {
  if (!drafts.some(([, draft]) => ignoresChildren(draft))) return drafts;
  return drafts.filter(([, [call, pid]]) => call !== "kill" || Number(pid) > 0);
}

/** Numbers actors: a clone makes the next one, and a step belongs to one that can be there. */
function steps(drafts: readonly (readonly [raw: number, draft: Draft])[]): Step[] {
  let actors = 1;
  return drafts.map(([raw, [call, ...rest]]) => {
    const actor = raw % actors;
    if (call !== "clone") return step(actor, call, ...rest);
    if (actors === MOST_ACTORS) return step(actor, "getpid");
    return step(actor, "clone", actors++, ...rest);
  });
}

const drawn = (drafts: readonly Draft[]): (readonly [number, Draft])[] =>
  drafts.map((draft) => [0, draft]);

export function programOf(name: string): fc.Arbitrary<StepProgram> {
  const theme = THEMES[name] as Theme;
  const body = fc.array(fc.tuple(fc.nat(5), theme.steps), { minLength: 1, maxLength: 24 });
  return body.map((middle) => {
    const looks = theme.all
      ? [0, 1, 2].flatMap((actor) => theme.look.map((draft) => [actor, draft] as const))
      : drawn(theme.look);
    return {
      cgroups: theme.cgroups ?? false,
      ...(theme.probe && { probe: true }),
      steps: steps([...drawn(theme.standing), ...withoutRaces(middle), ...looks]),
    };
  });
}
