// Layers merged: the rules of core/assembly/layers.ts, one by one.

import { createHash } from "node:crypto";
import { NacreError } from "@nacre/core/error.ts";
import { describe, expect, it } from "vitest";
import { paths, plain, treeOf } from "./layer-support.ts";
import { builds } from "./portable.ts";
import { type Entry, tarOf } from "./tar-writer.ts";

const dir = (name: string, more: Partial<Entry> = {}): Entry => ({
  name,
  type: "directory",
  mode: 0o755,
  ...more,
});
const link = (name: string, target: string): Entry => ({ name, type: "hard-link", link: target });
const symlink = (name: string, target: string): Entry => ({ name, type: "symlink", link: target });

describe.each(builds)("merging layers with $build", ({ core }) => {
  const merge = (...layers: (readonly Entry[])[]) =>
    treeOf(core(), ...layers.map((entries) => tarOf(...entries)));
  const merged = (...layers: (readonly Entry[])[]) => paths(merge(...layers).entries());
  const refusal = (...layers: (readonly Entry[])[]) => {
    try {
      merge(...layers);
    } catch (error) {
      if (error instanceof NacreError) return error.message.replace(/\(sha256:\w+\)/, "(ID)");
      throw error;
    }
    return "no refusal";
  };

  describe("whiteouts", () => {
    const lower = [dir("d"), { name: "d/a" }, { name: "d/b" }, { name: "e" }];

    it("hide one name of lower layers, and only of lower ones", () => {
      expect(merged(lower, [{ name: "d/.wh.a" }, { name: ".wh.e" }])).toEqual(["d/", "d/b"]);
      expect(merged(lower, [{ name: "e", content: "new" }, { name: ".wh.e" }])).toContain("e");
      expect(merged([{ name: ".wh.a" }, { name: "a" }])).toEqual(["a"]);
    });

    it("hide a directory with all that is in it, wherever they stand in the tar", () => {
      const before = [{ name: ".wh.d" }, { name: "d/new" }];
      expect(merged(lower, before)).toEqual(["d/", "d/new", "e"]);
      expect(merged(lower, before.toReversed())).toEqual(["d/", "d/new", "e"]);
    });

    it("make a directory opaque", () => {
      const upper = [{ name: "d/new" }, { name: "d/.wh..wh..opq" }];
      expect(merged(lower, upper)).toEqual(["d/", "d/new", "e"]);
      expect(merged(lower, [{ name: ".wh..wh..opq" }])).toEqual([]);
    });

    it("may be undone by a third layer", () => {
      expect(merged(lower, [{ name: ".wh.d" }], [{ name: "d/c" }])).toEqual(["d/", "d/c", "e"]);
    });

    it("leave a hidden file's other names alone", () => {
      const tree = merge([{ name: "a", content: "x" }, link("b", "a")], [{ name: ".wh.a" }]);
      expect(plain(tree.lookup("b")!)).toMatchObject({ kind: "file", size: 1 });
      expect(tree.lookup("b")?.links).toBe(1);
    });

    it("do not keep a hard link from a file that they hide", () => {
      const upper = [{ name: ".wh.a" }, link("b", "a")];
      expect(merged([{ name: "a", content: "x" }], upper)).toEqual(["b"]);
    });
  });

  describe("replacing", () => {
    it("a directory over a directory keeps what is in it, and brings its own metadata", () => {
      const lower = dir("d", { mode: 0o700, uid: 1, mtimeSeconds: 1, xattrs: { "user.a": "b" } });
      const tree = merge([lower, { name: "d/a" }], [dir("d", { mode: 0o711, mtimeSeconds: 2 })]);
      expect(paths(tree.entries())).toEqual(["d/", "d/a"]);
      expect(plain(tree.lookup("d")!)).toEqual({
        path: "d",
        kind: "directory",
        mode: 0o711,
        owner: "0:0",
        mtime: "2.000000000",
      });
    });

    it("anything else replaces all that was there", () => {
      expect(merged([dir("a"), { name: "a/b" }], [{ name: "a" }])).toEqual(["a"]);
      expect(merged([{ name: "a" }], [dir("a"), { name: "a/b" }])).toEqual(["a/", "a/b"]);
      expect(merged([dir("a"), { name: "a/b" }], [symlink("a", "x"), dir("a")])).toEqual(["a/"]);
    });

    it("the later of two entries with one path counts", () => {
      const tree = merge([
        { name: "a", content: "1" },
        { name: "./a", content: "22" },
      ]);
      expect(tree.lookup("a")?.size).toBe(2);
      expect(tree.wastedBytes()).toBe(1);
    });

    it("directories that no tar lists are there, and keep what a lower layer said", () => {
      const tree = merge([dir("a", { mode: 0o700, uid: 3 })], [{ name: "a/b/c" }]);
      expect(tree.lookup("a")).toMatchObject({ mode: 0o700, uid: 3, implicit: false });
      expect(tree.lookup("a/b")).toMatchObject({ mode: 0o755, uid: 0, implicit: true });
    });

    it("a directory takes the place of a lower file that stands in its way", () => {
      expect(merged([{ name: "a" }], [{ name: "a/b" }])).toEqual(["a/", "a/b"]);
      expect(refusal([{ name: "a" }, { name: "a/b" }])).toBe(
        '"a/b" in layer 0 (ID): the path leads through something that is no directory',
      );
    });
  });

  describe("symbolic links on the way", () => {
    it("lead on inside the root, from their own layer and from lower ones", () => {
      const lower = [dir("usr"), dir("usr/lib"), symlink("lib", "usr/lib"), symlink("up", "../..")];
      expect(merged(lower, [{ name: "lib/x" }, { name: "up/y" }])).toEqual([
        "lib",
        "up",
        "usr/",
        "usr/lib/",
        "usr/lib/x",
        "y",
      ]);
      expect(merged([...lower, symlink("abs", "/usr/./lib/"), { name: "abs/z" }])).toContain(
        "usr/lib/z",
      );
    });

    it("make the directory that a dangling one names", () => {
      expect(merged([symlink("a", "b/c"), { name: "a/x" }])).toEqual(["a", "b/", "b/c/", "b/c/x"]);
    });

    it("are replaced, not followed, at the end of a path", () => {
      const lower = [dir("d"), { name: "d/f" }, symlink("a", "d")];
      expect(merged(lower, [dir("a"), { name: "a/x" }])).toEqual(["a/", "a/x", "d/", "d/f"]);
    });

    it("are followed by whiteouts and hard links", () => {
      const lower = [dir("d"), { name: "d/f" }, { name: "d/g" }, symlink("a", "d")];
      expect(merged(lower, [{ name: "a/.wh.f" }, link("a/h", "a/g")])).toEqual([
        "a",
        "d/",
        "d/g",
        "d/h",
      ]);
    });

    it("are refused where they go in circles", () => {
      expect(refusal([symlink("a", "b"), symlink("b", "a"), { name: "a/x" }])).toMatch(
        /"a\/x" in layer 0 .*too many symbolic links/,
      );
    });

    it("are refused where they add up to too long a path", () => {
      const deep = "d/".repeat(2000);
      expect(refusal([symlink("s", deep), { name: `s/${deep}x` }])).toMatch(/longer than 4095/);
    });
  });

  describe("hard links", () => {
    it("are names of one file, of which the first in order is the file", () => {
      const tree = merge([{ name: "b", content: "x" }, link("a", "b"), link("c", "a")]);
      expect([...tree.entries()].slice(1).map((e) => [e.kind, e.target, e.links])).toEqual([
        ["file", "", 3],
        ["hard-link", "a", 3],
        ["hard-link", "a", 3],
      ]);
      expect(new Set([...tree.entries()].slice(1).map((e) => e.identity)).size).toBe(1);
    });

    it("find their target in lower layers, and keep it when its name is replaced", () => {
      const lower = [{ name: "a", content: "old", mode: 0o640 }];
      const tree = merge(lower, [link("b", "a")], [{ name: "a", content: "new!" }]);
      expect(tree.lookup("b")).toMatchObject({ kind: "file", size: 3, layer: 0, givenBy: 1 });
      expect(tree.lookup("a")).toMatchObject({ kind: "file", size: 4, layer: 2 });
    });

    it("may name symlinks and devices, and themselves", () => {
      const first = [symlink("s", "nowhere"), { name: "p", type: "fifo" as const }];
      const tree = merge([...first, link("t", "s"), link("q", "p"), link("q", "q")]);
      expect(tree.lookup("t")).toMatchObject({ kind: "hard-link", target: "s", links: 2 });
      expect(tree.lookup("q")?.links).toBe(2);
    });

    it.each([
      ["a missing target", [link("a", "b")], /"a" in layer 0 .*target is missing/],
      ["themselves alone", [link("a", "a")], /target is missing/],
      ["a directory", [dir("d"), link("a", "d")], /target is a directory/],
      ["what they replace", [dir("d"), { name: "d/x" }, link("d", "d/x")], /target is missing/],
    ])("are refused for %s", (_, entries, message) => {
      expect(refusal(entries)).toMatch(message);
    });
  });

  describe("questions", () => {
    const tree = () =>
      merge(
        [
          dir("etc", { mtimeSeconds: 3 }),
          { name: "etc/passwd", content: "root:x:0:0\n" },
          symlink("etc/link", "/etc/passwd"),
          { name: "big", content: "b".repeat(1000) },
          { name: "gone", content: "g".repeat(100) },
        ],
        [{ name: "big", content: "c".repeat(10) }, { name: ".wh.gone" }],
        [{ name: "big", content: "d" }],
      );

    it("find a file without a mount, through links inside the root", () => {
      const found = tree().lookup("/etc/../etc/link", true);
      expect(found).toMatchObject({ path: "etc/passwd", size: 11, layer: 0, tarOffset: 1024 });
      expect(tree().lookup("etc/link")?.kind).toBe("symlink");
      expect(tree().lookup("etc/passwd/x")).toBeUndefined();
      expect(tree().lookup("nothing")).toBeUndefined();
      expect(tree().lookup("")?.kind).toBe("directory");
    });

    it("list a directory", () => {
      expect([...tree().list("etc")!].map((e) => e.path)).toEqual(["etc/link", "etc/passwd"]);
      expect([...tree().list("/")!].map((e) => e.path)).toEqual(["big", "etc"]);
      expect(tree().list("big")).toBeUndefined();
    });

    it("tell which layers have a path, and what is hidden there", () => {
      const file = (layer: number, size: number) => ({ layer, kind: "file", size });
      expect(tree().layersOf("big")).toEqual([file(2, 1), file(1, 10), file(0, 1000)]);
      expect(tree().hides("big")).toEqual([file(1, 10), file(0, 1000)]);
      expect(tree().hides("gone")).toEqual([file(0, 100)]);
      expect(tree().layersOf("gone")[0]).toEqual({ layer: 1, kind: "whiteout", size: 0 });
      expect(tree().hides("etc/passwd")).toEqual([]);
      expect(tree().layersOf("never")).toEqual([]);
    });

    it("count bytes by layer, and those that nobody sees", () => {
      expect(tree().layerSizes()).toEqual([
        { bytes: 1111, seenBytes: 11 },
        { bytes: 10, seenBytes: 0 },
        { bytes: 1, seenBytes: 1 },
      ]);
      expect(tree().wastedBytes()).toBe(1110);
    });
  });

  describe("a layer's own entries", () => {
    const own = (layer: number, ...layers: (readonly Entry[])[]) =>
      [...merge(...layers).layerEntries(layer)].map((e) => {
        const flags = (["opaque", "implicit", "inherited"] as const).filter((flag) => e[flag]);
        return [e.kind, e.path, ...(e.target ? [e.target] : []), ...flags].join(" ");
      });

    it("come with the directories that they need, and marks that still hide something", () => {
      const lower = [dir("d", { mode: 0o700 }), { name: "d/a" }, dir("o"), { name: "o/x" }];
      const upper = [
        { name: "d/.wh.a" },
        { name: ".wh.nothing" },
        { name: "o/.wh..wh..opq" },
        { name: "new/f" },
      ];
      expect(own(1, lower, upper)).toEqual([
        "directory  implicit inherited",
        "directory d inherited",
        "whiteout d/a",
        "directory o opaque inherited",
        "directory new implicit",
        "file new/f",
      ]);
    });

    it("have no whiteouts in opaque directories, where an overlay would list them", () => {
      const lower = [dir("d"), { name: "d/a" }, { name: "d/b" }];
      const marks = [{ name: "d/.wh.a" }, { name: "d/.wh..wh..opq" }, { name: "d/.wh.b" }];
      expect(own(1, lower, marks).slice(1)).toEqual(["directory d opaque inherited"]);
    });

    it("mark a directory opaque that takes the place of a hidden one", () => {
      const lower = [dir("d"), { name: "d/x" }];
      expect(own(1, lower, [dir("d"), { name: ".wh.d" }]).slice(1)).toEqual(["directory d opaque"]);
      expect(own(1, lower, [{ name: "d" }, dir("d")]).slice(1)).toEqual(["directory d opaque"]);
    });

    it("give a file before its names, and a lower layer's file in full", () => {
      const lower = [{ name: "a", content: "x" }];
      expect(own(1, lower, [link("b", "a"), link("c", "a")]).slice(1)).toEqual([
        "file b",
        "hard-link c b",
      ]);
      const twice = [{ name: "a", content: "1" }, link("b", "a"), { name: "a", content: "2" }];
      expect(own(0, twice).slice(1)).toEqual(["file b", "file a"]);
    });

    it("land where links lead", () => {
      expect(own(1, [symlink("l", "d"), dir("d")], [{ name: "l/x" }]).slice(1)).toEqual([
        "directory d inherited",
        "file d/x",
      ]);
    });
  });

  it("takes ten thousand levels of hostile nesting", () => {
    const levels = Array.from({ length: 5 }, (_, i) => `${"d/".repeat(2000)}${i}`);
    expect(merge(levels.map((name) => ({ name }))).erofs().image.length).toBeGreaterThan(1 << 17);
  });

  it("makes the same image of the same layers, to the bit", () => {
    const image = merge(
      [
        dir("./", { mtimeSeconds: 1_700_000_000 }),
        dir("etc", { mtimeSeconds: 1_700_000_000, mtimeNanoseconds: 5 }),
        { name: "etc/passwd", content: "root\n", xattrs: { "user.b": "2", "user.a": "1" } },
        ...Array.from({ length: 100 }, (_, i) => ({ name: `etc/${i}`, mtimeSeconds: 9 })),
        symlink("long", "t".repeat(1000)),
      ],
      [{ name: "etc/.wh.1" }, link("etc/2", "etc/passwd")],
    ).erofs();
    const digest = createHash("sha256").update(image.image).digest("hex");
    expect(digest).toBe("482d1f2f9739917ac49e52252902cb464b775c628492140b537db5f35837079d");
  });

  it("makes an image of no layers at all", () => {
    expect(merge().erofs().image.length).toBe(4096);
  });
});
