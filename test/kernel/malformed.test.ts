// Messages that nobody should send: refused as a whole, and never read past their end. The
// instrumented build would stop at the first byte that is read where none is. `--check` decodes
// and executes nothing, so that no mutated program can do harm here.

import { join } from "node:path";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { encodeProgram } from "@nacre/core/program/wire.ts";
import { LinuxKernel } from "@nacre/linux/kernel.ts";
import { describe, expect, it } from "vitest";
import { build, container, enter, makeRoot, outcome, reports, run, scratch } from "./native.ts";

const asan = build("asan");
const host: Operation[] = [
  { op: "makeDirectory", path: "/nowhere/a", mode: 0o755, existing: "keep" },
  {
    op: "shareMount",
    lock: "/nowhere/lock",
    mount: {
      type: "erofs",
      source: "/nowhere/image",
      options: ["device=/a", "ro"],
      attributes: [],
    },
    target: "/nowhere/b",
  },
  { op: "makeCgroup", path: "/nowhere/c", shared: false },
];
const program: KernelProgram = container({
  host,
  parent: [{ op: "joinCgroup", path: "/nowhere/c" }],
  child: [
    ...enter("/nowhere/root"),
    { op: "setUser", uid: 1, gid: 2, groups: [3, 4] },
    run("a", "b"),
  ],
  clone: { joinPaths: [{ kind: "net", path: "/nowhere/net" }] },
  supervision: { collect: ["/nowhere/file"], onExit: ["/nowhere/command"] },
});
const valid = encodeProgram(program);

/** A small generator, so that a failure can be had again. */
function* numbers(seed: number): Generator<number, never> {
  for (let x = seed; ; ) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    yield x >>> 8;
  }
}

function resized(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(8, bytes.length - 12, true);
  return bytes;
}

/** Changes bytes, cuts the end off, or puts extreme numbers where lengths may be. */
function mutated(random: Generator<number, never>): Uint8Array {
  const next = (below: number): number => random.next().value % below;
  let bytes = Uint8Array.from(valid);
  if (next(4) === 0) bytes = bytes.slice(0, 13 + next(bytes.length - 13));
  const view = new DataView(bytes.buffer);
  for (let i = next(4); i >= 0; i--) {
    const where = 12 + next(bytes.length - 12);
    const extreme = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc, 255, 65_536][next(8)]!;
    if (next(2) === 0 && where + 4 <= bytes.length) view.setUint32(where, extreme, true);
    else bytes[where] = next(256);
  }
  return resized(bytes);
}

describe("a message", () => {
  it("is valid when nothing is wrong with it", async () => {
    const answers = await reports(asan, valid, ["--check"]);
    expect(answers).toEqual([{ kind: "malformed", line: "valid" }]);
  });

  it("is refused when it is cut anywhere", async () => {
    const cut = Array.from({ length: valid.length - 13 }, (_, i) =>
      resized(Uint8Array.from(valid.subarray(0, i + 13))),
    );
    const answers = await reports(asan, Buffer.concat(cut), ["--check"]);
    expect(answers).toHaveLength(cut.length);
    expect(new Set(answers.map((a) => a.kind === "malformed" && a.line))).toEqual(
      new Set(["malformed"]),
    );
  });

  it("is decoded or refused, whatever was done to it, and never read past its end", async () => {
    const random = numbers(42);
    const messages = Array.from({ length: 5000 }, () => mutated(random));
    const answers = await reports(asan, Buffer.concat(messages), ["--check"]);
    expect(answers).toHaveLength(messages.length);
    const refused = answers.filter((a) => a.kind === "malformed" && a.line === "malformed");
    expect(refused.length).toBeGreaterThan(1000);
    expect(refused.length).toBeLessThan(messages.length);
  });

  it("is refused by its header: magic, size, end", async () => {
    const wrong = (change: (bytes: Uint8Array) => Uint8Array) => change(Uint8Array.from(valid));
    const messages = [
      wrong((b) => b.fill(88, 0, 1)),
      wrong((b) => b.fill(255, 8, 12)),
      wrong((b) => b.fill(0, 8, 12)),
      wrong((b) => b.subarray(0, 20)),
      wrong((b) => b.subarray(0, 5)),
      wrong((b) => resized(Uint8Array.from([...b, 0]))),
      new Uint8Array(0),
    ];
    for (const message of messages) {
      expect(await reports(asan, message)).toEqual([{ kind: "malformed", line: "malformed" }]);
    }
  });

  it("is refused where an operation stands in a section that is not its own", async () => {
    const wrong: Operation[] = [
      { op: "enterRoot" },
      { op: "setHostname", name: "pearl" },
      { op: "setUser", uid: 1, gid: 1, groups: [] },
      run("true"),
      { op: "joinCgroup", path: "/nowhere" },
    ];
    for (const operation of wrong) {
      const found = await reports(asan, { title: "x", host: [operation] });
      expect(found).toEqual([{ kind: "malformed", line: "malformed" }]);
    }
  });
});

describe("the instrumented build", () => {
  it("runs a container without a complaint", async () => {
    using tmp = scratch();
    process.env.ASAN_OPTIONS = "detect_leaks=0";
    const child = [
      ...enter(makeRoot(join(tmp.path, "root"))),
      run("sh", "-c", "echo fine; exit 3"),
    ];
    const logPath = join(tmp.path, "log");
    const supervision = { output: "both", logPath, exitPath: join(tmp.path, "exit") } as const;
    const made: Operation[] = [
      { op: "makeDirectory", path: join(tmp.path, "made"), mode: 0o755, existing: "fail" },
    ];
    const result = await outcome(
      new LinuxKernel(asan),
      container({ host: made, child, supervision }),
    );
    delete process.env.ASAN_OPTIONS;
    expect(result).toEqual({ code: 3, stdout: "fine\n", stderr: "" });
  });
});
