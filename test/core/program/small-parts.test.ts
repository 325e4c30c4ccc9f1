import { capabilityMask, capabilityNames } from "@nacre/core/program/capabilities.ts";
import { parseExitRecord } from "@nacre/core/program/exit-record.ts";
import { mountFlags } from "@nacre/core/program/mount-options.ts";
import { signalName, signalNumber } from "@nacre/core/program/signals.ts";
import { describe, expect, it } from "vitest";

describe("capabilities", () => {
  it("are bits by number, and names again", () => {
    expect(capabilityMask(["CAP_CHOWN", "CAP_SYS_ADMIN"])).toBe(1n | (1n << 21n));
    expect(capabilityNames(1n << 21n)).toEqual(["CAP_SYS_ADMIN"]);
    expect(capabilityNames(1n << 50n)).toEqual(["CAP_50"]);
  });
  it("refuse a name that the kernel does not have", () => {
    expect(() => capabilityMask(["CAP_FLY"])).toThrow("CAP_FLY");
  });
});

describe("signalNumber", () => {
  it.each([
    ["SIGTERM", 15],
    ["kill", 9],
    ["15", 15],
    ["RTMIN+3", 37],
    ["SIGRTMAX", 64],
  ])("reads %s", (text, number) => expect(signalNumber(text)).toBe(number));
  it.each(["", "0", "65", "SIGNOPE", "RTMIN-1", "toString"])("refuses %j", (text) =>
    expect(signalNumber(text)).toBeUndefined(),
  );
  it("goes back to a name", () => expect(signalName(15)).toBe("TERM"));
});

describe("mountFlags", () => {
  it("tells attributes, propagation and the file system's own options apart", () => {
    const options = ["rbind", "nosuid", "rslave", "size=64k", "ro", "relatime"];
    expect(mountFlags({ destination: "/x", options })).toEqual({
      attributes: ["nosuid"],
      readOnlyTop: true,
      options: ["size=64k"],
      bind: true,
      recursive: true,
      propagation: "slave",
    });
  });
  it("tells a mount that is read-only itself from one that is with all below it", () => {
    const read = (...options: string[]) => {
      const { attributes, readOnlyTop } = mountFlags({ destination: "/x", options });
      return { attributes, readOnlyTop };
    };
    expect(read("rbind", "ro")).toEqual({ attributes: [], readOnlyTop: true });
    expect(read("rbind", "rro")).toEqual({ attributes: ["ro"], readOnlyTop: false });
    expect(read("bind", "ro")).toEqual({ attributes: ["ro"], readOnlyTop: false });
    expect(read("ro")).toEqual({ attributes: ["ro"], readOnlyTop: false });
  });
  it("lets the later option win", () => {
    expect(mountFlags({ destination: "/x", options: ["noexec", "exec"] }).attributes).toEqual([]);
    expect(mountFlags({ destination: "/x", options: ["rw", "ro"] }).attributes).toEqual(["ro"]);
  });
});

describe("parseExitRecord", () => {
  const record = (oom: string) =>
    `code 137\nsignal 9\nfinished 1700000000.123456789\nfile /m 30\n${oom}\n`;
  it("reads code, signal, time and whether the OOM killer came", () => {
    expect(parseExitRecord(record("under_oom 0\noom_kill 1"))).toEqual({
      code: 137,
      signal: 9,
      oomKilled: true,
      finishedAtMs: 1_700_000_000_123,
    });
    expect(parseExitRecord(record("oom_kill 0")).oomKilled).toBe(false);
  });
  it.each(["", "code 1\n", "code x\nsignal 0\nfinished 1.000000000\n"])("refuses %j", (text) => {
    expect(() => parseExitRecord(text)).toThrow("exit record");
  });
});
