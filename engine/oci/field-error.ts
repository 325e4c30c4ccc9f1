// An operation's failure, said of the field of config.json that had asked for it.

import { NacreError } from "@nacre/core/error.ts";
import type { OperationFault } from "@nacre/core/ports/kernel.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";

const MEMORY_LIMIT = "linux.resources.memory.limit";

function fieldOfFault(program: KernelProgram, fault: Partial<OperationFault>): string | undefined {
  const { section, index = -1, detail = "" } = fault;
  if (section === "host") return program.host[index]?.field;
  if (section === "parent" || section === "child") return program.process?.[section][index]?.field;
  const { joinPaths = [], create = [] } = program.process?.clone ?? {};
  if (joinPaths.some(({ path }) => detail.endsWith(path))) return "linux.namespaces";
  if (detail.startsWith("setns")) return "linux.namespaces";
  if (detail.startsWith("clone3") && create.length > 0) return "linux.namespaces";
  // Nobody knows of it but the kernel, which kills whom there is no memory for.
  const limited = program.host.some(({ field }) => field === MEMORY_LIMIT);
  return fault.errno === "EINTR" && limited ? MEMORY_LIMIT : undefined;
}

/** The same error, with the field's name in front where there is one. */
export function named(error: unknown, program: KernelProgram): unknown {
  if (!(error instanceof NacreError)) return error;
  const field = fieldOfFault(program, (error.cause ?? {}) as Partial<OperationFault>);
  const { kind, operation, errno } = error;
  const found = told(error, field);
  if (field === undefined && found === error.message) return error;
  const where = field === undefined ? "" : `config.json: ${field}: `;
  return new NacreError(kind, `${where}${found}`, {
    ...(operation !== undefined && { operation }),
    ...(errno !== undefined && { errno }),
    cause: error.cause,
  });
}

/** The words by which podman and docker know what became of a command (their exit codes 126, 127). */
function told({ kind, message, errno }: NacreError, field: string | undefined): string {
  if (field === MEMORY_LIMIT && errno === "EINTR") return `${message}: is it too low?`;
  if (kind === "command-not-found") return `${message}: executable file not found in $PATH`;
  return kind === "command-not-executable" ? `${message}: permission denied` : message;
}

/** A container's directory could not be made: somebody has the name. */
export function isTaken(error: unknown): boolean {
  const fault =
    error instanceof NacreError
      ? (error.cause as { section?: string; index?: number; errno?: string })
      : undefined;
  return fault?.section === "host" && fault.index === 0 && fault.errno === "EEXIST";
}
