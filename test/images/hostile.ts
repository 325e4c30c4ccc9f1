// Layers and images that somebody wrote to harm whoever unpacks them, or that a broken tool wrote.
// Each says what must become of it:
//
//   contained  it may be pulled and run; nothing outside the container's root is touched
//   refused    the pull ends with one clear message and leaves nothing behind
//
// Where containers' own rules say what an odd entry means (a leading slash is the root's, a later
// entry replaces an earlier one), it is contained and not refused.

import type { ImageSpec } from "./layout.ts";
import { TAR_END, type TarEntry, tar, tarEntry } from "./tar.ts";

export interface Hostile {
  readonly name: string;
  readonly expected: "contained" | "refused";
  readonly image: ImageSpec;
}

/** The file that every escape tries to write, outside any root. */
export const ESCAPED = "/tmp/nacre-escaped";

const BELOW = ESCAPED.slice(1);
const UP = "../".repeat(12);

const file = (name: string, more: Partial<TarEntry> = {}): TarEntry => ({
  name,
  content: "escaped",
  ...more,
});
const link = (name: string, target: string): TarEntry => ({ name, type: "symlink", link: target });
const hard = (name: string, target: string): TarEntry => ({ name, type: "hardlink", link: target });

function oneLayer(entries: readonly TarEntry[]): ImageSpec {
  return { layers: [{ tar: tar([file("kept"), ...entries]) }] };
}

/** Entries whose names or links lead out. */
const ESCAPES: readonly (readonly [string, Hostile["expected"], readonly TarEntry[]])[] = [
  ["a name that climbs out", "refused", [file(`${UP}${BELOW}`)]],
  ["a name that climbs out from within", "refused", [file(`usr/${UP}${BELOW}`)]],
  ["an absolute name", "contained", [file(ESCAPED)]],
  ["a file through a symlink to the root", "contained", [link("out", "/"), file(`out/${BELOW}`)]],
  ["a file through a symlink that climbs", "contained", [link("out", UP), file(`out/${BELOW}`)]],
  [
    "a folder through a symlink",
    "contained",
    [link("out", "/tmp"), { name: "out/x/", type: "directory" }],
  ],
  ["a hard link that climbs out", "refused", [hard("passwd", `${UP}etc/passwd`)]],
  ["a hard link through a symlink", "refused", [link("out", "/etc"), hard("shadow", "out/shadow")]],
  ["a hard link to nothing", "refused", [hard("a", "never-there")]],
  ["a hard link to itself", "refused", [hard("a", "a")]],
  ["a whiteout of the folder above", "refused", [file(".wh...")]],
  ["a whiteout of nothing", "refused", [file(".wh.")]],
  ["an opaque root", "contained", [file(".wh..wh..opq", { content: "" })]],
  ["a whiteout that climbs out", "refused", [file(`${UP}tmp/.wh.nacre-escaped`)]],
  ["a file below a file", "refused", [file("a"), file("a/b")]],
  ["an empty name", "refused", [file("")]],
  ["a pax path with a NUL", "refused", [file("x", { pax: { path: "a\0b" } })]],
  ["a name of one dot", "contained", [{ name: "./", type: "directory", mode: 0o755 }]],
  ["a component of 300 bytes", "refused", [file("n".repeat(300))]],
  ["a thousand folders deep", "contained", [file(`${"d/".repeat(1000)}f`)]],
  [
    "the machine's disk as a device",
    "contained",
    [{ name: "disk", type: "block", device: [8, 0] }],
  ],
  ["a set-uid file", "contained", [file("su", { mode: 0o4755 })]],
];

/** Archives that are not well formed. */
function malformed(): (readonly [string, Hostile["expected"], Uint8Array])[] {
  const good = tarEntry(file("kept"));
  const size = (text: string) => (h: Buffer) => void h.write(text, 124, 12, "latin1");
  const entry = (forge: (h: Buffer) => void) => tarEntry(file("x", { forge }));
  const pax = (records: Record<string, string>) => tarEntry(file("x", { pax: records }));
  const end = (...parts: Buffer[]) => Buffer.concat([good, ...parts, TAR_END]);
  return [
    ["a wrong checksum", "refused", end(tarEntry(file("x", { damage: (h) => void h.write("y") })))],
    ["a size that is no number", "refused", end(entry(size("zzzzzzzzzzz")))],
    ["a size past the archive's end", "refused", end(entry(size("77777777777")))],
    ["a negative size", "refused", end(entry((h) => void h.fill(0xff, 124, 136)))],
    ["a pax size that is negative", "refused", end(pax({ size: "-1" }))],
    ["a pax size past 2^63", "refused", end(pax({ size: "99999999999999999999" }))],
    [
      "an archive cut within a header",
      "refused",
      Buffer.concat([good, tarEntry(file("x"))]).subarray(0, 1300),
    ],
    [
      "an archive cut within a file",
      "refused",
      tarEntry(file("x", { content: "y".repeat(2000) })).subarray(0, 1024),
    ],
    ["no archive at all", "refused", Buffer.from("<html>not a tar</html>".repeat(50))],
    ["an archive without its end", "contained", good],
    ["an empty archive", "contained", TAR_END],
  ];
}

/** Images whose manifest or config does not tell the truth. */
function liars(): Hostile[] {
  const layer = tar([file("kept")]);
  const wrong = `sha256:${"0".repeat(64)}`;
  return [
    {
      name: "a diff ID of other bytes",
      expected: "refused",
      image: { layers: [{ tar: layer, claimedDiffId: wrong }] },
    },
    {
      name: "a layer that is larger than the manifest says",
      expected: "refused",
      image: {
        layers: [{ tar: layer }],
        forgeManifest: ({ layers }) => {
          layers[0] = { ...layers[0]!, size: layers[0]!.size - 1 };
        },
      },
    },
    {
      name: "fewer diff IDs than layers",
      expected: "refused",
      image: {
        layers: [{ tar: layer }],
        forgeManifest: ({ layers }) => void layers.push(layers[0]!),
      },
    },
  ];
}

export const HOSTILE: readonly Hostile[] = [
  ...ESCAPES.map(([name, expected, entries]) => ({ name, expected, image: oneLayer(entries) })),
  ...malformed().map(([name, expected, bytes]) => ({
    name,
    expected,
    image: { layers: [{ tar: bytes }] },
  })),
  ...liars(),
];

/** Compresses to a thousandth: `bytes` of zeros in one file, for tests of a full disk. */
export function bomb(bytes: number): ImageSpec {
  return { layers: [{ tar: tar([{ name: "zeros", content: new Uint8Array(bytes) }]) }] };
}
