// The reader of tars: sparse files, in the four forms in which GNU tar and others write them.

import { describe, expect, it } from "vitest";
import { paths, plain, refusal, treeOf } from "./layer-support.ts";
import { builds } from "./portable.ts";
import { archive, body, type HeaderFields, header, pax } from "./tar-writer.ts";

const file = (fields: HeaderFields, content = ""): Buffer =>
  Buffer.concat([header({ size: content.length, ...fields }), body(content)]);

describe.each(builds)("reading sparse files with $build", ({ core }) => {
  const read = (...parts: Uint8Array[]) => [...treeOf(core(), archive(...parts)).entries()];
  const refuses = (...parts: Uint8Array[]) => refusal(() => read(...parts));

  describe("sparse files", () => {
    const segments = [
      { offset: 512, size: 512, tarOffset: 0 },
      { offset: 4096, size: 100, tarOffset: 512 },
    ];
    const data = body("s".repeat(612));
    const expectSparse = (tarOffset: number, ...parts: Uint8Array[]) => {
      const found = read(...parts, data, file({ name: "after" }));
      expect(paths(found)).toEqual(["after", "s"]);
      expect(plain(found[2]!)).toMatchObject({
        size: 9000,
        segments: segments.map((s) => ({ ...s, tarOffset: s.tarOffset + tarOffset })),
      });
    };
    const octal = (value: number) => `${value.toString(8).padStart(11, "0")} `;

    it("reads the old GNU form", () => {
      const forge = (bytes: Buffer) => {
        bytes.write(octal(512) + octal(512) + octal(4096) + octal(100), 386);
        bytes.write(octal(9000) + octal(0), 386 + 48);
        bytes.write(octal(9000), 483);
      };
      expectSparse(512, header({ name: "s", type: "S", dialect: "gnu", size: 612, forge }));
    });

    it("reads the old GNU form with further blocks", () => {
      const forge = (bytes: Buffer) => {
        bytes[482] = 1;
        bytes.write(octal(9000), 483);
      };
      const more = Buffer.alloc(512);
      more.write(octal(512) + octal(512) + octal(4096) + octal(100));
      const own = header({ name: "s", type: "S", dialect: "gnu", size: 612, forge });
      expectSparse(1024, own, more);
    });

    it("reads GNU.sparse 0.0", () => {
      const records = pax([
        ["GNU.sparse.size", "9000"],
        ["GNU.sparse.numblocks", "2"],
        ["GNU.sparse.offset", "512"],
        ["GNU.sparse.numbytes", "512"],
        ["GNU.sparse.offset", "4096"],
        ["GNU.sparse.numbytes", "100"],
      ]);
      expectSparse(records.length + 512, records, header({ name: "s", size: 612 }));
    });

    it("reads GNU.sparse 0.1", () => {
      const records = pax([
        ["GNU.sparse.size", "9000"],
        ["GNU.sparse.map", "512,512,4096,100"],
        ["GNU.sparse.name", "s"],
      ]);
      expectSparse(records.length + 512, records, header({ name: "GNUSparseFile.1/s", size: 612 }));
    });

    it("reads GNU.sparse 1.0", () => {
      const records = pax([
        ["GNU.sparse.major", "1"],
        ["GNU.sparse.minor", "0"],
        ["GNU.sparse.realsize", "9000"],
        ["GNU.sparse.name", "s"],
      ]);
      const map = body("2\n512\n512\n4096\n100\n");
      const own = header({ name: "GNUSparseFile.1/s", size: 612 + 512 });
      expectSparse(records.length + 1024, records, own, map);
    });

    it.each([
      ["0,100,50,562", "segments that overlap"],
      ["0,612,9000,1", "a segment past the end"],
      ["0,600", "fewer bytes than are stored"],
      ["0", "half a segment"],
      ["-1,612", "a negative offset"],
    ])("refuses the map %s: %s", (map) => {
      const records = pax([
        ["GNU.sparse.size", "9000"],
        ["GNU.sparse.map", map],
      ]);
      expect(refuses(records, header({ name: "s", size: 612 }), data)).toMatch(/sparse segments/);
    });
  });
});
