// What a failed operation becomes for the rest of the house: the same kinds as on Linux.

import { type ErrorKind, NacreError } from "@nacre/core/error.ts";
import type { OperationFault } from "@nacre/core/ports/kernel.ts";
import { describe } from "@nacre/core/program/describe.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";
import { NOT_EXECUTABLE, NOT_FOUND } from "./child-operations.ts";
import type { ErrnoName } from "./errno.ts";
import type { OperationFailure, UndoFailure } from "./interpreter.ts";

function operationAt(program: KernelProgram, failure: OperationFailure): Operation | undefined {
  const { section, index } = failure;
  if (section === "host") return program.host[index];
  return section === "clone" ? undefined : program.process?.[section][index];
}

function kindOf(errno: ErrnoName, operation: Operation | undefined): ErrorKind {
  if (operation?.op === "execute" || operation?.op === "findProgram") {
    if (NOT_FOUND.includes(errno)) return "command-not-found";
    if (NOT_EXECUTABLE.includes(errno)) return "command-not-executable";
  }
  if (errno === "EPERM" || errno === "EACCES" || errno === "EROFS") return "denied";
  if (errno === "EINTR") return "interrupted";
  return errno === "ENOSPC" || errno === "EDQUOT" ? "no-space" : "kernel";
}

/** What a child that has been begun says of its end. */
export function beginError(error: unknown, operations: readonly Operation[]): NacreError {
  const failure = error as Partial<OperationFailure>;
  if (!failure.fault || failure.index === undefined) {
    return new NacreError("interrupted", "the process ended before it could execute its program");
  }
  const operation = failure.section === "child" ? operations[failure.index] : undefined;
  const { errno, detail } = failure.fault;
  const what = operation?.op === "execute" ? `execute ${detail}` : `${operation?.op}: ${detail}`;
  return new NacreError(kindOf(errno, operation), `${what}: ${errno}`, { operation: what, errno });
}

const ADVICE: Partial<Record<ErrorKind, string>> = {
  denied: "Run as root.",
  "no-space": "Free some space: `nacre system prune` removes what is unused.",
};

/** What is known by a path is a file of one image. */
const names = (programs: Iterable<string>): string[] =>
  [...programs].filter((name) => !name.includes("/")).sort();

/** What to do about it: of a file that is no program here, that only `programs` are. */
function adviceFor(
  kind: ErrorKind,
  errno: ErrnoName,
  programs: Iterable<string>,
): string | undefined {
  if (kind !== "command-not-executable" || errno !== "ENOEXEC") return ADVICE[kind];
  return `The simulated kernel executes no machine code. It knows these programs by their names: ${names(programs).join(", ")}.`;
}

/**
 * `undoing`: inverses that failed as well, so that the kernel is not as it was. `programs`: what
 * the machine can execute.
 */
export function operationError(
  program: KernelProgram,
  failure: OperationFailure,
  undoing: readonly UndoFailure[],
  programs: Iterable<string>,
): NacreError {
  const operation = operationAt(program, failure);
  const { errno, detail } = failure.fault;
  const { section, index } = failure;
  const fault: OperationFault = { section, index, errno, detail };
  const kind = kindOf(errno, operation);
  const what = operation ? describe(operation) : section;
  const how = detail ? ` (at ${detail})` : "";
  const left = undoing.map((u) => `; undoing operation ${u.index} failed, too: ${u.fault.message}`);
  const advice = adviceFor(kind, errno, programs);
  return new NacreError(kind, `${what}: ${errno}${how}${left.join("")}`, {
    operation: what,
    errno,
    cause: fault,
    ...(advice && { advice }),
  });
}

/** `interrupted`: what the program did is left as it is, for whoever looks next. */
export function supervisorKilled(program: KernelProgram, cause: unknown): NacreError {
  return new NacreError("interrupted", `the supervisor of "${program.title}" was killed`, {
    advice: "Its next use finds out what it left behind.",
    cause,
  });
}
