// Random layers. `tidyLayer` gives what an archiver would write: a tree, directories first, links
// to files already there. `wildLayer` gives any entries in any order, few names, and nonsense.

import fc from "fast-check";
import type { Entry } from "./tar-writer.ts";

type Facts = Partial<Entry>;

const NAMES = ["a", "b", "c", "!x", "-x", "..x", "é", "n".repeat(120), `${"w".repeat(254)}z`];

const owners = fc.constantFrom(0, 1, 1000, 65535, 65536, 4_000_000_000);
const metadata: fc.Arbitrary<Facts> = fc.record({
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: owners,
  gid: owners,
  // What ext4 can hold, so that the unpacked layer can show it.
  mtimeSeconds: fc.oneof(fc.constant(7), fc.integer({ min: -(2 ** 31), max: 2 ** 33 })),
  mtimeNanoseconds: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999_999 })),
});

const xattrs = fc.dictionary(
  fc.constantFrom("user.a", "user.b", "trusted.t", "security.s", "user.long-name"),
  fc.uint8Array({ minLength: 1, maxLength: 600 }),
  { maxKeys: 3 },
);

const leaf: fc.Arbitrary<Facts> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ content: fc.uint8Array({ maxLength: 1600 }), xattrs }) },
  fc.record({
    type: fc.constant("symlink" as const),
    link: fc.oneof(
      fc.constantFrom("a", "../b", "/c", "."),
      fc.string({ minLength: 400, maxLength: 1100, unit: "grapheme-ascii" }),
    ),
  }),
  fc.record({ type: fc.constant("fifo" as const) }),
  fc.record({
    type: fc.constantFrom("character" as const, "block" as const),
    device: fc.tuple(fc.integer({ min: 1, max: 4095 }), fc.integer({ min: 0, max: 1048575 })),
  }),
);

interface Node {
  readonly facts: Facts;
  /** Makes a file a further name of the n-th file before it, if there is one. */
  readonly linkTo: number | undefined;
  readonly children: Readonly<Record<string, Node>> | undefined;
  readonly whiteouts: readonly string[];
  readonly opaque: boolean;
}

const name = fc.constantFrom(...NAMES);
const { node } = fc.letrec<{ node: Node; inside: Record<string, Node> }>((tie) => ({
  inside: fc.dictionary(name, tie("node"), { maxKeys: 4, depthIdentifier: "tree" }),
  node: fc.oneof(
    { depthSize: "small", depthIdentifier: "tree", withCrossShrink: true },
    fc.record({
      facts: fc.tuple(metadata, leaf).map(([m, l]) => ({ ...m, ...l })),
      linkTo: fc.option(fc.nat(3), { nil: undefined, freq: 4 }),
      children: fc.constant(undefined),
      whiteouts: fc.constant([]),
      opaque: fc.constant(false),
    }),
    fc.record({
      facts: fc.tuple(metadata, xattrs).map(([m, x]) => ({ ...m, xattrs: x })),
      linkTo: fc.constant(undefined),
      children: tie("inside"),
      whiteouts: fc.array(name, { maxLength: 2 }),
      opaque: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
    }),
  ),
}));

function flatten(path: string, from: Node, files: string[]): Entry[] {
  const { children, facts, linkTo, opaque, whiteouts } = from;
  if (children === undefined) {
    if (facts.type !== undefined) return [{ ...facts, name: path }];
    const target = linkTo === undefined ? undefined : files[linkTo];
    if (target !== undefined) return [{ name: path, type: "hard-link", link: target }];
    files.push(path);
    return [{ ...facts, name: path }];
  }
  return [
    { ...facts, name: `${path}/`, type: "directory" },
    ...(opaque ? [{ name: `${path}/.wh..wh..opq` }] : []),
    ...whiteouts.map((hidden) => ({ name: `${path}/.wh.${hidden}` })),
    ...Object.entries(children).flatMap(([child, inner]) =>
      flatten(`${path}/${child}`, inner, files),
    ),
  ];
}

/** What an archiver would write of a random tree, with whiteouts and opaque marks in it. */
export const tidyLayer: fc.Arbitrary<Entry[]> = node
  .filter(({ children }) => children !== undefined)
  .map((root) => flatten(".", root, []))
  // A whiteout's name has four bytes more than what it hides.
  .map((entries) =>
    entries.filter((e) =>
      String(e.name)
        .split("/")
        .every((c) => Buffer.byteLength(c) <= 255),
    ),
  );

const wildPath = fc
  .array(fc.constantFrom("a", "b", "c", "s", ".", "..", ".wh.a", ".wh..wh..opq", "-x"), {
    minLength: 1,
    maxLength: 5,
  })
  .map((parts) => parts.join("/"));

const wildEntry: fc.Arbitrary<Entry> = fc.oneof(
  fc.tuple(wildPath, metadata, leaf).map(([path, m, l]) => ({ ...m, ...l, name: path })),
  fc
    .tuple(wildPath, metadata)
    .map(([path, m]) => ({ ...m, name: path, type: "directory" as const })),
  fc
    .tuple(wildPath, wildPath)
    .map(([path, link]) => ({ name: path, type: "hard-link" as const, link })),
  fc
    .tuple(wildPath, wildPath)
    .map(([path, link]) => ({ name: path, type: "symlink" as const, link })),
);

/** Entries of few names in any order: through symlinks, below files, over one another. */
export const wildLayer: fc.Arbitrary<Entry[]> = fc.array(wildEntry, { maxLength: 12 });
