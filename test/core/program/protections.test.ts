import { chosenCapabilities } from "@nacre/core/program/capabilities.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { protections } from "@nacre/core/program/protections.ts";
import { securityLabels } from "@nacre/core/program/security-labels.ts";
import { describe, expect, it } from "vitest";

const program = (child: Operation[], host: Operation[] = []): KernelProgram => ({
  title: "x",
  host,
  process: {
    clone: { create: ["mnt", "pid"], cgroups: [], joinPaths: [] },
    parent: [],
    child,
    supervision: {
      ...{ stdin: "null", output: "inherit", terminal: "none" },
      ...{ collect: [], detached: false },
    },
  },
});

const on = (made: KernelProgram): string[] =>
  protections(made).flatMap(({ name, on: is }) => (is ? [name] : []));

describe("the protections of a program", () => {
  it("are read from its operations", () => {
    expect(on(program([]))).toEqual(["mnt namespace", "pid namespace"]);
    const filter = { op: "filterSystemCalls", filter: new Uint8Array(16), flags: [] } as const;
    expect(on(program([filter]))).toContain("seccomp filter");
    expect(on(program([{ op: "maskInRoot", path: "/proc/kcore" }]))).toContain("masked paths");
    expect(on(program([{ op: "noNewPrivileges" }]))).toContain("no new privileges");
    const deny = { op: "writeFile", path: "/c/devices.deny", data: "a" } as const;
    expect(on(program([], [deny]))).toContain("device rules");
    const own = { op: "writeOwnFile", name: "attr/exec", data: "label" } as const;
    expect(on(program([own]))).toContain("AppArmor or SELinux");
  });

  it("do not count a bounding set with CAP_SYS_ADMIN", () => {
    const bounded = (bounding: bigint) =>
      on(program([{ op: "boundCapabilities", bounding }])).includes("capabilities");
    expect([bounded(0x3fn), bounded(1n << 21n), on(program([])).includes("capabilities")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("are none where there is no process", () => {
    expect(protections({ title: "x", host: [] })).toEqual([]);
  });
});

describe("labels", () => {
  const both = { securityModules: () => ["apparmor", "selinux"] as const };

  it("are those that were asked for, over the usual of containers", () => {
    expect(securityLabels({}, both)).toEqual({});
    expect(securityLabels({ apparmor: "mine" }, both)).toEqual({ apparmorProfile: "mine" });
    expect(
      securityLabels({ securityLabel: ["type:svirt_apache_t", "level:s0:c1,c2"] }, both),
    ).toEqual({ selinuxLabel: "system_u:system_r:svirt_apache_t:s0:c1,c2" });
    expect(securityLabels({ securityLabel: ["disable"] }, both)).toEqual({});
    expect(securityLabels({ apparmor: "mine", privileged: true }, both)).toEqual({});
  });

  it("are refused where nothing would enforce them", () => {
    const none = { securityModules: () => [] };
    expect(() => securityLabels({ apparmor: "mine" }, none)).toThrow(/has no AppArmor/);
    expect(() => securityLabels({ securityLabel: ["type:x"] }, none)).toThrow(/has no SELinux/);
    expect(securityLabels({ apparmor: "unconfined", securityLabel: ["disable"] }, none)).toEqual(
      {},
    );
  });

  it("are refused where they are none", () => {
    expect(() => securityLabels({ securityLabel: ["colour:x"] }, both)).toThrow(/label=colour:x/);
  });
});

describe("a capability that is none", () => {
  it("is refused with what may have been meant", () => {
    expect(() => chosenCapabilities({ add: ["net_admn"], drop: [] }, () => [])).toThrow(
      expect.objectContaining({ advice: expect.stringContaining("Did you mean CAP_NET_ADMIN?") }),
    );
    expect(() => chosenCapabilities({ add: [], drop: ["bogus"] }, () => [])).toThrow(
      expect.objectContaining({ advice: expect.not.stringContaining("mean") }),
    );
  });
});
