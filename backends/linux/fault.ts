// What a failed operation becomes for the rest of the house.

import { type ErrorKind, NacreError } from "@nacre/core/error.ts";
import type { OperationFault } from "@nacre/core/ports/kernel.ts";
import { describe } from "@nacre/core/program/describe.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram, Section } from "@nacre/core/program/program.ts";
import { operationOf } from "@nacre/core/program/wire.ts";
import { errnoMessage, errnoName } from "./errno.ts";
import type { Failure } from "./report.ts";

function operationAt(program: KernelProgram, section: Section, index: number) {
  if (section === "host") return program.host[index];
  return section === "clone" ? undefined : program.process?.[section][index];
}

function kindOf(errno: string, operation: Operation | undefined): ErrorKind {
  if (operation?.op === "execute" || operation?.op === "findProgram") {
    if (errno === "ENOENT" || errno === "ENOTDIR") return "command-not-found";
    if (["EACCES", "ENOEXEC", "EPERM", "EISDIR"].includes(errno)) return "command-not-executable";
  }
  if (errno === "EINTR") return "interrupted";
  if (errno === "EPERM" || errno === "EACCES" || errno === "EROFS") return "denied";
  return errno === "ENOSPC" || errno === "EDQUOT" ? "no-space" : "kernel";
}

/** What a process that waited for its start says of its end; undefined for an execution. */
export function beginError(code: number, errno: number, detail: string): NacreError {
  const name = errnoName(errno);
  const op = operationOf(code);
  const operation = op && ({ op } as Operation);
  const what = op === "execute" ? `execute ${detail}` : `${op ?? "start"}: ${detail}`;
  return new NacreError(kindOf(name, operation), `${what}: ${name} (${errnoMessage(errno)})`, {
    operation: what,
    errno: name,
  });
}

const ADVICE: Partial<Record<ErrorKind, string>> = {
  denied: "Run as root.",
  "no-space": "Free some space: `nacre system prune` removes what is unused.",
};

/** `undoing`: inverses that failed as well, so that the kernel is not as it was. */
export function operationError(
  program: KernelProgram,
  section: Section,
  failure: Failure,
  undoing: readonly Failure[],
): NacreError {
  const operation = operationAt(program, section, failure.index);
  const errno = errnoName(failure.errno);
  const fault: OperationFault = { section, index: failure.index, errno, detail: failure.detail };
  const kind = kindOf(errno, operation);
  const what = operation ? describe(operation) : "make the process";
  const how = failure.detail ? `, at ${failure.detail}` : "";
  const left = undoing.map(
    (u) => `; undoing operation ${u.index} failed, too: ${errnoName(u.errno)} ${u.detail}`,
  );
  const advice = ADVICE[kind];
  return new NacreError(
    kind,
    `${what}: ${errno} (${errnoMessage(failure.errno)}${how})${left.join("")}`,
    { operation: what, errno, cause: fault, ...(advice && { advice }) },
  );
}
