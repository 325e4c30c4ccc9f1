// From a profile for all containers to what it is for one, and to the filter that is put before
// its system calls.

import { NacreError } from "../error.ts";
import { kernelAtLeast } from "../kernel-release.ts";
import {
  type ListenerState,
  listenerState,
  type SystemCallFilter,
} from "../program/system-call-filter.ts";
import { abisOf } from "./architectures.ts";
import { DEFAULT_PROFILE } from "./default-profile.ts";
import { compileFilter } from "./filter.ts";
import { parseProfile } from "./parse.ts";
import type { ConditionalRule, Seccomp, SeccompCondition, SeccompProfile } from "./profile.ts";

/** What the conditions of a profile's rules ask about. */
export interface ForWhom {
  /** OCI architecture of the machine. */
  readonly architecture: string;
  /** The kernel's release. */
  readonly release: string;
  /** The bounding set. */
  readonly capabilities: readonly string[];
}

function includes({ caps, arches, minKernel }: SeccompCondition, whom: ForWhom): boolean {
  if (arches?.length && !arches.includes(whom.architecture)) return false;
  if (minKernel !== undefined && !kernelAtLeast(whom.release, minKernel)) return false;
  return (caps ?? []).every((name) => whom.capabilities.includes(name));
}

function excludes({ caps, arches, minKernel }: SeccompCondition, whom: ForWhom): boolean {
  if (arches?.includes(whom.architecture)) return true;
  if (minKernel !== undefined && kernelAtLeast(whom.release, minKernel)) return true;
  return (caps ?? []).some((name) => whom.capabilities.includes(name));
}

const holds = ({ includes: only, excludes: not }: ConditionalRule, whom: ForWhom): boolean =>
  (only === undefined || includes(only, whom)) && (not === undefined || !excludes(not, whom));

/** The `linux.seccomp` object of a container. */
export function seccompFor(profile: SeccompProfile, whom: ForWhom): Seccomp {
  const { archMap, architectures, syscalls = [], ...rest } = profile;
  const native = abisOf(whom.architecture)[0]?.name;
  const group = archMap?.find(({ architecture }) => architecture === native);
  const named = group ? [group.architecture, ...(group.subArchitectures ?? [])] : architectures;
  return {
    ...rest,
    ...(named && { architectures: named }),
    syscalls: syscalls
      .filter((rule) => holds(rule, whom))
      .map(({ includes: _only, excludes: _not, comment: _comment, ...rule }) => rule),
  };
}

const FLAG_WORDS = {
  SECCOMP_FILTER_FLAG_TSYNC: "tsync",
  SECCOMP_FILTER_FLAG_LOG: "log",
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: "spec-allow",
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: "wait-killable",
} as const;

/**
 * The filter of a `linux.seccomp` object: what an operation of a program carries.
 * @param about needed where the profile has a listener
 */
export function filterOf(
  seccomp: Seccomp,
  architecture: string,
  about: ListenerState = { id: "", bundle: "" },
): SystemCallFilter {
  const { listenerPath, listenerMetadata, flags = [] } = seccomp;
  // The kernel takes it of those who wait for an answer alone.
  const meant = flags.filter((flag) => listenerPath || !flag.endsWith("_WAIT_KILLABLE_RECV"));
  return {
    instructions: compileFilter(seccomp, architecture),
    flags: meant.map((flag) => FLAG_WORDS[flag]),
    ...(listenerPath !== undefined && {
      listener: { path: listenerPath, state: listenerState(listenerMetadata, about) },
    }),
  };
}

/**
 * What a container's request says of its system calls: a profile as JSON, or the default.
 * @throws NacreError `invalid` that names the field, and calls that nobody knows
 */
export function containerSeccomp(requested: string | undefined, whom: ForWhom): Seccomp {
  if (requested === undefined || requested === "builtin") return seccompFor(DEFAULT_PROFILE, whom);
  const unknownCall = (field: string, call: string): never => {
    throw new NacreError("invalid", `seccomp: ${field}: no architecture has a call ${call}`, {
      advice: "See syscalls(2) for the names, or leave it out: what is not named is not allowed.",
    });
  };
  return seccompFor(parseProfile(requested, { name: "profile", unknownCall }), whom);
}
