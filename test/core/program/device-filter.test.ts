import type { SpecDeviceRule } from "@nacre/core/oci/runtime-spec.ts";
import { allowsEveryDevice, deviceFilter } from "@nacre/core/program/device-filter.ts";
import { deviceFilterText } from "@nacre/core/program/device-filter-text.ts";
import { BpfProgram } from "@nacre/simulated/bpf.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

type Device = readonly [type: "b" | "c", major: number, minor: number];
const BITS = { m: 1, r: 2, w: 4 } as const;
type Letter = keyof typeof BITS;

function asks(rules: readonly SpecDeviceRule[]): (device: Device, access: string) => boolean {
  const program = new BpfProgram(deviceFilter(rules), 3);
  return ([type, major, minor], access) => {
    const bits = [...access].reduce((sum, letter) => sum | BITS[letter as Letter], 0);
    return program.run([(bits << 16) | (type === "b" ? 1 : 2), major, minor]) === 1;
  };
}

/** `-a *:* rwm` denies everything, `+c 1:3 r` allows. */
function rule(text: string): SpecDeviceRule {
  const [, sign, type, major, minor, access = ""] =
    /^([+-])([abc]) (\*|\d+):(\*|\d+) ([rwm]+)$/.exec(text) ?? [];
  const number = (word: string | undefined) => (word === "*" ? -1 : Number(word));
  return {
    ...{ allow: sign === "+", type: type as "a", access },
    ...{ major: number(major), minor: number(minor) },
  };
}

const NULL: Device = ["c", 1, 3];
const ZERO: Device = ["c", 1, 5];
const DISK: Device = ["b", 8, 0];

describe("a filter of devices", () => {
  it.each<[string, readonly string[], readonly (readonly [Device, string, boolean])[]]>([
    [
      "without rules allows nothing",
      [],
      [
        [NULL, "r", false],
        [DISK, "m", false],
      ],
    ],
    [
      "allows what one rule allows",
      ["-a *:* rwm", "+c 1:3 rw"],
      [
        [NULL, "r", true],
        [NULL, "w", true],
        [NULL, "rw", true],
        [NULL, "m", false],
        [NULL, "rwm", false],
        [ZERO, "r", false],
        [["b", 1, 3], "r", false],
      ],
    ],
    [
      "adds up what several rules allow",
      ["-a *:* rwm", "+c 1:3 r", "+c *:3 w"],
      [
        [NULL, "rw", true],
        [["c", 9, 3], "w", true],
        [["c", 9, 3], "rw", false],
      ],
    ],
    [
      "lets the last rule win",
      ["-a *:* rwm", "+c 1:* rwm", "-c 1:3 w"],
      [
        [NULL, "r", true],
        [NULL, "w", false],
        [NULL, "rw", false],
        [ZERO, "rw", true],
      ],
    ],
    [
      "lets a rule be taken back in parts",
      ["-a *:* rwm", "+b *:* rwm", "-b 8:* rw", "+b 8:0 r"],
      [
        [DISK, "r", true],
        [DISK, "rw", false],
        [DISK, "m", true],
        [["b", 8, 1], "r", false],
        [["b", 9, 1], "rwm", true],
      ],
    ],
    [
      "begins anew at a rule of everything",
      ["+c 1:3 rwm", "-a *:* rwm", "+c 1:5 r"],
      [
        [NULL, "r", false],
        [ZERO, "r", true],
      ],
    ],
    [
      "denies some where all is allowed",
      ["+a *:* rwm", "-b *:* w"],
      [
        [DISK, "r", true],
        [DISK, "w", false],
        [DISK, "rw", false],
        [NULL, "rwm", true],
      ],
    ],
    [
      "knows rules of both types",
      ["-a *:* rwm", "+a 8:0 r"],
      [
        [DISK, "r", true],
        [["c", 8, 0], "r", true],
        [DISK, "w", false],
        [["c", 8, 1], "r", false],
      ],
    ],
    [
      "takes the largest numbers",
      ["-a *:* rwm", "+c 4095:1048575 r"],
      [
        [["c", 4095, 1048575], "r", true],
        [["c", 4095, 1048574], "r", false],
      ],
    ],
  ])("%s", (_name, rules, table) => {
    const allowed = asks(rules.map(rule));
    for (const [device, access, expected] of table) {
      expect([device, access, allowed(device, access)]).toEqual([device, access, expected]);
    }
  });

  it("decides each access by the last rule that speaks of it, whatever the rules", () => {
    const few = fc.constantFrom(-1, 0, 1, 2);
    const letters = fc.subarray(["r", "w", "m"] as const, { minLength: 1 });
    const rules: fc.Arbitrary<SpecDeviceRule[]> = fc.array(
      fc.record({
        allow: fc.boolean(),
        type: fc.constantFrom("a" as const, "b" as const, "c" as const),
        major: few,
        minor: few,
        access: letters.map((all) => all.join("")),
      }),
      { maxLength: 8 },
    );
    const spoken = (of: SpecDeviceRule, [type, major, minor]: Device, letter: string): boolean =>
      (of.type === "a" || of.type === type) &&
      ((of.major as number) < 0 || of.major === major) &&
      ((of.minor as number) < 0 || of.minor === minor) &&
      of.access.includes(letter);
    const devices = (["b", "c"] as const).flatMap((type) =>
      [0, 1, 2].flatMap((major) => [0, 1, 2].map((minor): Device => [type, major, minor])),
    );
    fc.assert(
      fc.property(rules, (all) => {
        const allowed = asks(all);
        for (const device of devices) {
          for (const access of ["r", "w", "m", "rw", "rwm"]) {
            const each = [...access].map(
              (letter) => all.findLast((one) => spoken(one, device, letter))?.allow ?? false,
            );
            expect(allowed(device, access)).toBe(each.every(Boolean));
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("is not needed where everything is allowed", () => {
    expect(allowsEveryDevice([rule("-a *:* rwm"), rule("+a *:* rwm")])).toBe(true);
    expect(allowsEveryDevice([rule("+a *:* rwm"), rule("-b *:* w")])).toBe(false);
    expect(allowsEveryDevice([rule("+a *:* rw")])).toBe(false);
    expect(allowsEveryDevice([])).toBe(false);
  });

  it("is refused where its rules are too many to jump over", () => {
    const many = Array.from({ length: 7000 }, (_, n) => rule(`+c ${n}:${n} r`));
    expect(() => deviceFilter(many)).toThrow(/7000 rules for devices are too many/);
  });

  it("is told in words", () => {
    expect(deviceFilterText(deviceFilter([rule("-a *:* rwm"), rule("+c 1:3 rw")]))).toEqual([
      "  0  take type from byte 0 of what is asked",
      "  1  keep the lower 16 bits of type",
      "  2  take access from byte 0 of what is asked",
      "  3  drop the lower 16 bits of access",
      "  4  take major from byte 4 of what is asked",
      "  5  take minor from byte 8 of what is asked",
      "  6  unless type is c, a character device, go on at 11",
      "  7  unless major is 1, go on at 11",
      "  8  unless minor is 3, go on at 11",
      "  9  rw is decided: m of the access may be left",
      " 10  if nothing is left of the access, go on at 13",
      " 11  the answer is no",
      " 12  end",
      " 13  the answer is yes",
      " 14  end",
    ]);
  });
});

describe("the machine that runs filters", () => {
  it("refuses what the kernel's verifier refuses", () => {
    const good = deviceFilter([rule("+c 1:3 r")]);
    const changed = (at: number, ...bytes: number[]) => {
      const copy = Uint8Array.from(good);
      copy.set(bytes, at * 8);
      return () => new BpfProgram(copy, 3);
    };
    expect(changed(0)).not.toThrow();
    expect(changed(0, 0x61, 0x12, 12)).toThrow("invalid bpf_context access");
    expect(changed(0, 0x61, 0x32)).toThrow("invalid bpf_context access");
    expect(changed(6, 0x55, 2, 100)).toThrow("jump out of range");
    expect(changed(6, 0x55, 2, 0xfe, 0xff)).toThrow("back-edge");
    expect(changed(6, 0x95)).toThrow("!read_ok");
    expect(changed(1, 0x54, 7)).toThrow("R7 !read_ok");
    expect(changed(1, 0xff)).toThrow("unknown opcode ff");
    expect(() => new BpfProgram(new Uint8Array(), 3)).toThrow("E2BIG");
    expect(() => new BpfProgram(good.subarray(1), 3)).toThrow("EINVAL");
  });
});
