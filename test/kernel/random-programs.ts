// Random programs for comparing two kernels. They act inside a small tmpfs that their child has
// entered for good, so that no name leads to the machine; few names, so that they collide.

import type { MountAttribute, MountDescription } from "@nacre/core/program/mount-description.ts";
import type { NamespaceKind, Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import fc from "fast-check";

const NAMES = ["a", "b", "c", "l"];

const component = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: fc.constantFrom(".", "..") },
);

/** `/a/b`, sometimes through `..`, sometimes with a slash behind; never the root itself. */
export const path: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(component, { maxLength: 2 }),
    fc.constantFrom(...NAMES),
    fc.constantFrom("", "", "", "", "/"),
  )
  .map(([middle, last, slash]) => `/${[...middle, last].join("/")}${slash}`);

const linkText = fc.oneof(
  path,
  fc.constantFrom("a", "b", "../a", "..", ".", "l", "a/b", "../../c", "/", "none"),
);
const mode = fc.constantFrom(0o755, 0o700, 0o1777, 0o2755, 0o644, 0o4711, 0);
const data = fc.constantFrom("", "x", "some text\n", "x".repeat(5000));
const attributes = fc.uniqueArray(
  fc.constantFrom<MountAttribute>("ro", "nosuid", "nodev", "noexec", "noatime", "nosymfollow"),
  { maxLength: 2 },
);
const propagation = fc.constantFrom("private", "slave", "shared", "unbindable");

const tmpfs: fc.Arbitrary<MountDescription> = fc.record({
  type: fc.constant("tmpfs"),
  source: fc.constant("random"),
  options: fc.constantFrom<string[]>(
    [],
    ["size=8k"],
    ["mode=700"],
    ["nr_inodes=3"],
    ["ro"],
    ["bogus=1"],
    ["mode=9"],
    ["size=many"],
  ),
  attributes,
});

const overlay: fc.Arbitrary<MountDescription> = fc
  .record({ lowers: fc.array(path, { maxLength: 2 }), upper: path, work: path, attributes })
  .chain(({ lowers, upper, work, attributes: shown }) =>
    fc
      .constantFrom(
        [...lowers.map((l) => `lowerdir+=${l}`), `upperdir=${upper}`, `workdir=${work}`],
        ["lowerdir+=/a", "upperdir=/b", "workdir=/c"],
        [...lowers.map((l) => `lowerdir+=${l}`)],
        ["lowerdir+=/a", `upperdir=${upper}`],
      )
      .map((options) => ({ type: "overlay", source: "random", options, attributes: shown })),
  );

const description = fc.oneof(
  { weight: 8, arbitrary: tmpfs },
  {
    weight: 1,
    arbitrary: fc.constant({ type: "none-such", source: "x", options: [], attributes: [] }),
  },
);

const owner = {
  mode,
  uid: fc.constantFrom(0, 7),
  gid: fc.constantFrom(0, 9),
  mtime: fc.constantFrom(
    { seconds: 1_000_000_000, nanoseconds: 5 },
    { seconds: -5, nanoseconds: 0 },
  ),
};

/** Maps that a mount shows other owners by: a swap, itself, parts of it, a shift. */
const WHOLE = ["0 7 1\n7 0 1\n9 9 1\n", "0 0 100\n", "0 0 10\n", "0 1000 100\n"];
/** Such as leave some without an ID, and such as no kernel takes. */
const STRANGE = ["7 0 3\n", "", "0 0 0\n", "0 0 2\n1 5 1\n", "1 2\n"];
export const wholeIdMap = fc.constantFrom(...WHOLE);
const idMap = fc.constantFrom(...WHOLE, ...STRANGE);
export const idmap = fc.option(fc.record({ uids: idMap, gids: idMap }), { nil: undefined });

/** An operation's fields as arbitraries, its name as a constant. */
export const make = <N extends Operation["op"]>(
  op: N,
  fields: {
    [K in Exclude<keyof Extract<Operation, { op: N }>, "op" | "why">]?: fc.Arbitrary<unknown>;
  },
): fc.Arbitrary<Operation> =>
  fc
    .record(fields as Record<string, fc.Arbitrary<unknown>>)
    .map((o) => ({ op, ...o }) as Operation);

export const FILES: readonly (readonly [weight: number, operation: fc.Arbitrary<Operation>])[] = [
  [6, make("makeDirectory", { path, mode, existing: fc.constantFrom("fail", "keep") })],
  [3, make("removeDirectory", { path, retryMs: fc.constant(0), ifUnused: fc.boolean() })],
  [4, make("createFile", { path, mode, data })],
  [3, make("writeFile", { path, data })],
  [2, make("removeFile", { path })],
  [3, make("placeDirectory", { path, ...owner })],
  [3, make("placeText", { path, data, ...owner })],
  [4, make("placeSymlink", { path, text: linkText, ...owner })],
  [2, make("placeHardLink", { path, existing: path })],
  [
    1,
    make("placeNode", {
      path,
      // No block devices, which might exist, and no fifos: opening one waits for a reader.
      type: fc.constant("character"),
      // null, zero, and what overlay takes as a whiteout
      ...{ major: fc.constantFrom(0, 1), minor: fc.constantFrom(0, 3, 5) },
      ...owner,
    }),
  ],
  [
    2,
    make("placeAttribute", {
      path,
      name: fc.constantFrom("user.x", "trusted.x", "bogus.x"),
      value: fc.constant(Uint8Array.of(1, 2)),
    }),
  ],
  [1, make("placeTimes", { path, mtime: owner.mtime })],
];

const MOUNTS: readonly (readonly [weight: number, operation: fc.Arbitrary<Operation>])[] = [
  [4, make("mount", { mount: description, target: path })],
  [2, make("mountInRoot", { mount: description, target: path })],
  [
    5,
    make("bindInRoot", {
      source: path,
      target: path,
      recursive: fc.boolean(),
      attributes,
      propagation: fc.constantFrom("private", "slave", "shared"),
      idmap,
    }),
  ],
  [2, make("bind", { source: path, target: path, idmap })],
  [3, make("unmount", { target: path, detach: fc.boolean() })],
  [1, make("readOnlyInRoot", { path })],
  [2, make("setPropagation", { path, mode: propagation, recursive: fc.boolean() })],
  [1, make("setMountAttributes", { path, attributes })],
  [1, make("changeDirectory", { path, mustExist: fc.boolean() })],
];

export const weighted = (choices: typeof FILES): fc.Arbitrary<Operation> =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));

/** Names to begin with, so that less of what follows is ENOENT. */
export const STANDING: readonly Operation[] = [
  { op: "makeDirectory", path: "/a", mode: 0o755, existing: "fail" },
  { op: "makeDirectory", path: "/a/b", mode: 0o755, existing: "fail" },
  { op: "makeDirectory", path: "/b", mode: 0o755, existing: "fail" },
  { op: "makeDirectory", path: "/c", mode: 0o755, existing: "fail" },
  { op: "createFile", path: "/a/c", mode: 0o644, data: "file\n" },
];

/**
 * What a child does in its tmpfs: files and mounts, and at last perhaps an overlay, because what
 * an overlay shows is not defined any more once a layer was changed beneath it.
 */
export const operations: fc.Arbitrary<Operation[]> = fc
  .tuple(
    fc.subarray([...STANDING]),
    fc.array(weighted([...FILES, ...MOUNTS]), { minLength: 1, maxLength: 10 }),
    fc.array(make("mount", { mount: overlay, target: path }), { maxLength: 1 }),
  )
  .map((parts) => parts.flat());

/** Some of the operations by who is outside, with a root of its own. */
export const partlyOutside: fc.Arbitrary<Operation[]> = operations.chain((all) =>
  fc.array(fc.boolean(), { minLength: all.length, maxLength: all.length }).map((choice) =>
    all.flatMap((operation, i): Operation[] => {
      if (!choice[i] || operation.op === "changeDirectory") return [operation];
      const begins = i === 0 || !choice[i - 1];
      const open: Operation = { op: "openRoot", path: "/", outside: true };
      return [...(begins ? [open] : []), { ...operation, outside: true }];
    }),
  ),
);

export interface Surroundings {
  /** The root is entered by chroot(2), as in the machine's own mount namespace. */
  readonly chroot?: boolean;
  readonly create?: readonly NamespaceKind[];
}

/** A container whose root is a tmpfs at `directory`, with /bin/sleep in it and nothing else. */
export function programOf(
  directory: string,
  random: readonly Operation[],
  { chroot = false, create = [] }: Surroundings = {},
): KernelProgram {
  return {
    title: "random",
    host: [
      {
        op: "mount",
        mount: { type: "tmpfs", source: "top", options: ["mode=755"], attributes: [] },
        target: directory,
      },
    ],
    process: {
      clone: { create: ["mnt", ...create], cgroups: [], joinPaths: [] },
      parent: [],
      child: [
        { op: "setPropagation", path: "/", mode: "private", recursive: true },
        { op: "openRoot", path: directory },
        {
          op: "bindInRoot",
          source: "/bin/busybox",
          target: "/bin/sleep",
          recursive: false,
          attributes: ["ro"],
          propagation: "private",
        },
        { op: "enterRoot", ...(chroot && { chroot }) },
        ...random,
        { op: "execute", arguments: ["/bin/sleep", "1000"], environment: [] },
      ],
      supervision: {
        stdin: "null",
        output: "inherit",
        terminal: "none",
        collect: [],
        detached: false,
      },
    },
  };
}

/** How many operations stand before the random ones. */
export const PREFIX = 4;

/**
 * A limit below what the real kernel already charges to a node for its own structures is EBUSY
 * there, depending on what it has cached. The simulated one charges no memory.
 */
function belowUsage(file: string, text: string): boolean {
  if (!/^memory\.(memsw\.)?limit_in_bytes$/.test(file) || !/^\d+\s*$/.test(text)) return false;
  return Number(text) < 1 << 20;
}

/** Never cgroup.procs or tasks: see `membership`. */
const CONTROL_FILE = fc.constantFrom(
  "pids.max",
  "pids.current",
  "memory.limit_in_bytes",
  "memory.memsw.limit_in_bytes",
  "memory.soft_limit_in_bytes",
  "cpu.shares",
  "cpu.cfs_quota_us",
  "cpu.cfs_period_us",
  "freezer.state",
  "cgroup.clone_children",
  "notify_on_release",
  "devices.allow",
  "devices.deny",
  "devices.list",
  "none",
);
const CONTROL_VALUE = fc.constantFrom(
  "max",
  "0",
  "1",
  "10\n",
  "-1",
  "-2",
  "x",
  "",
  "100000",
  "50000",
  "999",
  "1000",
  "1000001",
  "64m",
  "1G",
  "65537",
  "9223372036854775807",
  "4194304",
  "4194305",
  "FROZEN",
  "THAWED\n",
  "a",
  "c 1:3 rwm",
  "c 1:3 rwx",
  "b *:* m",
  "c 1:3",
  "99999999",
);

/** A cgroup's own names and values, valid and not. */
export const cgroupOperations = (top: string): fc.Arbitrary<Operation[]> => {
  const node = fc
    .array(fc.constantFrom("x", "y"), { minLength: 1, maxLength: 3 })
    .map((names) => `${top}/${names.join("/")}`);
  // Values for cgroup.procs are a list of their own: a number in it would move whatever process
  // of the machine has that pid. Only what no process can have, and what is no number.
  const membership = fc
    .tuple(node, fc.constantFrom("cgroup.procs", "tasks"))
    .chain(([at, name]) =>
      fc
        .constantFrom("-1", "x", "", "max", "4194305", "9223372036854775807")
        .map((text): Operation => ({ op: "writeFile", path: `${at}/${name}`, data: text })),
    );
  const operation = fc.oneof(
    { weight: 1, arbitrary: membership },
    { weight: 5, arbitrary: make("makeCgroup", { path: node, shared: fc.boolean() }) },
    {
      weight: 1,
      arbitrary: make("makeDirectory", { path: node, mode, existing: fc.constant("fail") }),
    },
    {
      weight: 3,
      arbitrary: make("removeDirectory", {
        path: node,
        retryMs: fc.constant(0),
        ifUnused: fc.boolean(),
      }),
    },
    {
      weight: 12,
      arbitrary: fc
        .tuple(node, CONTROL_FILE, CONTROL_VALUE)
        .filter(([, name, text]) => !belowUsage(name, text))
        .map(
          ([at, name, text]): Operation => ({ op: "writeFile", path: `${at}/${name}`, data: text }),
        ),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(node, CONTROL_FILE)
        .map(([at, name]): Operation => ({ op: "removeFile", path: `${at}/${name}` })),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(node, CONTROL_FILE).map(
        ([at, name]): Operation => ({
          op: "createFile",
          path: `${at}/${name}`,
          mode: 0o644,
          data: "1",
        }),
      ),
    },
  );
  return fc
    .array(operation, { minLength: 2, maxLength: 12 })
    .map((then) => [{ op: "makeCgroup", path: `${top}/x`, shared: true }, ...then]);
};
