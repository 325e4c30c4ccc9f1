// Architectures as seccomp knows them: which system calls a process can make, and how a filter
// tells them apart (seccomp_data.arch, AUDIT_ARCH_* of linux/audit.h).

import { CALL_NUMBERS, NEWEST_CALL, X32_BIT } from "./numbers.ts";

/** One way to enter the kernel. */
export interface Abi {
  /** As profiles name it. */
  readonly name: string;
  /** AUDIT_ARCH_*. x32 shares x86_64's; its calls have X32_BIT. */
  readonly audit: number;
  /** Size of an argument. */
  readonly bits: 32 | 64;
  readonly numbers: () => ReadonlyMap<string, number>;
  /** The newest call that its table speaks of. */
  readonly newest: number;
}

const X86_64: Abi = {
  ...{ name: "SCMP_ARCH_X86_64", audit: 0xc000_003e, bits: 64 },
  ...{ numbers: CALL_NUMBERS.x86_64, newest: NEWEST_CALL },
};
const X86: Abi = {
  ...{ name: "SCMP_ARCH_X86", audit: 0x4000_0003, bits: 32 },
  ...{ numbers: CALL_NUMBERS.x86, newest: NEWEST_CALL },
};
/** Pointers of 32 bits, registers of 64. */
export const X32: Abi = {
  ...{ name: "SCMP_ARCH_X32", audit: 0xc000_003e, bits: 64 },
  ...{ numbers: CALL_NUMBERS.x32, newest: X32_BIT + 547 },
};
const AARCH64: Abi = {
  ...{ name: "SCMP_ARCH_AARCH64", audit: 0xc000_00b7, bits: 64 },
  ...{ numbers: CALL_NUMBERS.aarch64, newest: NEWEST_CALL },
};
const ARM: Abi = {
  ...{ name: "SCMP_ARCH_ARM", audit: 0x4000_0028, bits: 32 },
  ...{ numbers: CALL_NUMBERS.arm, newest: NEWEST_CALL },
};
const RISCV64: Abi = {
  ...{ name: "SCMP_ARCH_RISCV64", audit: 0xc000_00f3, bits: 64 },
  ...{ numbers: CALL_NUMBERS.riscv64, newest: NEWEST_CALL },
};

/** What programs a machine executes, by OCI architecture, its own first. */
const OF_MACHINES: Readonly<Record<string, readonly Abi[]>> = {
  amd64: [X86_64, X86, X32],
  "386": [X86],
  arm64: [AARCH64, ARM],
  arm: [ARM],
  riscv64: [RISCV64],
};

/** The ABIs of a machine, its own first; empty where no table knows its calls. */
export const abisOf = (architecture: string): readonly Abi[] => OF_MACHINES[architecture] ?? [];

/** Every architecture that a profile may name (libseccomp's names, runtime-spec config-linux.md). */
export const ARCHITECTURE_NAMES: ReadonlySet<string> = new Set(
  [
    "X86 X86_64 X32 ARM AARCH64 MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64",
    "PPC64LE S390 S390X PARISC PARISC64 RISCV64 LOONGARCH64 M68K SH SHEB",
  ].flatMap((line) => line.split(" ").map((name) => `SCMP_ARCH_${name}`)),
);
