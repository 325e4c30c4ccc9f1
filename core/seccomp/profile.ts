// A seccomp profile as people write it: the `linux.seccomp` object of the OCI runtime spec
// (config-linux.md, "Seccomp"), and what Docker's profiles have beside it: rules for certain
// capabilities, architectures and kernels, and architectures by machine.

export type SeccompAction =
  | "SCMP_ACT_KILL"
  | "SCMP_ACT_KILL_THREAD"
  | "SCMP_ACT_KILL_PROCESS"
  | "SCMP_ACT_TRAP"
  | "SCMP_ACT_ERRNO"
  | "SCMP_ACT_TRACE"
  | "SCMP_ACT_LOG"
  | "SCMP_ACT_ALLOW"
  | "SCMP_ACT_NOTIFY";

export type SeccompOperator =
  | "SCMP_CMP_NE"
  | "SCMP_CMP_LT"
  | "SCMP_CMP_LE"
  | "SCMP_CMP_EQ"
  | "SCMP_CMP_GE"
  | "SCMP_CMP_GT"
  | "SCMP_CMP_MASKED_EQ";

export type SeccompFlag =
  | "SECCOMP_FILTER_FLAG_TSYNC"
  | "SECCOMP_FILTER_FLAG_LOG"
  | "SECCOMP_FILTER_FLAG_SPEC_ALLOW"
  | "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";

/** A comparison of an argument of the call; numbers are unsigned, of 64 bits. */
export interface SeccompArgument {
  /** 0 to 5. */
  readonly index: number;
  /** What it is compared with; of MASKED_EQ the mask. */
  readonly value: number | bigint;
  /** Of MASKED_EQ: what is left of the argument under the mask. */
  readonly valueTwo?: number | bigint;
  readonly op: SeccompOperator;
}

/**
 * What happens to calls of these names. Without `args` always; with them if all hold, and if one
 * argument is named twice, if any holds. A rule without `args` decides a call whole, wherever it
 * stands; among others the first that matches.
 */
export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: SeccompAction;
  /** Of ERRNO and TRACE; absent: the profile's, or EPERM. */
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArgument[];
}

/** The `linux.seccomp` object of config.json. */
export interface Seccomp {
  readonly defaultAction: SeccompAction;
  readonly defaultErrnoRet?: number;
  /** Beside the machine's own; a call of any other kills the process. */
  readonly architectures?: readonly string[];
  readonly flags?: readonly SeccompFlag[];
  /** Where somebody listens who decides on NOTIFY. */
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly SeccompRule[];
}

/** When a rule of a profile is part of it: all that is said must hold; of `arches` one, of `caps` all (in `excludes`: any). */
export interface SeccompCondition {
  readonly caps?: readonly string[];
  /** OCI architectures, and `x32`, `x86`. */
  readonly arches?: readonly string[];
  /** `4.8` */
  readonly minKernel?: string;
}

export interface ConditionalRule extends SeccompRule {
  readonly comment?: string;
  readonly includes?: SeccompCondition;
  readonly excludes?: SeccompCondition;
}

/** A profile as Docker's, before it is known for whom it is. */
export interface SeccompProfile extends Omit<Seccomp, "syscalls"> {
  /** Instead of `architectures`: which go together. */
  readonly archMap?: readonly {
    readonly architecture: string;
    readonly subArchitectures?: readonly string[] | null;
  }[];
  readonly syscalls?: readonly ConditionalRule[];
}
