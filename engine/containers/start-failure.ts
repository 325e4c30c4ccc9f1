// A start that failed, as a shell and a person are told of it.

import { NacreError } from "@nacre/core/error.ts";
import type { OperationFault } from "@nacre/core/ports/kernel.ts";
import type { KernelProgram } from "@nacre/core/program/program.ts";

/** The exit code that a shell would see of a start that failed. */
export function failureCode(error: unknown): number {
  if (!(error instanceof NacreError)) return 125;
  if (error.kind === "command-not-found") return 127;
  return error.kind === "command-not-executable" ? 126 : 125;
}

/** Of an idmapped mount on a file system that has none: the kernel says no more than EINVAL. */
function ownersError(error: NacreError, program: KernelProgram): NacreError | undefined {
  const { section, index } = (error.cause ?? {}) as Partial<OperationFault>;
  const failed = section === "child" ? program.process?.child[index ?? -1] : undefined;
  if (!failed || !("idmap" in failed) || !failed.idmap) return undefined;
  const leave = failed.op === "bind" ? "Run it with --userns host" : "Leave idmap out";
  return new NacreError(
    "unsupported",
    `${failed.source} cannot be shown with other owners: its file system has no idmapped mounts`,
    {
      ...{ errno: "EINVAL", cause: error },
      advice: `${leave}, or keep the files on ext4, xfs, btrfs or, from Linux 6.3, tmpfs.`,
    },
  );
}

/** Of a command that joins a container and finds no directory to begin in; docker's words. */
function directoryError(error: NacreError, program: KernelProgram): NacreError | undefined {
  const { section, index, errno } = (error.cause ?? {}) as Partial<OperationFault>;
  const failed = section === "child" ? program.process?.child[index ?? -1] : undefined;
  if (failed?.op !== "changeDirectory" || !failed.mustExist) return undefined;
  const absent = errno === "ENOENT";
  const why = absent ? "no such file or directory" : `it cannot be entered (${errno})`;
  return new NacreError(
    absent ? "command-not-found" : "command-not-executable",
    `${program.title}: chdir to cwd (${JSON.stringify(failed.path)}) failed: ${why}`,
    {
      ...(error.errno !== undefined && { errno: error.errno }),
      advice: "What joins a container makes no directory: make it first, or leave -w out.",
      cause: error,
    },
  );
}

/** A command that cannot be run, in a person's words; every other failure is left as it is. */
export function commandError(error: unknown, program: KernelProgram): unknown {
  if (!(error instanceof NacreError)) return error;
  const nowhere = directoryError(error, program);
  if (nowhere) return nowhere;
  if (error.errno === "EINVAL") return ownersError(error, program) ?? error;
  const found = error.kind === "command-not-executable";
  if (!found && error.kind !== "command-not-found") return error;
  const last = program.process?.child.at(-1);
  const command = last?.op === "execute" ? JSON.stringify(last.arguments[0]) : "the command";
  const usual = found
    ? "It needs the x bit, this machine's architecture, and an interpreter that is there."
    : "A name without a slash is looked up in the PATH of the container's environment.";
  const why = found ? `cannot be executed (${error.errno})` : "executable file not found";
  return new NacreError(error.kind, `${program.title}: ${command}: ${why}`, {
    ...(error.errno !== undefined && { errno: error.errno }),
    advice: error.advice ?? usual,
    cause: error,
  });
}
