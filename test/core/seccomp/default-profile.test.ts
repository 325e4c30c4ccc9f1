import { CAPABILITIES, DEFAULT_CAPABILITIES } from "@nacre/core/program/capabilities.ts";
import { actionOf } from "@nacre/core/seccomp/actions.ts";
import { abisOf } from "@nacre/core/seccomp/architectures.ts";
import { DEFAULT_PROFILE } from "@nacre/core/seccomp/default-profile.ts";
import { evaluateFilter } from "@nacre/core/seccomp/evaluate.ts";
import { compileFilter } from "@nacre/core/seccomp/filter.ts";
import { seccompFor } from "@nacre/core/seccomp/for-container.ts";
import { callNames } from "@nacre/core/seccomp/numbers.ts";
import { parseProfile } from "@nacre/core/seccomp/parse.ts";
import { describe, expect, it } from "vitest";

const [native, x86] = abisOf("amd64");

function asking(capabilities: readonly string[], machine = "amd64") {
  const whom = { architecture: machine, release: "6.12.0", capabilities };
  const filter = compileFilter(seccompFor(DEFAULT_PROFILE, whom), machine);
  return (name: string, values: bigint[] = [], abi = abisOf(machine)[0]!) => {
    const number = abi.numbers().get(name);
    if (number === undefined) throw new Error(`no call ${name}`);
    const { action, data } = actionOf(
      evaluateFilter(filter, { audit: abi.audit, number, arguments: values }),
    );
    return action === "SCMP_ACT_ERRNO" ? data : action;
  };
}

const ALLOW = "SCMP_ACT_ALLOW";
const EPERM = 1;
const usual = asking(DEFAULT_CAPABILITIES);

describe("the default profile", () => {
  it("is one that we read ourselves, of calls that there are, each named once", () => {
    const unknown: string[] = [];
    const text = JSON.stringify(DEFAULT_PROFILE);
    const read = parseProfile(text, { name: "x", unknownCall: (_, call) => unknown.push(call) });
    expect(unknown).toEqual([]);
    expect(read.syscalls).toHaveLength(DEFAULT_PROFILE.syscalls!.length);
    const [always] = DEFAULT_PROFILE.syscalls!;
    expect(new Set(always!.names).size).toBe(always!.names.length);
    for (const name of always!.names) expect([name, callNames().has(name)]).toEqual([name, true]);
  });

  it("allows what programs do", () => {
    const everyday = "read openat execve mmap futex socketpair wait4 ptrace chroot statx rseq";
    for (const name of everyday.split(" ")) expect([name, usual(name)]).toEqual([name, ALLOW]);
    expect(usual("openat", [], x86)).toBe(ALLOW);
    expect(usual("futex_time64", [], x86)).toBe(ALLOW);
  });

  it("refuses what changes the machine, or reaches around names", () => {
    const refused = [
      "mount umount2 pivot_root open_by_handle_at init_module finit_module delete_module reboot",
      "kexec_load kexec_file_load swapon swapoff sethostname settimeofday clock_settime acct bpf",
      "perf_event_open userfaultfd keyctl add_key request_key io_uring_setup io_uring_enter setns",
      "unshare fsopen move_mount open_tree mount_setattr quotactl iopl ioperm syslog vhangup kcmp",
      "lookup_dcookie move_pages nfsservctl uselib ustat sysfs _sysctl pidfd_getfd statmount",
    ].flatMap((line) => line.split(" "));
    for (const name of refused) expect([name, usual(name)]).toEqual([name, EPERM]);
  });

  it("lets nobody make namespaces: clone by its flags, clone3 not at all", () => {
    expect(usual("clone", [0x0120_0011n])).toBe(ALLOW);
    const flags = [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000];
    for (const flag of [...flags, 0x4000_0000]) {
      expect(usual("clone", [BigInt(flag) | 17n])).toBe(EPERM);
    }
    expect(usual("clone3")).toBe(38);
  });

  it("looks at a socket's family as the kernel does, which reads 32 bits of it", () => {
    expect(usual("socket", [2n])).toBe(ALLOW);
    expect(usual("socket", [40n])).toBe(EPERM);
    expect(usual("socket", [(1n << 32n) | 40n])).toBe(EPERM);
    expect(usual("socket", [38n])).toBe(97);
  });

  it("allows personalities that change no protection", () => {
    for (const allowed of [0n, 8n, 0x2_0000n, 0x2_0008n, 0xffff_ffffn]) {
      expect(usual("personality", [allowed])).toBe(ALLOW);
    }
    // ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC
    for (const refused of [0x4_0000n, 0x40_0000n]) {
      expect(usual("personality", [refused])).toBe(EPERM);
    }
  });

  it("gives with a capability the calls that it is for, and no others", () => {
    const without = new Map([...native!.numbers().keys()].map((name) => [name, usual(name)]));
    const gained = (capability: string): string[] => {
      const ask = asking([...DEFAULT_CAPABILITIES, capability]);
      return [...without].flatMap(([name, was]) =>
        ask(name) === ALLOW && was !== ALLOW ? [name] : [],
      );
    };
    expect(gained("CAP_SYS_TIME").sort()).toEqual(["clock_settime", "settimeofday"]);
    expect(gained("CAP_SYS_MODULE")).toContain("finit_module");
    expect(gained("CAP_SYS_ADMIN")).toEqual(expect.arrayContaining(["mount", "setns", "clone3"]));
    expect(gained("CAP_SYS_ADMIN")).not.toContain("kexec_load");
    expect(gained("CAP_NET_ADMIN")).toEqual([]);
  });

  it("refuses on every machine that we know, whatever the powers", () => {
    for (const machine of ["amd64", "386", "arm64", "arm", "riscv64"]) {
      const ask = asking([...CAPABILITIES], machine);
      expect([machine, ask("kexec_load"), ask("read")]).toEqual([machine, EPERM, ALLOW]);
    }
  });
});
