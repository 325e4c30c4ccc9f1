import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { ARGUMENT_KINDS } from "@nacre/core/program/argument-kinds.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { ARGUMENTS, encodeProgram } from "@nacre/core/program/wire.ts";
import { describe, expect, it } from "vitest";

const root = new URL("../../../", import.meta.url);

/** Reads a message as its description in wire.ts says, into plain values. */
class Reader {
  readonly #view: DataView;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  get left(): number {
    return this.#view.byteLength - this.#at;
  }
  number(size: 1 | 2 | 4): number {
    const at = this.#at;
    this.#at += size;
    if (size === 1) return this.#view.getUint8(at);
    return size === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
  }
  argument(): string {
    const size = this.number(4);
    const bytes = new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#at, size);
    this.#at += size;
    return Buffer.from(bytes).toString("latin1");
  }
  operation(): unknown {
    const name = Object.keys(ARGUMENTS)[this.number(2) - 1];
    const count = this.number(1);
    const undone = this.number(1) === 1;
    const values = Array.from({ length: count }, () => this.argument());
    return undone ? [name, values, this.operation()] : [name, values];
  }
  section(): unknown[] {
    return Array.from({ length: this.number(4) }, () => this.operation());
  }
}

const word = (value: bigint): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes.toString("latin1");
};

function body(program: KernelProgram): Reader {
  const bytes = encodeProgram(program);
  expect(Buffer.from(bytes.subarray(0, 8)).toString()).toBe("NACREPR1");
  expect(new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true)).toBe(bytes.length - 12);
  return new Reader(bytes.subarray(12));
}

describe("the bytes of a program", () => {
  it("hold operations, arguments by position and the inverse beside what it undoes", () => {
    const reader = body({
      title: "x",
      host: [
        { op: "makeDirectory", path: "/ü", mode: 0o700, existing: "keep" },
        { op: "writeFile", path: "/f", data: "" },
      ],
    });
    expect(reader.number(1)).toBe(0);
    expect(reader.section()).toEqual([
      [
        "makeDirectory",
        ["/Ã¼\0", word(0o700n), word(1n)],
        ["removeDirectory", ["/Ã¼\0", word(0n), word(1n)]],
      ],
      ["writeFile", ["/f\0", "\0"]],
    ]);
    expect(reader.left).toBe(0);
  });

  it("hold the process: supervision, three sections, clone", () => {
    const reader = body({
      title: "x",
      host: [],
      process: {
        clone: {
          create: ["mnt", "pid"],
          join: { pid: 7, startTime: 1n << 40n, namespaces: ["net"] },
          cgroups: ["/sys/fs/cgroup/memory/x", "/y"],
          joinPaths: [{ kind: "uts", path: "/ns" }],
        },
        parent: [{ op: "makeCgroup", path: "/c", shared: true }],
        child: [{ op: "execute", arguments: ["a", ""], environment: [] }],
        supervision: {
          stdin: "hold",
          output: "both",
          terminal: "detached",
          logPath: "/log",
          logLimits: { bytes: 5000, files: 3 },
          attachPath: "/attach",
          startPath: "/start",
          leaves: true,
          leaveKeys: [16, 17],
          descriptors: 2,
          journal: { socket: "/socket", fields: "A=b\n" },
          collect: ["/x", "/y"],
          detached: true,
        },
      },
    });
    expect(reader.number(1)).toBe(1);
    const supervision = Array.from({ length: 17 }, () => reader.argument());
    expect(supervision).toEqual([
      word(2n),
      word(2n),
      word(2n),
      "/socket\0",
      "\0",
      "/x\0/y\0",
      "",
      word(1n),
      word(5000n),
      word(3n),
      "/attach\0",
      "/start\0",
      "\0",
      word(1n),
      word(2n),
      "A=b\n\0",
      "\x10\x11",
    ]);
    expect(reader.section()).toEqual([]);
    expect(reader.section()).toEqual([["makeCgroup", ["/c\0", word(1n)]]]);
    expect(reader.section()).toEqual([["execute", ["a\0\0", ""]]]);
    const clone = Array.from({ length: 5 }, () => reader.argument());
    expect(clone).toEqual([
      word(0x20020000n),
      word(7n),
      word(1n << 40n),
      word(0x40000000n),
      "/sys/fs/cgroup/memory/x\0/y\0",
    ]);
    expect([reader.number(4), reader.argument(), reader.argument(), reader.left]).toEqual([
      1,
      word(0x4000000n),
      "/ns\0",
      0,
    ]);
  });

  it("hold numbers of 64 bits, negative ones too, and attributes as the kernel's bits", () => {
    const reader = body({
      title: "x",
      host: [
        { op: "setLimit", resource: 7, soft: (1n << 64n) - 1n, hard: 0n },
        { op: "placeTimes", path: "/", mtime: { seconds: -1, nanoseconds: 5 } },
        { op: "setMountAttributes", path: "/", attributes: ["ro", "nosymfollow"] },
        { op: "setSysctl", name: "net.ipv4.ip_forward", value: "1" },
      ],
    });
    reader.number(1);
    expect(reader.section()).toEqual([
      ["setLimit", [word(7n), word(-1n), word(0n)]],
      ["placeTimes", ["/\0", word(-1n), word(5n)]],
      ["setMountAttributes", ["/\0", word(0x200001n), word(0n), word(0n)]],
      ["setSysctl", ["net/ipv4/ip_forward\0", "1\0"]],
    ]);
  });

  it("never hold a NUL inside a string", () => {
    const make = (path: string) => () =>
      encodeProgram({ title: "x", host: [{ op: "removeFile", path }] });
    expect(make("/a\0b")).toThrow(TypeError);
    expect(make(`/${"ü".repeat(40_000)}`)).not.toThrow();
  });
});

describe("operations.h", () => {
  it("is what the table in wire.ts says", () => {
    const script = new URL("scripts/generate-operations.ts", root).pathname;
    expect(() => execFileSync(process.execPath, [script, "--check"])).not.toThrow();
  });

  it("names a kind only for arguments that exist", () => {
    const names = new Set(Object.values(ARGUMENTS).flatMap((a) => [...a.names]));
    expect(Object.keys(ARGUMENT_KINDS).filter((name) => !names.has(name))).toEqual([]);
    expect(readFileSync(new URL("backends/linux/native/operations.h", root), "utf8")).toContain(
      '[OP_SHARE_MOUNT] = {"shareMount", "sslnnss"',
    );
  });
});
