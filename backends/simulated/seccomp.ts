// seccomp(2): filters stand before a process's system calls, and before those of whatever it
// becomes and makes. Of several the one decides that is strictest (__seccomp_filter of
// kernel/seccomp.c). Nobody listens or traces here: what is left to one of them is refused.

import { actionOf } from "@nacre/core/seccomp/actions.ts";
import { abisOf } from "@nacre/core/seccomp/architectures.ts";
import { evaluateFilter } from "@nacre/core/seccomp/evaluate.ts";
import { capable } from "./credentials.ts";
import { errnoNamed, fail, isErrnoName } from "./errno.ts";
import type { Machine } from "./machine.ts";
import { type Process, ProcessGone } from "./process.ts";

/** SIGSYS */
const BAD_CALL = 31;

/** Answers that were found, by filter: of a call with the same arguments they are the same. */
const answers = new WeakMap<Uint8Array, Map<string, number>>();

function answer(
  filter: Uint8Array,
  audit: number,
  number: number,
  values: readonly bigint[],
): number {
  const known = answers.get(filter) ?? new Map<string, number>();
  answers.set(filter, known);
  const key = `${number} ${values.join(" ")}`;
  const found = known.get(key) ?? evaluateFilter(filter, { audit, number, arguments: values });
  known.set(key, found);
  return found;
}

/** Puts a filter before all calls from now on. */
export function addFilter(process: Process, filter: Uint8Array): void {
  const { credentials } = process;
  const may =
    credentials.noNewPrivileges || capable(credentials, "CAP_SYS_ADMIN", credentials.user);
  if (!may) fail("EACCES", "seccomp");
  process.filters = [...process.filters, filter];
}

/** What happens to a call: nothing, where no filter minds. */
export function requireCall(
  machine: Machine,
  process: Process,
  name: string,
  ...values: bigint[]
): void {
  if (process.filters.length === 0) return;
  const abi = abisOf(machine.architecture)[0];
  const number = abi?.numbers().get(name);
  if (!abi || number === undefined) return;
  const found = process.filters.map((filter) => answer(filter, abi.audit, number, values));
  const { action, data } = actionOf(found.reduce((a, b) => ((b | 0) < (a | 0) ? b : a)));
  switch (action) {
    case "SCMP_ACT_ALLOW":
    case "SCMP_ACT_LOG":
      break;
    case "SCMP_ACT_ERRNO": {
      const errno = errnoNamed(data) ?? "EIO";
      fail(isErrnoName(errno) ? errno : "EIO");
      break;
    }
    case "SCMP_ACT_TRACE":
    case "SCMP_ACT_NOTIFY":
      fail("ENOSYS");
      break;
    default:
      machine.processes.exit(process, { code: 0, signal: BAD_CALL });
      throw new ProcessGone();
  }
}
