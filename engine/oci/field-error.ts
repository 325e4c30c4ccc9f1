// An operation's failure, said of the field of config.json that had asked for it.

import { NacreError } from "@nacre/core/error.ts";
import type { OperationFault } from "@nacre/core/ports/kernel.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";

function fieldOfFault(program: KernelProgram, fault: Partial<OperationFault>): string | undefined {
  const { section, index = -1, detail = "" } = fault;
  if (section === "host") return program.host[index]?.field;
  if (section === "parent" || section === "child") return program.process?.[section][index]?.field;
  const { joinPaths = [], create = [] } = program.process?.clone ?? {};
  if (joinPaths.some(({ path }) => detail.endsWith(path))) return "linux.namespaces";
  if (detail.startsWith("setns")) return "linux.namespaces";
  return detail.startsWith("clone3") && create.length > 0 ? "linux.namespaces" : undefined;
}

/** The same error, with the field's name in front where there is one. */
export function named(error: unknown, program: KernelProgram): unknown {
  if (!(error instanceof NacreError)) return error;
  const field = fieldOfFault(program, (error.cause ?? {}) as Partial<OperationFault>);
  const { kind, operation, errno } = error;
  const found = notFound(error);
  if (field === undefined && found === error.message) return error;
  const where = field === undefined ? "" : `config.json: ${field}: `;
  return new NacreError(kind, `${where}${found}`, {
    ...(operation !== undefined && { operation }),
    ...(errno !== undefined && { errno }),
    cause: error.cause,
  });
}

/** The words by which podman and docker know what became of a command (their exit codes 126, 127). */
function notFound({ kind, message }: NacreError): string {
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
